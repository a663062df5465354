"""A service's answers leave at once."""

import asyncio
import socket

from services.shell.runtime import _bind
from services.treaty.settings import TreatySettings


def test_a_connection_sends_each_part_of_an_answer_without_waiting_for_the_last() -> None:
    async def connection() -> int:
        accepted: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            here: socket.socket = writer.get_extra_info("socket")
            accepted.set_result(here.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        listener = _bind(TreatySettings(host="127.0.0.1", port=0))
        async with await asyncio.start_server(serve, sock=listener):
            _, writer = await asyncio.open_connection(*listener.getsockname())
            try:
                return await asyncio.wait_for(accepted, 1)
            finally:
                writer.close()

    assert asyncio.run(connection())
