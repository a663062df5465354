"""How a pod handles peers that misbehave."""

import asyncio
import json
import math
import socket
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from services.psi_field import peers as psi_peers
from services.psi_field.engine import FallbackPsiEngine
from services.psi_field.history import HISTORY_LENGTH, Replica
from services.psi_field.peers import PUSH_SECONDS, Peers, Sharing
from services.shell import BODY_LIMIT, Address

X = [0.5] * 16
ENTRY = {"counter": 3, "pod": "p", "incarnation": "0" * 16, "key": None, "x": X}
ENTRY |= {"apply_guardian": False}
PEER = "1" * 16
GOOD = {"incarnation": PEER, "established": True, "entries": [ENTRY]}


def answer(body: bytes, status: str = "200 OK", length: int | None = None) -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Length: {length or len(body)}\r\nConnection: close\r\n"
    return f"{head}Location: /elsewhere\r\n\r\n".encode() + body


def history(**changes: Any) -> bytes:
    return json.dumps(GOOD | changes).encode()


BAD: dict[str, bytes] = {
    "no HTTP": b"hello\r\n\r\n",
    "no JSON": answer(b"<html>"),
    "NaN": answer(history(entries=[ENTRY | {"x": [math.nan] * 16}])),
    "15 numbers": answer(history(entries=[ENTRY | {"x": X[1:]}])),
    "one bad among good": answer(history(entries=[ENTRY, ENTRY | {"counter": 0}])),
    "an unknown field": answer(history(more=1)),
    "too many entries": answer(history(entries=[ENTRY] * (HISTORY_LENGTH + 1))),
    "too large": answer(history() + b" " * BODY_LIMIT),
    "too large, as announced": answer(history(), length=2**40) + b" " * BODY_LIMIT,
    "broken off": answer(history(), length=BODY_LIMIT),
    "an error": answer(history(), "500 Internal Server Error"),
    "a redirect": answer(history(), "307 Temporary Redirect"),
}


def with_peer(
    sent: bytes | None,
    scenario: Callable[[Peers, Replica], Coroutine[Any, Any, None]],
    incarnation: str = "2" * 16,
) -> None:
    """Run the scenario with one peer that answers every request with `sent`, or never if None."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if sent is None:
            await reader.read()
        else:
            writer.write(sent)
        writer.close()

    async def main() -> None:
        server = await asyncio.start_server(serve, "127.0.41.9", 0)
        address = Address(*server.sockets[0].getsockname()[:2])
        peers = Peers([address], incarnation)
        async with server:
            await peers.discover()
            await scenario(peers, Replica("psi-0", FallbackPsiEngine))
            await peers.close()

    asyncio.run(main())


def test_a_good_history_is_taken_over() -> None:
    async def scenario(peers: Peers, replica: Replica) -> None:
        sharing = Sharing(replica, peers)
        await sharing.take_over(0)
        assert sharing.established
        assert [entry.counter for entry in replica.entries] == [3]

    with_peer(answer(history()), scenario)


@pytest.mark.parametrize("case", BAD)
def test_a_bad_history_is_refused_as_a_whole_and_logged_once(
    case: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario(peers: Peers, replica: Replica) -> None:
        sharing = Sharing(replica, peers)
        await sharing.take_over(0)
        await sharing.catch_up()
        assert sharing.established
        assert not replica.entries

    with_peer(BAD[case], scenario)
    complaints = [one.getMessage() for one in caplog.records if "a peer" in one.getMessage()]
    assert complaints == ["a peer does not answer as it should"]


def test_an_absurd_counter_is_ignored_with_one_log_line_and_other_steps_are_taken(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scenario(peers: Peers, replica: Replica) -> None:
        await Sharing(replica, peers).catch_up()
        assert [entry.counter for entry in replica.entries] == [3]
        assert replica.step(tuple(X), False).counter == 4

    with_peer(answer(history(entries=[ENTRY, ENTRY | {"counter": 2**52}])), scenario)
    lines = [one.getMessage() for one in caplog.records if one.levelname == "ERROR"]
    assert lines == ["peers have steps with absurd counters; they are ignored"]


def test_a_field_with_high_counters_is_taken_over_and_an_absurd_counter_is_not() -> None:
    async def scenario(peers: Peers, replica: Replica) -> None:
        await Sharing(replica, peers).take_over(0)
        assert [entry.counter for entry in replica.entries] == [2**52]
        assert replica.step(tuple(X), False).counter == 2**52 + 1

    high = [ENTRY | {"counter": counter} for counter in (2**52, 2**53)]
    with_peer(answer(history(entries=high)), scenario)


@pytest.mark.parametrize("case", ["no HTTP", "no JSON", "an error", "too large"])
def test_a_push_without_a_valid_receipt_is_a_miss(case: str) -> None:
    async def scenario(peers: Peers, replica: Replica) -> None:
        assert await peers.push(replica.step(tuple(X), False)) == (0, 1)

    with_peer(BAD[case], scenario)


def test_a_peer_that_never_answers_delays_one_push_by_less_than_a_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert PUSH_SECONDS < 1
    monkeypatch.setattr(psi_peers, "PUSH_SECONDS", 0.2)

    async def scenario(peers: Peers, replica: Replica) -> None:
        entry = replica.step(tuple(X), False)
        began = time.monotonic()
        assert await peers.push(entry) == (0, 1)
        first = time.monotonic()
        assert await peers.push(entry) == (0, 1)
        assert 0.19 < first - began < 1
        assert time.monotonic() - first < 0.1

    with_peer(None, scenario)


def test_a_pod_is_not_its_own_peer() -> None:
    async def scenario(peers: Peers, replica: Replica) -> None:
        assert await peers.pull("") == ([], 0)

    with_peer(answer(history()), scenario, incarnation=PEER)


UNCHANGED = (
    f"HTTP/1.1 304 Not Modified\r\nX-Incarnation: {PEER}\r\nConnection: close\r\n\r\n".encode()
)


@pytest.mark.parametrize(
    ("sent", "own", "in_step"),
    [
        pytest.param(answer(history()), "2" * 16, 1, id="a peer with more steps"),
        pytest.param(UNCHANGED, "2" * 16, 1, id="a peer with the same steps"),
        pytest.param(UNCHANGED, PEER, 0, id="the pod itself"),
        pytest.param(BAD["no JSON"], "2" * 16, 0, id="a peer that answers nonsense"),
        pytest.param(
            answer(history(entries=[ENTRY, ENTRY | {"counter": 2**52}])),
            "2" * 16,
            0,
            id="a peer with a step that is refused",
        ),
    ],
)
def test_a_pod_counts_the_peers_whose_steps_it_has_all(sent: bytes, own: str, in_step: int) -> None:
    async def scenario(peers: Peers, replica: Replica) -> None:
        sharing = Sharing(replica, peers)
        await sharing.catch_up()
        assert sharing.peers_in_step == in_step

    with_peer(sent, scenario, incarnation=own)


def test_known_addresses_stay_when_their_name_can_no_longer_be_resolved(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise socket.gaierror

    async def scenario(peers: Peers, replica: Replica) -> None:
        with monkeypatch.context() as broken:
            broken.setattr(socket, "getaddrinfo", fail)
            assert not await peers.discover()
        histories, silent = await peers.pull("")
        assert (len(histories), silent) == (1, 0)

    with_peer(answer(history()), scenario)
