"""The bounds of connections: how many there are, and how long a caller may take."""

import asyncio
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Annotated, Any

import pytest
from pydantic import Field
from starlette.requests import Request

from services.shell import (
    BODY_LIMIT,
    Address,
    Answer,
    Body,
    ServerSettings,
    Service,
    bodies,
    connections,
    read_body,
)
from tests.support.services.served import served

HEAD = b"POST /ping HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
HEALTH = b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n"
WAIT = b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n"
SHORT = 0.1


class AnySettings(ServerSettings):
    service = "ping"


class Ping(Body):
    x: Annotated[int, Field(ge=0)]


class Caller:
    """A connection to the service."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self.writer = reader, writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def answer(self) -> tuple[int, str]:
        """The next answer's status, and its head in lower case."""
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = head.partition("content-length: ")[2].partition("\r\n")[0]
        await self._reader.readexactly(int(length))
        return int(head.split()[1]), head

    async def is_closed(self) -> bool:
        """Whether the server closes the connection, without another answer."""
        try:
            return await self._reader.read() == b""
        except ConnectionError:
            return True


@asynccontextmanager
async def connected(address: Address) -> AsyncGenerator[Caller]:
    reader, writer = await asyncio.open_connection(*address)
    try:
        yield Caller(reader, writer)
    finally:
        writer.close()


class Bench:
    """A service whose GET /wait answers when `go_on` is set."""

    def __init__(self) -> None:
        self.service = Service("ping")
        self.waiting = 0
        self.go_on = asyncio.Event()
        self.service.route("POST", "/ping", self._ping)
        self.service.route("GET", "/wait", self._wait)

    async def _ping(self, request: Request) -> Answer:
        return {"x": (await read_body(request, Ping)).x}

    async def _wait(self, _: Request) -> Answer:
        self.waiting += 1
        await self.go_on.wait()
        return {}


def run(scenario: Callable[[Address, Bench], Awaitable[None]], **settings: Any) -> None:
    async def whole() -> None:
        bench = Bench()
        async with asyncio.timeout(10), served(bench.service, **settings) as address:
            await scenario(address, bench)

    asyncio.run(whole())


def talk(scenario: Callable[[Caller], Awaitable[None]]) -> None:
    """Run the scenario on one connection."""

    async def on_one(address: Address, _: Bench) -> None:
        async with connected(address) as caller:
            await scenario(caller)

    run(on_one)


@pytest.fixture
def short_heads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HEAD_SECONDS", SHORT)


# Time


async def drip(caller: Caller, data: bytes) -> None:
    while not caller.writer.is_closing():
        caller.send(data)
        await asyncio.sleep(SHORT / 10)


@pytest.mark.usefixtures("short_heads")
def test_a_connection_without_a_request_is_closed() -> None:
    async def scenario(caller: Caller) -> None:
        assert await caller.is_closed()

    talk(scenario)


@pytest.mark.usefixtures("short_heads")
@pytest.mark.parametrize("before", [b"", HEALTH], ids=["first", "second"])
def test_a_slow_head_is_cut(before: bytes) -> None:
    async def scenario(caller: Caller) -> None:
        if before:
            caller.send(before)
            await caller.answer()
        caller.send(b"GET /health HTTP/1.1\r\n")
        async with asyncio.TaskGroup() as tasks:
            dripping = tasks.create_task(drip(caller, b"a: b\r\n"))
            assert await caller.is_closed()
            dripping.cancel()

    talk(scenario)


@pytest.mark.usefixtures("short_heads")
def test_a_head_is_cut_that_began_with_the_request_before_and_ends_never() -> None:
    async def scenario(caller: Caller) -> None:
        caller.send(HEALTH + HEALTH[:9])
        assert (await caller.answer())[0] == 200
        assert await caller.is_closed()

    talk(scenario)


@pytest.mark.usefixtures("short_heads")
def test_an_idle_connection_and_a_long_request_outlive_the_time_for_heads() -> None:
    async def scenario(address: Address, bench: Bench) -> None:
        async with connected(address) as caller:
            for _ in range(2):
                caller.send(HEALTH)
                assert (await caller.answer())[0] == 200
                await asyncio.sleep(2 * SHORT)
            caller.send(WAIT)
            await asyncio.sleep(2 * SHORT)
            bench.go_on.set()
            assert (await caller.answer())[0] == 200

    run(scenario)


# Requests that are answered before they are read

UNREAD = {
    "too large": (413, HEAD + b"Content-Length: %d\r\n\r\n" % (BODY_LIMIT + 1)),
    "too large, in chunks": (
        413,
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"10000\r\n%b\r\n" % (b" " * 65536) * 2,
    ),
    "too slow": (408, HEAD + b"Content-Length: 8\r\n\r\n{"),
    "of another type": (415, HEAD.replace(b"json", b"x") + b"Content-Length: 8\r\n\r\n{"),
    "nowhere": (404, HEAD.replace(b"/ping", b"/nowhere") + b"Content-Length: 8\r\n\r\n{"),
    "of another method": (405, HEAD.replace(b"POST", b"PUT") + b"Content-Length: 8\r\n\r\n{"),
    "for a probe": (
        200,
        HEAD.replace(b"POST /ping", b"GET /health") + b"Content-Length: 8\r\n\r\n",
    ),
}


