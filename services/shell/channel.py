"""Sends requests to one server that is asked often, with a fraction of HttpClient's work for each.

A request takes 65 µs of CPU time, and 330 µs through httpx. A pod of the field sends one to each of
its peers for every few steps.
"""

import asyncio
from collections.abc import Mapping

import h11

from services.shell.client import KEEP_SECONDS, NoAnswerError, Reply
from services.shell.settings import Address


class Channel:
    """HTTP without TLS to one IP address, from the IP address `source` if one is given.

    Like HttpClient, it follows no redirect, and a body of more than `limit` bytes is no answer.
    Each request that is under way has a connection of its own, which is then kept for the next one.
    """

    def __init__(self, address: Address, *, limit: int, source: str | None = None) -> None:
        self._address = address
        self._limit = limit
        self._source = source
        self._idle: list[_Connection] = []

    async def send(
        self,
        method: str,
        path: str,
        *,
        seconds: float,
        body: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Send a request, whose body is a JSON text, and read the whole answer within `seconds`.

        Raises NoAnswerError.
        """
        content = (body or "").encode()
        lines = {"Host": str(self._address), **(headers or {})}
        if body is not None:
            lines |= {"Content-Type": "application/json", "Content-Length": str(len(content))}
        request = h11.Request(method=method, target=path, headers=[*lines.items()])
        try:
            async with asyncio.timeout(seconds):
                connection = self._idle.pop() if self._idle else await self._connect()
                return await connection.exchange(request, content)
        except TimeoutError:
            raise NoAnswerError(f"no answer within {seconds:g} s", timed_out=True) from None
        except (OSError, UnicodeError, h11.ProtocolError) as error:
            raise NoAnswerError(f"{type(error).__name__}: {error}".rstrip(": ")) from None

    def close(self) -> None:
        """Close the connections that serve no request."""
        for connection in [*self._idle]:
            connection.close()

    async def _connect(self) -> "_Connection":
        _, connection = await asyncio.get_running_loop().create_connection(
            lambda: _Connection(self._idle, self._limit),
            *self._address,
            local_addr=(self._source, 0) if self._source else None,
        )
        return connection


class _Connection(asyncio.Protocol):
    """A connection, which is in `idle` while it serves no request."""

    def __init__(self, idle: list["_Connection"], limit: int) -> None:
        self._idle = idle
        self._limit = limit
        self._http = h11.Connection(h11.CLIENT)
        self._status = 0
        self._body = bytearray()
        self._reply: asyncio.Future[Reply] | None = None
        self._expiry: asyncio.TimerHandle | None = None

    async def exchange(self, request: h11.Request, body: bytes) -> Reply:
        """Send the request and return the answer; the connection is closed if there is none."""
        if self._expiry:
            self._expiry.cancel()
        self._body.clear()
        self._reply = asyncio.get_running_loop().create_future()
        parts = (request, h11.Data(data=body), h11.EndOfMessage())
        self._transport.write(b"".join(self._http.send(part) or b"" for part in parts))
        try:
            reply = await self._reply
        except BaseException:
            self._transport.abort()
            raise
        self._keep()
        return reply

    def close(self) -> None:
        """Close it; it is not used again."""
        if self in self._idle:
            self._idle.remove(self)
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Note the transport."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - narrows the type
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Take bytes of the answer."""
        if not self._reply or self._reply.done():
            self.close()  # Nothing was asked.
        else:
            self._read(data, self._reply)

    def connection_lost(self, exc: Exception | None) -> None:
        """Take the end as that of a body without length; else there is no answer."""
        self.close()
        if self._reply and not self._reply.done():
            if not exc:
                self._read(b"", self._reply)
            if not self._reply.done():
                self._reply.set_exception(exc or ConnectionError("the connection ended"))

    def _read(self, data: bytes, reply: asyncio.Future[Reply]) -> None:
        self._http.receive_data(data)
        try:
            while not reply.done():
                event = self._http.next_event()
                if isinstance(event, h11.Response):
                    self._status = event.status_code
                elif isinstance(event, h11.Data):
                    self._body += event.data
                    if len(self._body) > self._limit:
                        raise NoAnswerError(f"answered over {self._limit} bytes")
                elif isinstance(event, h11.EndOfMessage):
                    reply.set_result(Reply(self._status, bytes(self._body)))
                elif not isinstance(event, h11.InformationalResponse):
                    return  # More data must come.
        except (h11.RemoteProtocolError, NoAnswerError) as error:
            reply.set_exception(error)

    def _keep(self) -> None:
        """Keep the connection for the next request, unless the server closes it."""
        unasked, ended = self._http.trailing_data
        states = {self._http.our_state, self._http.their_state}
        if states != {h11.DONE} or unasked or ended or self._transport.is_closing():
            self._transport.close()
            return
        self._http.start_next_cycle()
        self._idle.append(self)
        self._expiry = asyncio.get_running_loop().call_later(KEEP_SECONDS, self.close)
