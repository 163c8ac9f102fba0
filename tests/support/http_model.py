"""A model behind HTTP, whose commands notice that nobody waits for their answer any more."""
import http.server, json, select, socket


class Model(http.server.BaseHTTPRequestHandler):
    """Answers what `infer` of a subclass returns, as bytes; an exception is a failure."""

    def infer(self, params):
        raise NotImplementedError

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.answer(200, b"ready")

    def do_POST(self):
        params = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        try:
            self.answer(200, self.infer(params))
        except Exception as error:
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


def serve(port, model):
    http.server.ThreadingHTTPServer(("127.0.0.1", int(port)), model).serve_forever()
