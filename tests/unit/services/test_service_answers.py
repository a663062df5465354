"""How answers are sent: in one piece, those of probes at once."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from uvicorn.server import ServerState

from services.shell import ServerSettings, Service
from services.shell.connections import PROBES, BoundedProtocol
from services.shell.runtime import make_server


class Settings(ServerSettings):
    service = "ping"


class Recorder(asyncio.Transport):
    """A transport that keeps each piece that would be sent."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[bytes] = []
        self.closed = False

    def write(self, data: Any) -> None:
        assert not self.closed
        if data:
            self.sent.append(bytes(data))

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def abort(self) -> None:
        self.close()

    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...


def connect(transport: asyncio.Transport) -> BoundedProtocol:
    """A connection over the transport."""
    config = make_server(Service("ping"), Settings()).config
    config.load()
    connection = BoundedProtocol(config, ServerState(), {})
    connection.connection_made(transport)
    return connection


async def turn(number: int = 20) -> None:
    for _ in range(number):
        await asyncio.sleep(0)


@pytest.mark.parametrize("close", [b"", b"Connection: close\r\n"])
@pytest.mark.parametrize(
    ("path", "status", "body"),
    [
        pytest.param(b"/health", b"200 OK", b'{"status":"live"}', id="a probe"),
        pytest.param(b"/none", b"404 Not Found", b'{"error":"Not Found"}', id="any other request"),
    ],
)
def test_an_answer_is_sent_in_one_piece_and_before_the_connection_is_closed(
    close: bytes, path: bytes, status: bytes, body: bytes
) -> None:
    async def ask() -> tuple[list[bytes], bool]:
        transport = Recorder()
        connection = connect(transport)
        connection.data_received(b"GET " + path + b" HTTP/1.1\r\nHost: a\r\n" + close + b"\r\n")
        await turn()
        found = transport.sent, transport.closed
        connection.connection_lost(None)  # type: ignore[arg-type]
        return found

    [answer], closed = asyncio.run(ask())
    assert answer.startswith(b"HTTP/1.1 " + status + b"\r\n")
    assert answer.endswith(b"\r\n\r\n" + body)
    assert closed is bool(close)


@pytest.mark.parametrize("path", PROBES)
def test_a_probe_is_answered_in_the_turn_in_which_it_arrives_any_number_of_times(path: str) -> None:
    async def scenario() -> None:
        transport = Recorder()
        connection = connect(transport)
        for number in range(1, 4):
            connection.data_received(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
            assert len(transport.sent) == number
        connection.data_received(b"GET /none HTTP/1.1\r\nHost: a\r\n\r\n")
        assert len(transport.sent) == 3
        await turn()
        assert len(transport.sent) == 4
        connection.connection_lost(None)  # type: ignore[arg-type]

    asyncio.run(scenario())


@pytest.mark.parametrize("path", PROBES)
def test_of_probes_that_arrive_together_one_is_answered_in_a_turn(path: str) -> None:
    async def scenario() -> None:
        transport = Recorder()
        connection = connect(transport)
        connection.data_received(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode() * 100)
        for number in range(1, 101):
            answers = b"".join(transport.sent).count(b"HTTP/1.1 ")
            assert 1 <= answers <= number
            await asyncio.sleep(0)
        await turn(200)
        assert b"".join(transport.sent).count(b"HTTP/1.1 ") == 100
        connection.connection_lost(None)  # type: ignore[arg-type]

    asyncio.run(scenario())


@pytest.mark.parametrize("length", [b"0", b"2"])
def test_a_probe_may_have_a_body(length: bytes) -> None:
    async def scenario() -> None:
        transport = Recorder()
        connection = connect(transport)
        request = b"GET /health HTTP/1.1\r\nHost: a\r\nContent-Length: " + length + b"\r\n\r\n"
        for number in range(1, 3):
            connection.data_received(request + b"{}"[: int(length)])
            await turn()
            assert len(transport.sent) == number
        connection.connection_lost(None)  # type: ignore[arg-type]

    asyncio.run(scenario())


def test_a_probe_waits_for_a_caller_who_does_not_take_the_answers() -> None:
    async def scenario() -> None:
        transport = Recorder()
        connection = connect(transport)
        connection.pause_writing()
        connection.data_received(b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n")
        await turn()
        assert not transport.sent
        connection.resume_writing()
        await turn()
        assert len(transport.sent) == 1
        connection.connection_lost(None)  # type: ignore[arg-type]

    asyncio.run(scenario())


def written(scenario: Callable[[asyncio.Transport], None]) -> list[bytes]:
    """What is sent while the scenario writes to a connection, in one turn of the event loop."""

    async def in_one_turn() -> list[bytes]:
        transport = Recorder()
        connection = connect(transport)
        scenario(connection.transport)
        sent = [*transport.sent]
        connection.connection_lost(None)  # type: ignore[arg-type]
        return sent

    return asyncio.run(in_one_turn())


def test_an_answer_that_waits_for_the_end_of_the_turn_is_sent_before_an_abort() -> None:
    def scenario(transport: asyncio.Transport) -> None:
        transport.write(b"head")
        transport.write(b"body")
        transport.abort()

    assert written(scenario) == [b"headbody"]


def test_a_large_answer_does_not_wait_for_the_end_of_the_turn() -> None:
    piece = bytes(2**14)

    def scenario(transport: asyncio.Transport) -> None:
        for _ in range(5):
            transport.write(piece)

    assert written(scenario) == [5 * piece]
