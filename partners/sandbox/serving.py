"""The HTTP server under every sandbox: on loopback, quiet, with a bound on bodies."""

from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HOST = "127.0.0.1"
BODY_BYTES_MAX = 1024 * 1024


class Server(ThreadingHTTPServer):
    """Answers each question in a thread of its own."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"http://{HOST}:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    """Reads a request and sends the answer; `answer` decides."""

    protocol_version = "HTTP/1.1"
    timeout = 60
    headers: Message

    def do_GET(self) -> None:
        """Take a question in."""
        self._handle()

    def do_POST(self) -> None:
        """Take an order in."""
        self._handle()

    def do_DELETE(self) -> None:
        """Take an end in."""
        self._handle()

    def log_message(self, *_: object) -> None:
        """Keep quiet: addresses of payments are nobody's business."""

    def answer(self, body: bytes) -> None:
        """Answer the request."""
        raise NotImplementedError

    def send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        """Send an answer."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _handle(self) -> None:
        length = self.headers.get("Content-Length") or "0"
        if not length.isdecimal() or int(length) > BODY_BYTES_MAX:
            self.close_connection = True
            return self.send(413, b"", {})
        return self.answer(self.rfile.read(int(length)))
