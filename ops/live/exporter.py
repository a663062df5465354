"""Stands in for a pod: serves metrics from a YAML file, which it reads at each scrape.

`python -m ops.live.exporter FILE WORKLOAD NUMBER` listens on $HOST:$PORT (default port 8000).
"""

import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import yaml


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    file, workload, number = Path(), "", 0

    def do_POST(self) -> None:
        """Answer as for GET: requests never change the values."""
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.do_GET()

    def do_GET(self) -> None:
        """Answer every path with the metrics, so that health probes succeed too."""
        content = yaml.safe_load(self.file.read_text(encoding="utf-8"))
        series = content["pods"][self.workload][self.number]
        body = "".join(f"{name} {value}\n" for name, value in series.items()).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's own name
        """Log nothing: each scrape would add a line."""


def main(file: str, workload: str, number: str) -> None:
    """Serve until the process is killed."""
    _Handler.file, _Handler.workload, _Handler.number = Path(file), workload, int(number)
    address = (os.environ["HOST"], int(os.environ.get("PORT", "8000")))
    ThreadingHTTPServer(address, _Handler).serve_forever()


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except KeyboardInterrupt:
        sys.exit(0)
