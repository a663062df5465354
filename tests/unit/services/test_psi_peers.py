"""How a pod finds its peers, and handles those that misbehave."""

import asyncio
import json
import math
import socket
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from services.psi_field import peers as psi_peers
from services.psi_field.field import Field
from services.psi_field.history import MAX_ENTRIES
from services.psi_field.metrics import SharingMetrics
from services.psi_field.peers import MESSAGE_LIMIT, PUSH_SECONDS, Peers, PushReceipt
from services.psi_field.process import PodEngine
from services.psi_field.sharing import Sharing
from services.shell import Address, HttpClient, parse_address
from tests.support.services.hostile import hostile, http

X = [0.5] * 16
ENTRY = {"counter": 3, "pod": "p", "incarnation": "0" * 16, "key": None, "x": X}
ENTRY |= {"apply_guardian": False}
PEER = "1" * 16
OWN = b"own-incarnation!"
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
    "too many entries": answer(history(entries=[ENTRY] * (MAX_ENTRIES + 1))),
    "too large": answer(history() + b" " * MESSAGE_LIMIT),
    "too large, as announced": answer(history(), length=2**40) + b" " * MESSAGE_LIMIT,
    "broken off": answer(history(), length=MESSAGE_LIMIT),
    "an error": answer(history(), "500 Internal Server Error"),
    "a redirect": answer(history(), "307 Temporary Redirect"),
}


@dataclass
class Pod:
    """A pod with one peer."""

    registry: CollectorRegistry
    field: Field
    peers: Peers
    sharing: Sharing

    async def step(self) -> tuple[int, int]:
        """Take and share a step. Returns how many peers took and how many missed it."""
        return await self.sharing.share((await self.field.step(tuple(X), False, None)).entry)

    @property
    def counters(self) -> list[int]:
        return [entry.counter for entry in self.field.history.entries]

    def metric(self, name: str) -> float | None:
        return self.registry.get_sample_value(f"psi_field_{name}")


async def a_pod(*targets: Address, source: str | None = None) -> Pod:
    registry = CollectorRegistry()
    metrics = SharingMetrics(registry)
    engine = PodEngine()
    await engine.start()
    field = Field("psi-0", engine)
    peers = Peers(targets, field.incarnation, metrics, source=source)
    return Pod(registry, field, peers, Sharing(field, peers, metrics))


def with_peer(
    sent: bytes | Sequence[bytes] | None, scenario: Callable[[Pod], Coroutine[Any, Any, None]]
) -> None:
    """Run the scenario with one peer that answers each request with `sent`, or never if None.

    Of several answers, each is sent once, and the last again and again. An answer may hold the
    pod's own incarnation as OWN.
    """
    answers = [sent] if isinstance(sent, bytes) else list(sent or [])

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if not answers:
            await reader.read()
        else:
            now = answers.pop(0) if len(answers) > 1 else answers[0]
            writer.write(now.replace(OWN, pod.field.incarnation.encode()))
        writer.close()

    async def main() -> None:
        nonlocal pod
        server = await asyncio.start_server(serve, "127.0.41.9", 0)
        pod = await a_pod(Address(*server.sockets[0].getsockname()[:2]))
        folding = asyncio.create_task(pod.field.fold_for_ever())
        async with server:
            await pod.peers.discover()
            await scenario(pod)
            await pod.peers.close()
        folding.cancel()

    pod: Pod
    asyncio.run(main())


def test_a_good_history_is_taken_over() -> None:
    async def scenario(pod: Pod) -> None:
        await pod.sharing.take_over(0)
        assert pod.sharing.established
        assert pod.counters == [3]

    with_peer(answer(history()), scenario)


