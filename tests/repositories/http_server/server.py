"""A model server: POST /predict with params that hold an image."""

import base64
import hashlib
import json
import os
from http.server import BaseHTTPRequestHandler, HTTPServer


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        params = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        image = base64.b64decode(params.get("image_base64", ""))
        answer = {"bytes": len(image), "sha256": hashlib.sha256(image).hexdigest()}
        body = json.dumps(answer).encode()
        self.send_response(200 if image else 422)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


server = HTTPServer(("127.0.0.1", 0), Handler)
with open("pid", "w", encoding="utf-8") as file:
    file.write(str(os.getpid()))
with open("ready", "w", encoding="utf-8") as file:
    file.write(f"{server.server_port}\n")
server.serve_forever()
