"""One model as a program for each command, a worker, and a server: `model.py FORM [ARGUMENT]`."""
import json, os, sys, threading, time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../../support"))
from http_model import Model, serve

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


class Server(Model):
    def infer(self, params):
        return infer(params, self.is_closed)


def server(port):
    serve(port, Server)


globals()[sys.argv[1]](*sys.argv[2:])