@pytest.mark.parametrize("case", BAD)
def test_a_bad_history_is_refused_as_a_whole_and_logged_once(
    case: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario(pod: Pod) -> None:
        await pod.sharing.take_over(0)
        await pod.sharing.catch_up()
        assert pod.sharing.established
        assert not pod.counters

    with_peer(BAD[case], scenario)
    complaints = [one.getMessage() for one in caplog.records if "a peer" in one.getMessage()]
    assert complaints == ["a peer does not answer as it should"]


def test_an_absurd_counter_is_ignored_with_one_log_line_and_other_steps_are_taken(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scenario(pod: Pod) -> None:
        await pod.sharing.catch_up()
        assert pod.counters == [3]
        await pod.step()
        assert pod.counters == [3, 4]

    with_peer(answer(history(entries=[ENTRY, ENTRY | {"counter": 2**52}])), scenario)
    lines = [one.getMessage() for one in caplog.records if one.levelname == "ERROR"]
    assert lines == ["peers have steps with absurd counters; they are ignored"]


def test_a_field_with_high_counters_is_taken_over_and_an_absurd_counter_is_not() -> None:
    async def scenario(pod: Pod) -> None:
        await pod.sharing.take_over(0)
        assert pod.counters == [2**52]
        await pod.step()
        assert pod.counters == [2**52, 2**52 + 1]

    high = [ENTRY | {"counter": counter} for counter in (2**52, 2**53)]
    with_peer(answer(history(entries=high)), scenario)


@pytest.mark.parametrize("case", ["no HTTP", "no JSON", "an error", "too large"])
def test_a_push_without_a_valid_receipt_is_a_miss(case: str) -> None:
    async def scenario(pod: Pod) -> None:
        assert await pod.step() == (0, 1)
        assert pod.metric("pushes_missed_total") == 1

    with_peer(BAD[case], scenario)


def test_a_peer_that_never_answers_delays_one_push_until_it_answers_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert PUSH_SECONDS < 1
    monkeypatch.setattr(psi_peers, "PUSH_SECONDS", 0.2)
    tries = 0

    async def scenario(pod: Pod) -> None:
        nonlocal tries
        send = HttpClient.send

        async def count(*args: Any, **details: Any) -> Any:
            nonlocal tries
            tries += 1
            return await send(*args, **details)

        monkeypatch.setattr(HttpClient, "send", count)
        assert [await pod.step() for _ in range(3)] == [(0, 1)] * 3
        assert (tries, pod.metric("pushes_missed_total")) == (1, 3)

    with_peer(None, scenario)


UNCHANGED = b"HTTP/1.1 304 Not Modified\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize(
    ("sent", "in_step", "behind"),
    [
        pytest.param([answer(history())], 1, 0, id="a peer with more steps"),
        pytest.param([answer(history()), UNCHANGED], 1, 0, id="a peer with the same steps"),
        pytest.param([answer(history(incarnation=OWN.decode()))], 0, 0, id="the pod itself"),
        pytest.param([UNCHANGED], 0, 0, id="a peer that does not say which pod it is"),
        pytest.param([BAD["no JSON"]], 0, 0, id="a peer that answers nonsense"),
        pytest.param(
            [answer(history(entries=[ENTRY, ENTRY | {"counter": 2**52}]))],
            0,
            0,
            id="a peer with a step that is refused",
        ),
        pytest.param(
            [answer(history()), answer(history(entries=[ENTRY, ENTRY | {"counter": 4}]))],
            1,
            1,
            id="a peer with a step that was not pushed",
        ),
    ],
)
def test_a_pod_counts_the_peers_whose_steps_it_has_all_and_the_steps_it_lacked(
    sent: Sequence[bytes], in_step: int, behind: int
) -> None:
    async def scenario(pod: Pod) -> None:
        for _ in range(2):
            await pod.sharing.catch_up()
        assert (pod.metric("peers_in_step"), pod.metric("steps_behind")) == (in_step, behind)

    with_peer(sent, scenario)


def test_a_pod_leaves_its_own_address_out() -> None:
    async def scenario(pod: Pod) -> None:
        assert pod.metric("peers") == 1
        assert await pod.peers.pull("") == ([], 0)
        assert (pod.peers.addresses, pod.metric("peers")) == ([], 0)
        await pod.peers.discover()
        assert pod.peers.addresses == []
        assert await pod.step() == (0, 0)

    with_peer(answer(history(incarnation=OWN.decode())), scenario)


# Looking for peers


def test_known_addresses_stay_when_their_name_can_no_longer_be_resolved(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario(pod: Pod) -> None:
        with monkeypatch.context() as broken:
            broken.setattr(socket, "getaddrinfo", fail)
            assert not await pod.peers.discover()
            assert not await pod.peers.discover()
        histories, silent = await pod.peers.pull("")
        assert (len(histories), silent) == (1, 0)
        assert await pod.peers.discover()
        assert pod.metric("lookups_failed_total") == 2

    with_peer(answer(history()), scenario)
    assert [(one.levelname, one.getMessage()) for one in caplog.records] == [
        ("WARNING", "a peer's name has no address")
    ]


def fail(*_: Any, **__: Any) -> None:
    raise socket.gaierror


def test_the_connections_to_a_peer_that_is_gone_are_closed_but_not_during_a_push(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    receipt = PushReceipt(incarnation=PEER)

    async def scenario() -> None:
        async with hostile(lambda: [0.1, http(receipt.model_dump_json().encode())]) as server:
            pod = await a_pod(parse_address(server.address))
            folding = asyncio.create_task(pod.field.fold_for_ever())
            await pod.peers.discover()
            push = asyncio.create_task(pod.step())
            while not server.heads:
                await asyncio.sleep(0.001)
            monkeypatch.setattr(psi_peers, "look_up", nothing_else)
            await asyncio.gather(pod.peers.discover(), pod.peers.discover())
            await pod.peers.discover()
            assert await push == (1, 0)
            assert server.open == 1
            monkeypatch.setattr(psi_peers, "_PULL_SECONDS", 0)
            await pod.peers.discover()
            async with asyncio.timeout(5):
                while server.open:
                    await asyncio.sleep(0.001)
            folding.cancel()

    async def nothing_else(*_: Any) -> list[Address]:
        return [Address("127.0.41.10", 9)]

    asyncio.run(scenario())


def test_a_peer_that_is_new_is_looked_up_when_it_sends_steps_but_not_at_each_stranger_s_call(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lookups = 0

    async def resolve(target: Address, _: float) -> list[Address]:
        nonlocal lookups
        lookups += 1
        return [Address(f"10.0.0.{number}", 8000) for number in range(1, 1 + lookups)]

    async def scenario() -> None:
        pod = await a_pod(Address("psi", 8000))
        await pod.peers.discover()
        assert await pod.peers.is_peer("10.0.0.1")
        assert await pod.peers.is_peer("::ffff:10.0.0.1")
        assert [await pod.peers.is_peer("10.0.0.2") for _ in range(3)] == [False] * 3
        assert lookups == 1
        monkeypatch.setattr(psi_peers, "_LOOKUP_PAUSE_SECONDS", 0)
        assert await pod.peers.is_peer("10.0.0.2")
        assert not await pod.peers.is_peer(None)
        assert lookups == 2

    monkeypatch.setattr(psi_peers, "look_up", resolve)
    asyncio.run(scenario())
