"""A receiver of traces by OTLP over HTTP: `python -m benchmarks.servers.otlp PORT`.

It accepts every `POST /v1/traces`, as a collector does, and tells by `GET /` how many had a body.
"""

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Receiver(BaseHTTPRequestHandler):
    """Handler that counts the exports it is sent."""

    protocol_version = "HTTP/1.1"
    exports = 0

    def do_POST(self) -> None:
        """Read one export and accept it."""
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        Receiver.exports += len(body) > 0
        self._send(200 if self.path == "/v1/traces" else 404, b"")

    def do_GET(self) -> None:
        """Send the number of exports so far."""
        self._send(200, b"%d" % Receiver.exports)

    def _send(self, status: int, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver).serve_forever()
