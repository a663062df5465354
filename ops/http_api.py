"""Requests to an HTTP API that may be slow, broken or gone: an answer, or one line why not."""

import json
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import httpx

from ops.arguments import shown

TIMEOUT_SECONDS = 10.0
"""How long one answer may take, from the first byte sent to the last one read."""
MAX_BYTES = 32 * 1024 * 1024
"""The largest answer that is read: far more than a thousand pods make."""


class ApiError(Exception):
    """No usable answer; the message says whose, and why, on one line."""


class HttpApi:
    """One server. Once it can't be reached, or is too slow, it is not asked again."""

    def __init__(
        self,
        name: str,
        address: str,
        *,
        timeout: float = TIMEOUT_SECONDS,
        transport: httpx.BaseTransport | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`address` may hold a user and password; they are sent, and never shown."""
        self.name, self.shown_address = name, shown(address)
        self._address, self._timeout, self._clock = address, timeout, clock
        self._client = httpx.Client(timeout=timeout, transport=transport, trust_env=False)
        self._gone: str | None = None

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def call(self, method: str, path: str, **options: Any) -> Any:
        """The JSON of the answer, None where it has no body; `options` are httpx's own.

        Raises ApiError.
        """
        if self._gone:
            raise ApiError(self._gone)
        try:
            status, body = self._read(method, path, options)
        except httpx.TimeoutException:
            raise self._fail(f"gave no answer within {self._timeout:g} s", gone=True) from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            reason = shown(" ".join(str(error).split())) or type(error).__name__
            raise self._fail(f"can't be reached: {reason}", gone=True) from None
        text = body.decode("utf-8", errors="replace")
        if status // 100 != 2:
            raise self._fail(f"answered {path} with HTTP {status}{shown(_reason(text))}")
        if not text.strip():
            return None
        try:
            return _without_users(json.loads(text))
        except (ValueError, RecursionError):
            what = urlsplit(self.shown_address).hostname
            raise self._fail(f"answered {path} with no JSON; is it {what} that runs it?") from None

    def _read(self, method: str, path: str, options: dict[str, Any]) -> tuple[int, bytes]:
        deadline = self._clock() + self._timeout
        body = bytearray()
        with self._client.stream(method, self._address + path, **options) as response:
            for chunk in response.iter_bytes():
                body += chunk
                # A server that sends a byte now and then never trips a timeout between two reads.
                if self._clock() > deadline:
                    raise httpx.ReadTimeout("too slow")
                if len(body) > MAX_BYTES:
                    raise self._fail(f"answered {path} with more than {MAX_BYTES >> 20} MiB")
            return response.status_code, bytes(body)

    def _fail(self, what: str, *, gone: bool = False) -> ApiError:
        message = f"{self.name} at {self.shown_address} {what}"
        if gone:
            self._gone = message
        return ApiError(message)


def _without_users(value: Any) -> Any:
    """The same JSON without the user and password of any address in its texts."""
    if isinstance(value, str):
        return shown(value)
    if isinstance(value, list):
        return [_without_users(item) for item in value]
    if isinstance(value, dict):
        return {key: _without_users(item) for key, item in value.items()}
    return value


def _reason(text: str) -> str:
    """What the server says about its refusal, if it does so in JSON."""
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        return ""
    reason = said.get("error") or said.get("message") if isinstance(said, dict) else said
    return f": {' '.join(reason.split())[:200]}" if isinstance(reason, str) else ""
