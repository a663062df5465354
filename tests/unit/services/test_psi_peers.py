"""What a pod makes of peers that misbehave."""

import asyncio
import json
import math
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from services.psi_field.fallback import FallbackPsiEngine
from services.psi_field.peers import Peers
from services.psi_field.replica import Replica
from services.psi_field.sharing import Sharing
from services.shell import BODY_LIMIT

X = [0.5] * 16
ENTRY = {"counter": 3, "pod": "p", "incarnation": "0" * 16, "key": None, "x": X}
ENTRY |= {"apply_guardian": False}
GOOD = {"incarnation": "1" * 16, "established": True, "entries": [ENTRY]}


def answer(body: bytes, status: str = "200 OK", length: int | None = None) -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Length: {length or len(body)}\r\nConnection: close\r\n"
    return f"{head}Location: /elsewhere\r\n\r\n".encode() + body


def window(**changes: Any) -> bytes:
    return json.dumps(GOOD | changes).encode()


BAD: dict[str, bytes] = {
    "no HTTP": b"hello\r\n\r\n",
    "no JSON": answer(b"<html>"),
    "NaN": answer(window(entries=[ENTRY | {"x": [math.nan] * 16}])),
    "15 numbers": answer(window(entries=[ENTRY | {"x": X[1:]}])),
    "one bad among good": answer(window(entries=[ENTRY, ENTRY | {"counter": 0}])),
    "an unknown field": answer(window(more=1)),
    "too many entries": answer(window(entries=[ENTRY] * 65)),
    "too large": answer(window() + b" " * BODY_LIMIT),
    "too large, as announced": answer(window(), length=2**40) + b" " * BODY_LIMIT,
    "broken off": answer(window(), length=BODY_LIMIT),
    "an error": answer(window(), "500 Internal Server Error"),
    "elsewhere": answer(window(), "307 Temporary Redirect"),
}


def with_peer(
    sent: bytes | None, scenario: Callable[[Peers, Replica], Coroutine[Any, Any, None]]
) -> None:
    """Run the scenario with one peer that answers `sent` to everything, or nothing at all."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if sent is None:
            await reader.read()
        else:
            writer.write(sent)
        writer.close()

    async def main() -> None:
        server = await asyncio.start_server(serve, "127.0.41.9", 0)
        replica = Replica("psi-0", FallbackPsiEngine)
        peers = Peers([server.sockets[0].getsockname()[:2]], replica.incarnation)
        async with server:
            await peers.discover()
            await scenario(peers, replica)
            await peers.close()

    asyncio.run(main())


def test_a_good_window_is_taken_over() -> None:
    async def scenario(peers: Peers, replica: Replica) -> None:
        sharing = Sharing(replica, peers)
        await sharing.take_over(0)
        assert sharing.established
        assert [entry.counter for entry in replica.entries] == [3]

    with_peer(answer(window()), scenario)


@pytest.mark.parametrize("case", BAD)
def test_a_bad_window_is_refused_as_a_whole_and_logged_once(
    case: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario(peers: Peers, replica: Replica) -> None:
        sharing = Sharing(replica, peers)
        await sharing.take_over(0)
        await sharing.compare()
        assert sharing.established
        assert not replica.entries

    with_peer(BAD[case], scenario)
    complaints = [one.getMessage() for one in caplog.records if "a peer" in one.getMessage()]
    assert complaints == ["a peer does not answer as it should"]


def test_a_peer_s_absurd_counter_is_ignored_with_one_line_and_its_other_steps_are_taken(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scenario(peers: Peers, replica: Replica) -> None:
        await Sharing(replica, peers).compare()
        assert [entry.counter for entry in replica.entries] == [3]
        assert replica.step(tuple(X), False).counter == 4

    with_peer(answer(window(entries=[ENTRY, ENTRY | {"counter": 2**52}])), scenario)
    lines = [one.getMessage() for one in caplog.records if one.levelname == "ERROR"]
    assert lines == ["peers have steps with absurd counters; they are ignored"]


def test_a_field_with_high_counters_is_taken_over_and_an_absurd_one_is_not() -> None:
    async def scenario(peers: Peers, replica: Replica) -> None:
        await Sharing(replica, peers).take_over(0)
        assert [entry.counter for entry in replica.entries] == [2**52]
        assert replica.step(tuple(X), False).counter == 2**52 + 1

    high = [ENTRY | {"counter": counter} for counter in (2**52, 2**53)]
    with_peer(answer(window(entries=high)), scenario)


@pytest.mark.parametrize("case", ["no HTTP", "no JSON", "an error", "too large"])
def test_a_push_that_is_not_confirmed_is_a_miss(case: str) -> None:
    async def scenario(peers: Peers, replica: Replica) -> None:
        assert await peers.push(replica.step(tuple(X), False)) == (0, 1)

    with_peer(BAD[case], scenario)


def test_a_peer_that_never_answers_holds_up_one_push_and_less_than_a_second() -> None:
    async def scenario(peers: Peers, replica: Replica) -> None:
        entry = replica.step(tuple(X), False)
        began = time.monotonic()
        assert await peers.push(entry) == (0, 1)
        first = time.monotonic()
        assert await peers.push(entry) == (0, 1)
        assert first - began < 1
        assert time.monotonic() - first < 0.1

    with_peer(None, scenario)


def test_a_pod_is_no_peer_of_its_own() -> None:
    async def scenario(peers: Peers, replica: Replica) -> None:
        peers._incarnation = "1" * 16
        assert await peers.pull("") == ([], 0)

    with_peer(answer(window()), scenario)


def test_addresses_stay_when_their_names_are_not_found_any_more() -> None:
    async def scenario(peers: Peers, replica: Replica) -> None:
        peers._targets = [("", 1)]
        assert not await peers.discover()
        windows, silent = await peers.pull("")
        assert (len(windows), silent) == (1, 0)

    with_peer(answer(window()), scenario)
