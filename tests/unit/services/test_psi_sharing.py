"""How pods share steps: pushes, parted pods, keys used twice, and the last push of a pod."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from itertools import chain
from typing import cast

import pytest
from prometheus_client import CollectorRegistry

from services.psi_field.engine import SIZE
from services.psi_field.field import Field, Taken
from services.psi_field.history import BLOCK, HISTORY_LENGTH, MAX_ENTRIES, Entries, Entry
from services.psi_field.metrics import SharingMetrics
from services.psi_field.peers import PeerHistory, Peers, Push, PushReceipt
from services.psi_field.process import PodEngine
from services.psi_field.sharing import Sharing
from services.shell import Address
from tests.unit.services.test_psi_history import entry


class Pod:
    """A pod whose peers are reached without a network; `reach` are those that it can call."""

    def __init__(self, name: str, pods: "dict[Address, Pod]") -> None:
        self.address = Address(name, 8000)
        self.pods = pods
        self.reach: set[str] = set("abc")
        self.pushed: list[list[int]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.engine = PodEngine()
        self.field = Field(name, self.engine)
        metrics = SharingMetrics(CollectorRegistry())
        self.sharing = Sharing(self.field, cast(Peers, self), metrics)
        self.answering = 0
        self.conflicts: list[Entry] = []

    # What Sharing uses of Peers.

    @property
    def addresses(self) -> list[Address]:
        return [address for address in self.pods if address != self.address]

    async def discover(self) -> bool:
        return True

    async def push(
        self, entries: Sequence[Entry], *, last: bool = False
    ) -> list[PushReceipt | None]:
        sent = Push(entries=tuple(entries)).entries
        self.pushed.append([entry.counter for entry in sent])
        await self.gate.wait()
        return [self._receipt(address, sent) for address in self.addresses]

    def _receipt(self, address: Address, entries: Entries) -> PushReceipt | None:
        if address.host not in self.reach:
            return None
        peer = self.pods[address]
        conflicts = (*peer.sharing.receive(entries), *self.conflicts)
        return PushReceipt(incarnation=peer.field.incarnation, conflicts=conflicts)

    async def pull(self, digest: str) -> tuple[list[PeerHistory], int]:
        found = [self.pods[one].field for one in self.addresses if one.host in self.reach]
        histories = [
            PeerHistory(
                incarnation=field.incarnation, established=True, entries=field.history.entries
            )
            for field in found
            if field.history.digest != digest
        ]
        self.answering = len(found)
        return histories, len(self.addresses) - len(found)

    # What a caller does.

    async def step(self, number: float, key: str | None = None) -> tuple[Taken, tuple[int, int]]:
        taken = await self.field.step((float(number),) * SIZE, False, key)
        return taken, await self.sharing.share(taken.entry)

    @property
    def numbers(self) -> list[float]:
        return [entry.x[0] for entry in self.field.history.entries]


def with_pods(scenario: Callable[[Pod, Pod, Pod], Awaitable[None]]) -> None:
    async def main() -> None:
        pods: dict[Address, Pod] = {}
        async with AsyncExitStack() as stack:
            for name in "abc":
                pod = Pod(name, pods)
                pods[pod.address] = pod
                await pod.engine.start()
                folding = asyncio.create_task(pod.field.fold_for_ever())
                stack.callback(folding.cancel)
            await scenario(*pods.values())

    asyncio.run(main())


def part(minority: Pod, *others: Pod) -> None:
    minority.reach = set()
    for pod in others:
        pod.reach -= {minority.address.host}


def heal(*pods: Pod) -> None:
    for pod in pods:
        pod.reach = set("abc")


async def compare(*pods: Pod) -> None:
    for _ in range(2):
        for pod in pods:
            await pod.sharing.catch_up()
        await asyncio.sleep(0.05)


def test_one_push_is_under_way_at_a_time_and_the_next_carries_all_steps_that_wait() -> None:
    async def scenario(a: Pod, b: Pod, c: Pod) -> None:
        a.gate.clear()
        steps = [asyncio.create_task(a.step(number)) for number in range(6)]
        await asyncio.sleep(0.05)
        more = [asyncio.create_task(a.step(number)) for number in range(6, 9)]
        await asyncio.sleep(0.05)
        first = len(a.pushed)
        a.gate.set()
        answers = await asyncio.gather(*steps, *more)
        assert [shared for _, shared in answers] == [(2, 0)] * 9
        assert (first, len(a.pushed)) == (1, 2)
        assert sorted(chain.from_iterable(a.pushed)) == list(range(1, 10))
        assert a.field.history.entries == b.field.history.entries == c.field.history.entries

    with_pods(scenario)


def test_more_steps_may_wait_than_a_push_or_a_history_holds() -> None:
    async def scenario(a: Pod, b: Pod, c: Pod) -> None:
        a.gate.clear()
        first = asyncio.create_task(a.step(0, "first"))
        while not a.pushed:
            await asyncio.sleep(0.001)
        # The latest one is repeated more often than a push has room.
        numbers = [*range(1, HISTORY_LENGTH), *[HISTORY_LENGTH] * (MAX_ENTRIES + 1)]
        steps = [asyncio.create_task(a.step(number, str(number))) for number in numbers]
        steps += [asyncio.create_task(a.step(number)) for number in range(100, 100 + MAX_ENTRIES)]
        while a.field.history.counter < 1 + HISTORY_LENGTH + MAX_ENTRIES:
            await asyncio.sleep(0.001)
        a.gate.set()
        answers = await asyncio.gather(first, *steps)
        assert {shared for _, shared in answers} == {(2, 0)}
        assert a.field.history.entries == b.field.history.entries == c.field.history.entries

    with_pods(scenario)


def test_steps_of_a_pod_that_was_cut_off_are_not_lost_when_it_is_back() -> None:
    async def scenario(a: Pod, b: Pod, c: Pod) -> None:
        await a.step(1)
        part(c, a, b)
        own = [1000 + number for number in range(10)]
        for number in own:
            _, shared = await c.step(number)
            assert shared == (0, 2)
        for number in range(3 * HISTORY_LENGTH):
            await (a if number % 2 else b).step(number)
        heal(a, b, c)
        await compare(c, a, b)
        assert [number for number in a.numbers if number >= 1000] == own
        assert a.field.history.entries == b.field.history.entries == c.field.history.entries

        for number in range(HISTORY_LENGTH + BLOCK):
            await a.step(number)
        await compare(a, b, c)
        assert [number for number in a.numbers if number >= 1000] == []
        assert a.field.history.entries == b.field.history.entries == c.field.history.entries

    with_pods(scenario)


@pytest.mark.parametrize("peer_gets", ["a push", "a comparison"])
def test_steps_that_reached_the_peers_after_all_are_not_taken_again(peer_gets: str) -> None:
    async def scenario(a: Pod, b: Pod, c: Pod) -> None:
        part(c, a, b)
        for number in range(3):
            await c.step(1000 + number)
        heal(a, b, c)
        if peer_gets == "a push":
            await c.sharing.hand_over()
        await compare(a, b, c)
        for number in range(HISTORY_LENGTH + BLOCK):
            await a.step(number)
        await asyncio.sleep(0.05)
        assert [number for number in c.numbers if number >= 1000] == []
        assert c.field.history.counter == a.field.history.counter

    with_pods(scenario)


def test_no_step_is_taken_again_while_one_of_three_pods_is_dead() -> None:
    async def scenario(a: Pod, b: Pod, c: Pod) -> None:
        part(c, a, b)
        steps = 3 * (HISTORY_LENGTH + BLOCK)
        for number in range(steps):
            _, shared = await (a if number % 2 else b).step(number)
            assert shared == (1, 1)
            if number % BLOCK == 0:
                await compare(a, b)
        await asyncio.sleep(0.05)
        assert a.field.history.counter == b.field.history.counter == steps

    with_pods(scenario)


@pytest.mark.parametrize("a_compares", [True, False])
def test_steps_that_a_peer_fetched_are_not_taken_again_after_its_many_later_ones(
    a_compares: bool,
) -> None:
    async def scenario(a: Pod, b: Pod, c: Pod) -> None:
        a.reach = set()
        for number in range(3):
            _, shared = await a.step(number)
            assert shared == (0, 2)
        await b.sharing.catch_up()
        a.reach = set("abc")
        if a_compares:
            await a.sharing.catch_up()
        for number in range(HISTORY_LENGTH + BLOCK):
            await b.step(10 + number)
        await a.sharing.catch_up()
        await asyncio.sleep(0.05)
        assert a.field.history.counter == 3 + HISTORY_LENGTH + BLOCK
        assert a.field.history.entries == b.field.history.entries

    with_pods(scenario)


def test_a_faulty_receipt_neither_exhausts_the_counter_nor_adds_other_steps() -> None:
    async def scenario(a: Pod, b: Pod, c: Pod) -> None:
        a.conflicts = [entry(2**53, "z", "k"), entry(7, "z", "other"), entry(8, "z")]
        async with asyncio.timeout(10):
            await a.step(1, "k")
            await a.step(2)
        assert a.numbers == [1, 2]
        assert a.field.history.counter == 2

    with_pods(scenario)


def test_of_different_steps_under_one_key_at_once_one_counts_and_all_pods_agree() -> None:
    async def scenario(a: Pod, b: Pod, c: Pod) -> None:
        answers = await asyncio.gather(*(pod.step(n, "k") for n, pod in enumerate((a, b, c))))
        kept = {pod.field.history.entries for pod in (a, b, c)}
        assert len(kept) == 1
        ((entry,),) = kept
        assert [taken.entry == entry for taken, _ in answers] == [False, False, True]

    with_pods(scenario)


def test_a_pod_that_ends_gives_its_peers_the_whole_history() -> None:
    async def scenario(a: Pod, b: Pod, c: Pod) -> None:
        part(c, a, b)
        for number in range(20):
            await c.step(number)
        heal(a, b, c)
        await c.sharing.hand_over()
        assert a.numbers == b.numbers == c.numbers == list(range(20))

    with_pods(scenario)


def test_a_new_pod_takes_the_field_over_and_a_pod_without_steps_hands_nothing_over() -> None:
    async def scenario(a: Pod, b: Pod, c: Pod) -> None:
        part(c, a, b)
        await c.sharing.hand_over()
        assert c.pushed == []
        for number in range(5):
            await a.step(number)
        heal(a, b, c)
        await c.sharing.take_over(1)
        assert c.sharing.established
        assert c.numbers == a.numbers

    with_pods(scenario)
