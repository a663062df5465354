"""A store on loopback that takes only requests with a valid AWS signature, version 4."""

import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

SERVICE = "aps"
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/]+)/(?P<date>\d{8})/(?P<region>[^/]+)/(?P<service>\w+)"
    r"/aws4_request, SignedHeaders=(?P<headers>[^,]+), Signature=(?P<signature>[0-9a-f]{64})"
)
_MUST_BE_SIGNED = {
    "host",
    "x-amz-date",
    "x-amz-security-token",
    "content-type",
    "x-prometheus-remote-write-version",
}
_PASSED_ON = ("content-type", "content-encoding", "x-prometheus-remote-write-version")


@dataclass(frozen=True, kw_only=True)
class Key:
    """The credentials of a role, and the region for which they may sign."""

    key: str
    secret: str
    token: str
    region: str

    def has_signed(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> bool:
        """Whether the request is signed with this key; `headers` have lower-case names."""
        given = _AUTHORIZATION.fullmatch(headers.get("authorization", ""))
        if not given or (given["key"], given["region"], given["service"]) != (
            self.key,
            self.region,
            SERVICE,
        ):
            return False
        signed = given["headers"].split(";")
        if not set(signed) >= _MUST_BE_SIGNED or headers["x-amz-security-token"] != self.token:
            return False
        own = {name: headers[name] for name in signed}
        request = AWSRequest(method=method, url=url, headers=own, data=body)
        request.context["timestamp"] = headers["x-amz-date"]
        auth = SigV4Auth(Credentials(self.key, self.secret, self.token), SERVICE, self.region)
        text = auth.string_to_sign(request, auth.canonical_request(request))
        return auth.signature(text, request) == given["signature"]


@dataclass
class SignedStore:
    """A running store; `answers` counts the answers by status. With `away`, it answers 503."""

    address: str
    answers: dict[int, int]
    away: bool = False


@contextmanager
def signed_store(key: Key, receiver: str) -> Iterator[SignedStore]:
    """Hand requests that are signed with the key to the `receiver`, a Prometheus; refuse others."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            status = self._take(self.rfile.read(int(self.headers["content-length"])))
            store.answers[status] = store.answers.get(status, 0) + 1
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def _take(self, body: bytes) -> int:
            headers = {name.lower(): value for name, value in self.headers.items()}
            if store.away:
                return 503
            if not key.has_signed("POST", f"http://{store.address}{self.path}", headers, body):
                return 403
            own = {name: headers[name] for name in _PASSED_ON}
            url = f"http://{receiver}/api/v1/write"
            return httpx.post(url, content=body, headers=own, trust_env=False).status_code

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    store = SignedStore(f"127.0.0.1:{server.server_port}", {})
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield store
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
