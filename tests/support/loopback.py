"""A stub HTTP server on loopback whose answers a test sets."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_HELD: list[socket.socket] = []
"""Sockets that have a port and do not listen."""


@dataclass(frozen=True)
class StubRequest:
    """A request to the stub; `json` is None for an empty body."""

    method: str
    path: str
    headers: dict[str, str]
    json: Any


@dataclass
class Stub:
    """A running stub: `answer` returns status and body; `requests` lists the received requests."""

    address: str
    answer: Callable[[StubRequest], tuple[int, bytes]]
    requests: list[StubRequest] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    def hang(self, _: StubRequest) -> tuple[int, bytes]:
        """Hang: answer only when the stub closes."""
        self.closing.wait()
        return 500, b""


def ok(_: StubRequest) -> tuple[int, bytes]:
    return 200, b'{"fine": true}'


@contextmanager
def stub(answer: Callable[[StubRequest], tuple[int, bytes]] = ok) -> Iterator[Stub]:
    """Run a stub on a free port of 127.0.0.1."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Without TCP_NODELAY, the body would wait 40 ms for the acknowledgement of the headers.
        disable_nagle_algorithm = True

        def _answer(self) -> None:
            raw = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            seen = StubRequest(self.command, self.path, headers, json.loads(raw) if raw else None)
            here.requests.append(seen)
            status, body = here.answer(seen)
            try:
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            except OSError:  # the caller has given up
                self.close_connection = True

        do_GET = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    here = Stub(f"127.0.0.1:{server.server_port}", answer)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield here
    finally:
        here.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()


def unused_address() -> str:
    """A `host:port` on loopback where nothing listens, nor can while the tests run."""
    held = socket.socket()
    held.bind(("127.0.0.1", 0))
    # Another worker's stub would soon get a port that is given back.
    _HELD.append(held)
    return f"127.0.0.1:{held.getsockname()[1]}"
