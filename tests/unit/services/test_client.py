"""The services' HTTP client: whatever the other side does costs little, and leaves nothing."""

import asyncio
import gzip
import tracemalloc
from collections.abc import Awaitable, Callable, Iterator
from contextlib import aclosing
from itertools import repeat
from pathlib import Path
from typing import TypeVar

import pytest

from services.shell import BODY_LIMIT, HttpClient, NoAnswerError, Reply
from tests.support.loopback import unused_address
from tests.support.services.hostile import Hostile, Part, hostile, http
from tests.unit.test_imports import imports, sources

T = TypeVar("T")

MEMORY = 2_000_000
"""Bytes that any exchange may take at its peak, those of the server included."""

BOMB = gzip.compress(b" " * 50_000_000)
BLOCK = b"x" * 8192
HEAD = b"HTTP/1.1 200 OK\r\n"
EARLY = b"HTTP/1.1 103 Early Hints\r\n\r\n"


def run(
    answer: Callable[[], Iterator[Part] | list[Part]],
    work: Callable[[HttpClient, Hostile], Awaitable[T]],
) -> T:
    async def scenario() -> T:
        async with hostile(answer) as server, aclosing(HttpClient(connections=1)) as client:
            return await work(client, server)

    return asyncio.run(scenario())


async def get(client: HttpClient, server: Hostile, seconds: float = 5) -> Reply:
    return await client.send("GET", server.url, seconds=seconds)


def test_a_request_reaches_the_server_and_its_answer_the_caller() -> None:
    async def work(client: HttpClient, server: Hostile) -> Reply:
        url, headers = f"{server.url}/a?b=c", {"Idempotency-Key": "k"}
        reply = await client.send("POST", url, seconds=5, body={"x": "ψ"}, headers=headers)
        (head,) = server.heads
        assert head.startswith("post /a?b=c http/1.1\r\n")
        for line in (
            f"host: {server.address}",
            "idempotency-key: k",
            "content-type: application/json",
            "content-length: 11",
        ):
            assert f"\r\n{line}\r\n" in head
        return reply

    reply = run(lambda: [http(b"no", status=422)], work)
    assert reply == Reply(422, b"no") and not reply.is_success
    assert str(reply) == "answered 422: no"


def test_no_service_has_another_client() -> None:
    own = {Path("services/shell/client.py"), Path("services/shell/settings.py")}
    other = [
        f"{path}:{line} imports {name}. Use services.shell.HttpClient."
        for path in sources()["services"]
        for line, name in imports(path)
        if path not in own
        and name.split(".")[0] in ("httpx", "httpcore", "urllib", "http")
        and not name.startswith(("http.HTTPStatus", "urllib.parse"))
    ]
    assert other == []


def test_no_cookie_of_an_answer_is_sent_with_the_next_request() -> None:
    async def work(client: HttpClient, server: Hostile) -> None:
        for _ in range(2):
            await get(client, server)
        assert len(server.heads) == 2
        assert not any("cookie" in head for head in server.heads)

    run(lambda: [http(b"{}", "Set-Cookie: session=s3cret")], work)


def test_no_redirect_is_followed() -> None:
    async def work(client: HttpClient, server: Hostile) -> None:
        assert (await get(client, server)).status == 302
        assert len(server.heads) == 1

    run(lambda: [http(b"", "Location: /elsewhere", status=302)], work)


def test_no_body_is_unpacked_and_none_is_asked_for_that_must_be() -> None:
    packed = gzip.compress(b"{}")

    async def work(client: HttpClient, server: Hostile) -> None:
        assert (await get(client, server)).body == packed
        assert "\r\naccept-encoding: identity\r\n" in server.heads[0]

    run(lambda: [http(packed, "Content-Encoding: gzip")], work)