@pytest.mark.parametrize("case", UNREAD)
def test_a_connection_is_closed_after_an_answer_to_an_unread_body(
    case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "BODY_SECONDS", SHORT)
    status, request = UNREAD[case]
    rest = BODY_LIMIT if case == "too large" else 0

    async def scenario(caller: Caller) -> None:
        caller.send(request)
        async with asyncio.TaskGroup() as tasks:
            # The rest of the body keeps coming, and must not cost the answer.
            sending = tasks.create_task(drip(caller, b" " * rest))
            answered, head = await caller.answer()
            assert await caller.is_closed()
            sending.cancel()
        assert answered == status
        assert "\r\nconnection: close\r\n" in head

    talk(scenario)


def test_it_is_not_closed_before_the_caller_can_have_read_the_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connections, "LINGER_SECONDS", 5 * SHORT)

    async def scenario(caller: Caller) -> None:
        caller.send(UNREAD["too large"][1])
        await caller.answer()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(SHORT):
                await caller.is_closed()
        assert await caller.is_closed()

    talk(scenario)


@pytest.mark.parametrize(
    "request_",
    [
        HEAD + b'Content-Length: 7\r\n\r\n{"x":1}',
        HEAD + b"Content-Length: 2\r\n\r\n{}",
        HEAD.replace(b"/ping", b"/nowhere") + b"Content-Length: 2\r\n\r\n{}",
        HEAD + b"Content-Length: 0\r\n\r\n",
        HEALTH,
    ],
    ids=["taken", "refused", "refused unread", "empty", "none"],
)
def test_a_connection_stays_open_after_a_request_that_has_arrived_whole(request_: bytes) -> None:
    async def scenario(caller: Caller) -> None:
        for _ in range(2):
            caller.send(request_)
            assert "connection: close" not in (await caller.answer())[1]

    talk(scenario)


# Number


def test_a_new_connection_takes_the_place_of_the_one_that_has_waited_longest() -> None:
    async def scenario(address: Address, _: Bench) -> None:
        async with connected(address) as first, connected(address) as second:
            # The first is in use again, so the second has waited longest.
            for caller in (first, second, first):
                caller.send(HEALTH)
                await caller.answer()
            async with connected(address) as third:
                third.send(HEALTH)
                assert (await third.answer())[0] == 200
                assert await second.is_closed()
                first.send(HEALTH)
                assert (await first.answer())[0] == 200

    run(scenario, max_connections=2)


def test_a_crowd_of_silent_connections_keeps_nobody_out() -> None:
    async def scenario(address: Address, _: Bench) -> None:
        crowd = [await asyncio.open_connection(*address) for _ in range(50)]
        async with connected(address) as caller:
            caller.send(HEAD + b'Content-Length: 7\r\n\r\n{"x":1}')
            assert (await caller.answer())[0] == 200
        for connection in crowd:
            connection[1].close()

    run(scenario, max_connections=5)


def test_while_all_connections_are_at_work_a_new_one_is_refused_except_for_probes() -> None:
    async def scenario(address: Address, bench: Bench) -> None:
        async with connected(address) as first, connected(address) as second:
            for caller in (first, second):
                caller.send(WAIT)
            while bench.waiting < 2:
                await asyncio.sleep(0.001)
            async with connected(address) as third:
                third.send(WAIT)
                status, head = await third.answer()
                assert await third.is_closed()
            assert status == 503
            assert "\r\nretry-after: 1\r\n" in head and "\r\nconnection: close\r\n" in head
            async with connected(address) as probe:
                for path in connections.PROBES:
                    probe.send(HEALTH.replace(b"/health", path.encode()))
                    assert (await probe.answer())[0] == 200
            bench.go_on.set()
            assert [(await caller.answer())[0] for caller in (first, second)] == [200, 200]

    run(scenario, max_connections=2)


# Addresses


async def is_served(host: str, port: int) -> bool:
    async with connected(Address(host, port)) as caller:
        caller.send(HEALTH)
        return (await caller.answer())[0] == 200


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")
def test_a_service_listens_on_ipv6_and_ipv4() -> None:
    async def scenario(address: Address, _: Bench) -> None:
        assert await is_served("::1", address.port)
        assert await is_served("127.0.0.1", address.port)

    run(scenario, host=ServerSettings(pod_name="a").host)


def test_a_service_listens_where_the_kernel_has_no_ipv6(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "has_dualstack_ipv6", lambda: False)

    async def scenario(address: Address, _: Bench) -> None:
        assert ":" not in address.host
        assert await is_served("127.0.0.1", address.port)

    run(scenario, host=ServerSettings(pod_name="a").host)
