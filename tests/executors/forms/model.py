"""One model as a program for each command, a worker, and a server: `model.py FORM [ARGUMENT]`."""
import http.server, json, os, select, socket, sys, threading, time

LONG_LINE = 1 << 20
cancelled = set()


def infer(params, is_cancelled=lambda: False):
    """Does what its params say, and returns bytes. Notes that it was run."""
    with open("runs", "a") as runs:
        runs.write("%s\t%d\n" % (params["id"], os.getpid()))
    with open("began-" + params["id"], "w") as began:
        began.write("now\n")
    do = params["do"]
    if do == "fail":
        raise ValueError("sorry")
    if do == "crash":
        print("out of memory", file=sys.stderr, flush=True)
        os._exit(3)
    if do == "bytes":
        return b"\xff\n\x00\n"
    while do == "wait" and not os.path.exists("go-" + params["id"]):
        if is_cancelled():
            raise ValueError("cancelled")
        time.sleep(0.01)
    return params.get("text", "done").encode()


def process(params_file):
    with open(params_file) as file:
        params = json.load(file)
    try:
        sys.stdout.buffer.write(infer(params))
    except ValueError as error:
        sys.exit(str(error))


def worker():
    def say(message):
        os.write(1, b'{"jsonrpc":"2.0",%s}\n' % message)

    def answer(request):
        id = request["id"]
        head = b'"id":%s,' % json.dumps(id).encode()
        params = request.get("params") or json.load(open(request["params_file"]))
        try:
            result = infer(params, lambda: id in cancelled)
        except ValueError as error:
            return say(head + b'"error":{"code":-32000,"message":"%s"}' % str(error).encode())
        if len(result) > LONG_LINE:
            with open("result-" + id, "wb") as file:
                file.write(result)
            return say(head + b'"result_file":%s' % json.dumps(os.path.abspath(file.name)).encode())
        text = result.replace(b"\n", b"\\n").replace(b"\0", b"\\u0000")
        say(head + b'"result":"%s"' % text)

    say(b'"method":"ready"')
    for request in map(json.loads, sys.stdin):
        if "id" in request:
            threading.Thread(target=answer, args=(request,)).start()
        else:
            cancelled.add(request["params"]["requestId"])


class Server(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        self.answer(200, b"ready")

    def do_POST(self):
        params = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        try:
            self.answer(200, infer(params, self.is_closed))
        except ValueError as error:
            self.answer(500, str(error).encode())

    def is_closed(self):
        readable, _, _ = select.select([self.connection], [], [], 0)
        return bool(readable) and self.connection.recv(1, socket.MSG_PEEK) == b""

    def answer(self, status, body):
        try:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            pass  # Nobody waits for it any more.


def server(port):
    http.server.HTTPServer(("127.0.0.1", int(port)), Server).serve_forever()


globals()[sys.argv[1]](*sys.argv[2:])
