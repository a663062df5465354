"""Sends HTTP requests to other programs. What they answer, or don't, costs a bounded amount."""

import asyncio
import json
import ssl
from collections.abc import Mapping
from functools import cache
from http import HTTPStatus
from typing import Any, NamedTuple

import httpx

from services.shell.bodies import BODY_LIMIT

KEEP_SECONDS = 5
"""How long an idle connection is kept. Servers must keep theirs longer."""

_SHOWN = 200


class NoAnswerError(Exception):
    """There is no usable answer; the message says why in one line.

    `timed_out` tells an answer that did not come in time from all other failures.
    """

    def __init__(self, reason: str, *, timed_out: bool = False) -> None:
        super().__init__(reason)
        self.timed_out = timed_out


class Reply(NamedTuple):
    """An answer. `body` is as it was sent: a compressed one is not unpacked."""

    status: int
    body: bytes

    @property
    def is_success(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300

    def __str__(self) -> str:
        """The status and the beginning of the body."""
        text = self.body[:_SHOWN].decode(errors="replace")
        return f"answered {self.status}: {text}".rstrip(": ")


@cache
def _tls() -> ssl.SSLContext:
    # Without the cache, each client would read all certificates, which takes 13 ms.
    return httpx.create_ssl_context(trust_env=False)


class HttpClient:
    """Requests to programs that are never behind a proxy.

    No redirect is followed, no cookie is kept, no body is unpacked. At most `connections` are open,
    or any number if it is None; a body of more than `limit` bytes is no answer. Connections come
    from the IP address `source`, if one is given.
    """

    def __init__(
        self,
        *,
        connections: int | None = None,
        limit: int = BODY_LIMIT,
        source: str | None = None,
    ) -> None:
        # The transport has none of the habits of httpx.AsyncClient: cookies are shared between all
        # requests, and a small body unpacks to a huge one.
        self._transport = httpx.AsyncHTTPTransport(
            trust_env=False,
            verify=_tls(),
            local_address=source,
            limits=httpx.Limits(max_connections=connections, keepalive_expiry=KEEP_SECONDS),
        )
        self._limit = limit

    async def send(
        self,
        method: str,
        url: str | httpx.URL,
        *,
        seconds: float,
        body: bytes | str | Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Send a request and read the whole answer within `seconds`.

        `body` is a JSON text, or an object that is sent as JSON. Raises NoAnswerError.
        """
        fixed = {"Accept-Encoding": "identity"}
        if body is not None:
            fixed["Content-Type"] = "application/json"
        if isinstance(body, Mapping):
            body = json.dumps(body, ensure_ascii=False, allow_nan=False)
        try:
            request = httpx.Request(method, url, content=body, headers=fixed | dict(headers or {}))
            async with asyncio.timeout(seconds):
                return await self._exchange(request)
        except TimeoutError:
            raise NoAnswerError(f"no answer within {seconds:g} s", timed_out=True) from None
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            raise NoAnswerError(f"{type(error).__name__}: {error}".rstrip(": ")) from None

    async def send_until_taken(
        self,
        method: str,
        url: str | httpx.URL,
        *,
        seconds: float,
        total_seconds: float,
        pause_seconds: float,
        body: bytes | str | Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Send a request until something else than 503 is answered, for `total_seconds`.

        Only for requests that may arrive twice: an answer may be lost. Each try takes at most
        `seconds`; a pause follows each. Raises NoAnswerError with the reason of the last try.
        """
        reason = "no answer"
        try:
            async with asyncio.timeout(total_seconds):
                while True:
                    try:
                        reply = await self.send(
                            method, url, seconds=seconds, body=body, headers=headers
                        )
                    except NoAnswerError as error:
                        reason = str(error)
                    else:
                        if reply.status != HTTPStatus.SERVICE_UNAVAILABLE:
                            return reply
                        reason = str(reply)
                    await asyncio.sleep(pause_seconds)
        except TimeoutError:
            late = f"{reason}, after {total_seconds:g} s"
            raise NoAnswerError(late, timed_out=True) from None

    async def aclose(self) -> None:
        """Close all connections."""
        await self._transport.aclose()

    async def _exchange(self, request: httpx.Request) -> Reply:
        answer = await self._transport.handle_async_request(request)
        body = bytearray()
        try:
            async for chunk in answer.aiter_raw():
                body += chunk
                if len(body) > self._limit:
                    raise NoAnswerError(f"answered over {self._limit} bytes")
        finally:
            await answer.aclose()
        return Reply(answer.status_code, bytes(body))
