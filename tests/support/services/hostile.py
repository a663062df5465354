"""A program on loopback that answers with any bytes, at any pace."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

Part = bytes | float
"""Bytes to send, or seconds to wait."""


@dataclass
class Hostile:
    """`heads`: the head of each request, in lower case. `open`: the connections that are open."""

    address: str = ""
    heads: list[str] = field(default_factory=list)
    open: int = 0

    @property
    def url(self) -> str:
        return f"http://{self.address}"


@asynccontextmanager
async def hostile(answer: Callable[[], Iterable[Part]]) -> AsyncGenerator[Hostile]:
    """Answer each request with the parts that `answer` gives."""
    here = Hostile()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        here.open += 1
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
                here.heads.append(head)
                length = head.partition("content-length: ")[2].partition("\r\n")[0]
                await reader.readexactly(int(length or 0))
                for part in answer():
                    if isinstance(part, bytes):
                        writer.write(part)
                        await writer.drain()
                    else:
                        await asyncio.sleep(part)
                        if reader.at_eof():
                            return
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            here.open -= 1
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()[:2]
    here.address = f"{host}:{port}"
    async with server:
        yield here


def http(body: bytes = b"{}", *headers: str, status: int = 200) -> bytes:
    """A whole answer."""
    lines = (f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", *headers, "", "")
    return "\r\n".join(lines).encode() + body
