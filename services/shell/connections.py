"""Bounds of a server's connections: their number, and the time that a caller may take."""

import asyncio
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from typing import Any, ClassVar

import h11
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from services.shell.bodies import BODY_LIMIT

HEAD_SECONDS = 10
"""Time limit for the head of a request, from the connection or from the head's first byte."""

LINGER_SECONDS = 0.2
"""How long a connection stays open after an answer to a request that was not read to its end. If it
were closed at once, the answer could be lost: what still arrives resets the connection."""

JOINED_BYTES = 64 * 2**10
"""Bytes that wait for the end of a turn of the event loop at most. What is sent at once counts to
the bytes above which asyncio makes the writer wait for the caller."""

PROBES = ("/health", "/ready", "/metrics")
"""Paths that are served however many connections there are, and before other requests."""


class CloseUnread:
    """Closes the connection after an answer to a request whose body was not read to its end.

    Otherwise, the rest of the body could arrive for as long as the sender likes.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] != "http" or not _announces_body(scope):
            await self._app(scope, receive, send)
            return
        unread = True
        length = dict(scope["headers"]).get(b"content-length", b"")
        small = length.isdigit() and int(length) <= BODY_LIMIT

        async def watch() -> Message:
            nonlocal unread
            message = await receive()
            unread = message["type"] == "http.request" and message.get("more_body", False)
            return message

        async def answer(message: Message) -> None:
            if small and unread and message["type"] == "http.response.start":
                with suppress(TimeoutError):
                    async with asyncio.timeout(0):
                        await watch()  # All of a small body has often arrived by now.
            if unread and message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"connection", b"close")]
            elif unread and not message.get("more_body", False):
                await send({**message, "more_body": True})
                await asyncio.sleep(LINGER_SECONDS)
                message = {"type": "http.response.body"}
            await send(message)

        await self._app(scope, watch, answer)


def _announces_body(scope: Mapping[str, Any]) -> bool:
    return any(
        name == b"transfer-encoding" or (name == b"content-length" and value.strip(b"0"))
        for name, value in scope["headers"]
    )


class BoundedProtocol(H11Protocol):
    """A connection whose heads must arrive in time, and which makes room for new connections.

    The number of connections is uvicorn's setting `limit_concurrency`. Above it, a new one takes
    the place of the one that has waited longest for a request. If all serve requests, the new one
    is refused with 503, unless it asks for one of PROBES.
    """

    _waiting: ClassVar[dict["BoundedProtocol", None]] = {}
    """The connections that wait for a request or for the rest of its head, the longest first."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._most, self.limit_concurrency = self.limit_concurrency or 0, None
        self._head_timer: asyncio.TimerHandle | None = None
        self._probes = _ProbesFirst(self, self.loop)
        self.loop: Any = self._probes

    def connection_made(  # type: ignore[override]
        self, transport: asyncio.Transport
    ) -> None:
        """Begin to wait for a request."""
        super().connection_made(_JoiningTransport(transport, self.loop))  # type: ignore[arg-type]
        if len(self.connections) > self._most:
            self._make_room()
        self._start_timer()
        self._note_state()

    def data_received(self, data: bytes) -> None:
        """Take bytes of a request."""
        self._probes.may_serve = True
        super().data_received(data)
        self._note_state()

    def on_response_complete(self) -> None:
        """Begin to wait for the next request, unless it is there already."""
        super().on_response_complete()
        self._note_state()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        super().connection_lost(exc)
        self._stop_waiting()

    def _note_state(self) -> None:
        if self.transport.is_closing() or self.conn.their_state is not h11.IDLE:
            self._stop_waiting()
            return
        self._waiting.setdefault(self)
        has_begun = bool(self.conn.trailing_data[0])
        if has_begun and not self._head_timer:
            self._start_timer()

    def _stop_waiting(self) -> None:
        self._waiting.pop(self, None)
        if self._head_timer:
            self._head_timer.cancel()
            self._head_timer = None

    def _start_timer(self) -> None:
        self._head_timer = self.loop.call_later(HEAD_SECONDS, self.timeout_keep_alive_handler)

    def _make_room(self) -> None:
        longest = next(iter(self._waiting), None)
        if longest:
            longest._stop_waiting()
            longest.transport.abort()
        else:
            self.app = _Refusal(self.app)


class _ProbesFirst:
    """The event loop of a connection, which serves a probe in the turn in which it arrives.

    A task would begin in the next turn, behind all requests that came before, and its answer would
    leave one turn later. When 200 callers overload a pod of the field, such turns take 30 ms.
    """

    may_serve = False
    """Whether the next probe may be served at once: one of those that arrive together, because
    thousands may, and nobody else is served in their turn."""

    def __init__(self, protocol: BoundedProtocol, loop: asyncio.AbstractEventLoop) -> None:
        self._protocol = protocol
        self._loop = loop

    def create_task(self, serving: Coroutine[Any, Any, None]) -> asyncio.Future[None]:
        protocol = self._protocol
        is_probe = protocol.scope["path"] in PROBES and not _announces_body(protocol.scope)
        if not is_probe or not self.may_serve or protocol.flow.write_paused:
            return self._loop.create_task(serving)
        self.may_serve = False
        served = self._loop.create_future()
        try:
            serving.send(None)
        except StopIteration:
            served.set_result(None)
        else:
            raise RuntimeError("The handler of a probe waits for something.")
        protocol.transport.flush()  # type: ignore[attr-defined]
        return served

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loop, name)


class _JoiningTransport:
    """Sends together what is written in one turn of the event loop, up to JOINED_BYTES.

    uvicorn writes an answer's head and then its body. Each piece that is sent wakes the caller, and
    costs more than most handlers do.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._joined = bytearray()

    def write(self, data: bytes) -> None:
        if not self._joined:
            self._loop.call_soon(self.flush)
        self._joined += data
        if len(self._joined) > JOINED_BYTES:
            self.flush()

    def close(self) -> None:
        self.flush()
        self._transport.close()

    def abort(self) -> None:
        # An answer may have ended in this very turn. asyncio's write passes it to the system at
        # once. Only if the caller is too slow for the system to take it all, abort drops the rest.
        self.flush()
        self._transport.abort()

    def flush(self) -> None:
        joined, self._joined = self._joined, bytearray()
        if joined:
            self._transport.write(joined)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class _Refusal:
    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] in PROBES:
            await self._app(scope, receive, send)
            return
        reason = {"error": "Too many connections; try again later."}
        headers = {"Retry-After": "1", "Connection": "close"}
        await JSONResponse(reason, 503, headers)(scope, receive, send)
