"""The client of frequent requests: it keeps connections, and whatever the server does costs little.

The attacks are those that HttpClient withstands.
"""

import asyncio
import tracemalloc
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager

import pytest

from services.shell import BODY_LIMIT, Address, Channel, NoAnswerError, Reply, parse_address
from services.shell import channel as channels
from tests.support.loopback import unused_address
from tests.support.services.hostile import Hostile, Part, hostile, http
from tests.unit.services.test_client import ATTACKS, EARLY, HEAD, MEMORY

Work = Callable[[Channel, Hostile], Awaitable[None]]


def run(answer: Callable[[], Iterator[Part] | list[Part]], work: Work) -> None:
    async def scenario() -> None:
        async with hostile(answer) as server:
            channel = Channel(parse_address(server.address), limit=BODY_LIMIT)
            await work(channel, server)
            channel.close()
            await wait_for_connections(server, 0)

    asyncio.run(scenario())


async def get(channel: Channel, seconds: float = 5) -> Reply:
    return await channel.send("GET", "/a?b=c", seconds=seconds)


@asynccontextmanager
async def one_answer_a_connection(
    *answer: Part, source: str | None = None
) -> AsyncGenerator[tuple[Channel, list[str]]]:
    """A channel to a server that ends each connection after its answer, and the callers' hosts."""
    callers: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        callers.append(writer.get_extra_info("peername")[0])
        await reader.readuntil(b"\r\n\r\n")
        for part in answer:
            if isinstance(part, bytes):
                writer.write(part)
            else:
                await asyncio.sleep(part)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        address = Address(*server.sockets[0].getsockname()[:2])
        yield Channel(address, limit=BODY_LIMIT, source=source), callers


async def wait_for_connections(server: Hostile, number: int) -> None:
    async with asyncio.timeout(5):
        while server.open != number:
            await asyncio.sleep(0.001)


def test_a_request_reaches_the_server_and_its_answer_the_caller() -> None:
    async def work(channel: Channel, server: Hostile) -> None:
        headers = {"If-None-Match": '"d"'}
        reply = await channel.send("POST", "/a", seconds=5, body='{"x": "ψ"}', headers=headers)
        assert reply == Reply(422, b"no")
        (head,) = server.heads
        assert head.startswith("post /a http/1.1\r\n")
        for line in (
            f"host: {server.address}",
            'if-none-match: "d"',
            "content-type: application/json",
            "content-length: 11",
        ):
            assert f"\r\n{line}\r\n" in head

    run(lambda: [http(b"no", status=422)], work)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param([HEAD + b"\r\n", b"{", b"}"], id="until the end of the connection"),
        pytest.param(
            [HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n", b"}\r\n0\r\n\r\n"],
            id="in chunks",
        ),
        pytest.param([EARLY + http(b"{}")], id="after an interim answer"),
    ],
)
def test_every_form_of_an_answer_is_read(answer: list[Part]) -> None:
    async def main() -> None:
        async with one_answer_a_connection(*answer) as (channel, _):
            assert await get(channel) == Reply(200, b"{}")

    asyncio.run(main())


# Connections


def test_a_connection_serves_one_request_after_the_other_and_several_those_at_once() -> None:
    async def work(channel: Channel, server: Hostile) -> None:
        for _ in range(3):
            await get(channel)
        assert server.open == 1
        for _ in range(2):
            await asyncio.gather(*(get(channel) for _ in range(3)))
        assert server.open == 3
        assert len(server.heads) == 9

    run(lambda: [0.01, EARLY + http()], work)


@pytest.mark.parametrize(
    "unusable",
    [
        pytest.param(http(b"{}", "Connection: close"), id="one that the server closes"),
        pytest.param(http() + b"HTTP/1.1 200 OK\r\n", id="one with bytes that nobody asked for"),
    ],
)
def test_a_connection_that_can_t_be_used_again_is_closed(unusable: bytes) -> None:
    async def work(channel: Channel, server: Hostile) -> None:
        for _ in range(3):
            assert await get(channel) == Reply(200, b"{}")
            await wait_for_connections(server, 0)

    run(lambda: [unusable], work)


def test_bytes_that_arrive_unasked_later_end_the_connection() -> None:
    async def work(channel: Channel, server: Hostile) -> None:
        assert await get(channel) == Reply(200, b"{}")
        await wait_for_connections(server, 0)
        assert await get(channel) == Reply(200, b"{}")

    run(lambda: [http(), 0.01, b"x", 0.01, b"y", 0.01, b"z"], work)


def test_a_connection_is_closed_after_a_while_but_only_if_it_is_idle(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(channels, "KEEP_SECONDS", 0.05)

    async def work(channel: Channel, server: Hostile) -> None:
        for _ in range(2):
            await get(channel)
            await get(channel)
            assert server.open == 1
            await wait_for_connections(server, 0)

    run(lambda: [0.1, http()], work)


def test_a_connection_that_the_server_has_ended_is_not_used_again() -> None:
    async def main() -> None:
        async with one_answer_a_connection(http()) as (channel, callers):
            for number in range(1, 4):
                assert (await get(channel)).is_success
                assert len(callers) == number
                await asyncio.sleep(0.01)

    asyncio.run(main())


def test_requests_come_from_the_source() -> None:
    async def main() -> None:
        async with one_answer_a_connection(http(), source="127.0.43.7") as (channel, callers):
            await get(channel)
            assert callers == ["127.0.43.7"]

    asyncio.run(main())


# Attacks


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_ends_in_time_takes_little_memory_and_leaves_no_connection(attack: str) -> None:
    answer, reason = ATTACKS[attack]

    async def work(channel: Channel, server: Hostile) -> None:
        tracemalloc.start()
        try:
            with pytest.raises(NoAnswerError, match=reason) as refusal:
                await get(channel, seconds=0.2 if "within" in reason else 5)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < MEMORY
        assert refusal.value.timed_out == ("within" in reason)
        await wait_for_connections(server, 0)

    run(answer, work)


def test_a_server_that_can_t_be_reached_gives_a_reason_in_one_line() -> None:
    channel = Channel(parse_address(unused_address()), limit=BODY_LIMIT)
    with pytest.raises(NoAnswerError) as refusal:
        asyncio.run(get(channel))
    assert "Refused" in str(refusal.value) and "\n" not in str(refusal.value)
    assert not refusal.value.timed_out
