"""Lets programs outside of the node's network reach its API server: `relay SOCKET`.

The socket listens on this machine's loopback address. A socket keeps the network namespace in which
it was created, so the relay accepts connections outside and forwards them inside.
"""

import asyncio
import socket
import sys

from toolchain.node.layout import ADDRESS, API_PORT

CHUNK = 1 << 16


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


async def _connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        there, back = await asyncio.open_connection(ADDRESS, API_PORT)
    except OSError:
        writer.close()
        return
    await asyncio.gather(_copy(reader, back), _copy(there, writer))


async def _relay(descriptor: int) -> None:
    server = await asyncio.start_server(_connect, sock=socket.socket(fileno=descriptor))
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_relay(int(sys.argv[1])))
