"""An HTTP proxy that keeps every request with its answer."""

import dataclasses
import http.client
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from harness import Part


@dataclasses.dataclass
class Exchange:
    """One request and its answer, as they were on the wire; header names in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    status: int
    answer_headers: dict[str, str]
    answer: bytes


class Recorder:
    def __init__(self, part: Part, upstream: str):
        self.exchanges: list[Exchange] = []
        address = upstream.removeprefix("http://")
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                connection = http.client.HTTPConnection(address, timeout=60)
                connection.request(self.command, self.path, body, dict(self.headers))
                answer = connection.getresponse()
                text = answer.read()
                connection.close()
                self.send_response_only(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() != "transfer-encoding":
                        self.send_header(name, value)
                self.end_headers()
                recorder.exchanges.append(
                    Exchange(self.command, self.path, lower(self.headers), body, answer.status, lower(answer), text)
                )
                self.wfile.write(text)

            # The adapter only posts; anything else is to be seen as well.
            do_GET = do_PUT = do_DELETE = do_POST

            def log_message(self, *_) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        self.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        part.when_done(server.shutdown)


def lower(message) -> dict[str, str]:
    headers = message.getheaders() if hasattr(message, "getheaders") else message.items()
    return {name.lower(): value for name, value in headers}