# Attacks: what is answered, and the reason why that is no answer.
ATTACKS: dict[str, tuple[Callable[[], Iterator[Part] | list[Part]], str]] = {
    "a large body": (
        lambda: iter([HEAD + b"Content-Length: 1000000000\r\n\r\n", *[BLOCK] * 5000]),
        "answered over 65536 bytes",
    ),
    "an endless body": (
        lambda: endless(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"2000\r\n%b\r\n" % BLOCK),
        "answered over 65536 bytes",
    ),
    "a body without length": (lambda: endless(HEAD + b"\r\n", BLOCK), "answered over 65536 bytes"),
    "a slow body": (
        lambda: endless(HEAD + b"Content-Length: 9000\r\n\r\n", b"x", 0.01),
        "no answer within 0.2 s",
    ),
    "a slow head": (lambda: endless(HEAD, b"a: b\r\n", 0.01), "no answer within 0.2 s"),
    "an endless head": (lambda: endless(HEAD, b"a: %b\r\n" % BLOCK), "ProtocolError"),
    "an endless line": (lambda: endless(BLOCK), "ProtocolError"),
    "endless interim answers": (
        lambda: endless(b"", EARLY, 0.001),
        "no answer within 0.2 s",
    ),
    "no answer": (lambda: repeat(0.01), "no answer within 0.2 s"),
    "no HTTP": (lambda: [b"220 ready\r\n\r\n"], "ProtocolError"),
}


def endless(first: bytes, *parts: Part) -> Iterator[Part]:
    yield first
    for many in repeat(parts or (first,)):
        yield from many


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_ends_in_time_takes_little_memory_and_leaves_no_connection(attack: str) -> None:
    answer, reason = ATTACKS[attack]

    async def work(client: HttpClient, server: Hostile) -> int:
        tracemalloc.start()
        try:
            with pytest.raises(NoAnswerError, match=reason) as refusal:
                await get(client, server, seconds=0.2 if "within" in reason else 5)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert refusal.value.timed_out == ("within" in reason)
        async with asyncio.timeout(5):
            while server.open:
                await asyncio.sleep(0.001)
        return peak

    assert run(answer, work) < MEMORY


def test_a_bomb_takes_no_more_memory_than_its_bytes() -> None:
    async def work(client: HttpClient, server: Hostile) -> int:
        tracemalloc.start()
        try:
            assert (await get(client, server)).body == BOMB
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert len(BOMB) < BODY_LIMIT
    assert run(lambda: [http(BOMB, "Content-Encoding: gzip")], work) < MEMORY


def test_after_attacks_the_only_connection_serves_again() -> None:
    answers = iter([*(answer for answer, _ in ATTACKS.values()), lambda: [http()]])
    current = next(answers)

    async def work(client: HttpClient, server: Hostile) -> None:
        nonlocal current
        for _ in ATTACKS:
            with pytest.raises(NoAnswerError):
                await get(client, server, seconds=0.05)
            current = next(answers)
        assert (await get(client, server)).is_success

    run(lambda: current(), work)


@pytest.mark.parametrize(
    "host",
    [unused_address(), "no..pods:80", "[::1%x]:1"],
    ids=["unused port", "empty label", "unknown interface"],
)
def test_a_server_that_can_t_be_reached_gives_a_reason_in_one_line(host: str) -> None:
    async def ask() -> None:
        async with aclosing(HttpClient()) as client:
            await client.send("GET", f"http://{host}/", seconds=5)

    with pytest.raises(NoAnswerError) as refusal:
        asyncio.run(ask())
    assert str(refusal.value) and "\n" not in str(refusal.value)
    assert not refusal.value.timed_out


# Several tries


async def insist(client: HttpClient, server: Hostile, total_seconds: float = 5) -> Reply:
    return await client.send_until_taken(
        "GET", server.url, seconds=0.1, total_seconds=total_seconds, pause_seconds=0.001
    )


def test_a_lost_answer_a_broken_connection_and_a_503_are_followed_by_another_try() -> None:
    answers: list[list[Part]] = [[5.0], [b"?\r\n\r\n"], [http(b"wait", status=503)], [http()]]

    async def work(client: HttpClient, server: Hostile) -> None:
        assert (await insist(client, server)).is_success
        assert len(server.heads) == 4

    run(lambda: answers.pop(0), work)


def test_a_refusal_is_final() -> None:
    async def work(client: HttpClient, server: Hostile) -> None:
        assert (await insist(client, server)).status == 409
        assert len(server.heads) == 1

    run(lambda: [http(status=409)], work)


def test_all_tries_end_together_and_the_last_reason_is_told() -> None:
    async def work(client: HttpClient, server: Hostile) -> None:
        with pytest.raises(NoAnswerError, match=r"^answered 503: wait, after 0\.5 s$"):
            await insist(client, server, total_seconds=0.5)
        assert len(server.heads) > 1

    run(lambda: [http(b"wait", status=503)], work)
