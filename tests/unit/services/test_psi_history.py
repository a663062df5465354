"""The history of steps: adding entries, and histories that converge over a bad network."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from itertools import pairwise
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.psi_field import history
from services.psi_field.engine import SIZE
from services.psi_field.history import BLOCK, HISTORY_LENGTH, Entries, Entry, History


def vector(number: int) -> tuple[float, ...]:
    return tuple(((number * 7 + i * 3) % 11 - 5) / 4 for i in range(SIZE))


def entry(counter: int, pod: str = "a", key: str | None = None, number: int = 0) -> Entry:
    return Entry(
        counter=counter,
        pod=pod,
        incarnation="0" * 16,
        key=key,
        x=vector(number),
        apply_guardian=False,
    )


@contextmanager
def small_histories() -> Iterator[None]:
    """Histories that overflow often."""
    with (
        patch.object(history, "HISTORY_LENGTH", 4),
        patch.object(history, "BLOCK", 3),
        patch.object(history, "MAX_ENTRIES", 9),
    ):
        yield


def union(*parts: Entries | list[Entry]) -> Entries:
    found = History()
    for part in parts:
        found.add(part)
    return found.entries


# Adding entries

ENTRIES = st.lists(
    st.builds(
        entry,
        st.integers(1, 12),
        st.sampled_from("ab"),
        st.sampled_from([None, None, "k", "m"]),
        st.integers(0, 2),
    ),
    max_size=16,
)


@settings(max_examples=300)
@given(ENTRIES, ENTRIES, ENTRIES)
def test_adding_is_commutative_associative_and_idempotent(
    some: list[Entry], more: list[Entry], rest: list[Entry]
) -> None:
    with small_histories():
        a, b, c = union(some), union(more), union(rest)
        assert union(a, b) == union(b, a)
        assert union(union(a, b), c) == union(a, union(b, c))
        assert union(a, a) == a


@settings(max_examples=200)
@given(ENTRIES)
def test_a_history_is_what_its_definition_says(entries: list[Entry]) -> None:
    with small_histories():
        assert union(entries) == latest(entries)
        assert union(*([one] for one in entries)) == latest(entries)


@settings(max_examples=100)
@given(ENTRIES, ENTRIES)
def test_digests_are_equal_for_equal_histories_only(some: list[Entry], more: list[Entry]) -> None:
    a, b = History(some), History(more)
    assert (a.digest == b.digest) == (a.entries == b.entries)


def test_the_beginning_moves_once_in_a_block_so_that_steps_come_on_top_of_the_others() -> None:
    found = History()
    beginnings: list[int] = []
    for counter in range(1, 5 * HISTORY_LENGTH):
        found.add([entry(counter)])
        beginnings.append(found.entries[0].counter)
        assert len(found.entries) in range(min(counter, HISTORY_LENGTH), HISTORY_LENGTH + BLOCK)
    moves = [now for before, now in pairwise(beginnings) if now != before]
    assert moves == list(range(BLOCK, 4 * HISTORY_LENGTH + 1, BLOCK))


def test_entries_of_different_steps_under_one_key_are_told() -> None:
    found = History([entry(5, "b", "k", 1)])
    assert found.add([entry(4, "a", "k", 2)]) == (entry(5, "b", "k", 1),)
    assert found.add([entry(6, "a", "k", 1)]) == ()
    assert found.entries == (entry(6, "a", "k", 1),)


# Several pods: the network may delay, reorder, duplicate or lose any message to any pod.

ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(
            ["step", "keyed", "deliver", "duplicate", "lose", "compare", "kill", "take over"]
        ),
        st.integers(0, 2),
        st.integers(0, 30),
    ),
    max_size=60,
)


@dataclass
class Cluster:
    """The pods' histories, and the messages between them."""

    size: int
    pods: list[History] = field(default_factory=list)
    sent: list[tuple[int, Entry]] = field(default_factory=list)
    made: list[Entry] = field(default_factory=list)
    lossless: bool = True
    killed: int = 0

    def __post_init__(self) -> None:
        self.pods = [History() for _ in range(self.size)]

    def act(self, action: str, pod: int, number: int) -> None:
        pod %= self.size
        if action in ("step", "keyed"):
            self._step(pod, f"key-{number % 3}" if action == "keyed" else None, number)
        elif action in ("deliver", "duplicate", "lose") and self.sent:
            # Any message, not the oldest: the network reorders.
            place = number % len(self.sent)
            to, one = self.sent[place]
            if action != "lose":
                self.pods[to].add([one])
            if action != "duplicate":
                del self.sent[place]
        elif action == "compare":
            self.pods[pod].add(self.pods[number % self.size].entries)
        elif action in ("kill", "take over"):
            self.pods[pod] = History()
            self.lossless = False
            self.killed += 1
            if action == "take over":
                self.pods[pod].add(self.pods[(pod + 1) % self.size].entries)

    def _step(self, pod: int, key: str | None, number: int) -> None:
        # A key stands for one step, so the vector depends on the key alone.
        made = self.pods[pod].known(key) or Entry(
            counter=self.pods[pod].counter + 1,
            pod=f"pod-{pod}",
            incarnation=f"{self.killed:016}",
            key=key,
            x=vector(number % 3 if key else number),
            apply_guardian=False,
        )
        self.pods[pod].add([made])
        if all(made is not one for one in self.made):
            self.made.append(made)
        self.sent += [(to, made) for to in range(self.size) if to != pod]

    def settle(self) -> int:
        """Let all pods compare until nothing changes. Returns the number of rounds."""
        rounds = 0
        while len({one.digest for one in self.pods}) > 1:
            for one in self.pods:
                for other in self.pods:
                    one.add(other.entries)
            rounds += 1
        return rounds


@pytest.mark.parametrize("size", [2, 3])
@pytest.mark.parametrize("small", [True, False])
@settings(max_examples=120)
@given(actions=ACTIONS)
def test_pods_end_with_the_same_steps_in_the_same_order(
    size: int, small: bool, actions: list[tuple[str, int, int]]
) -> None:
    with small_histories() if small else nullcontext():
        cluster = Cluster(size)
        for action in actions:
            cluster.act(*action)
        assert cluster.settle() <= 2
        assert len({pod.entries for pod in cluster.pods}) == 1
        if cluster.lossless:
            assert cluster.pods[0].entries == latest(cluster.made)


def latest(made: list[Entry]) -> Entries:
    """The expected history, computed from all steps ever made instead of one by one."""
    ordered = sorted({one.sort_key(): one for one in made}.values(), key=Entry.sort_key)
    last_of_key = {one.key: one for one in ordered if one.key}
    distinct = [one for one in ordered if not one.key or last_of_key[one.key] is one]
    begin = max(
        begin
        for begin in range(0, 2 + max((one.counter for one in made), default=0), history.BLOCK)
        if not begin or sum(one.counter >= begin for one in distinct) >= history.HISTORY_LENGTH
    )
    return tuple([one for one in distinct if one.counter >= begin][-history.MAX_ENTRIES :])


@settings(max_examples=150)
@given(ACTIONS)
def test_no_two_steps_share_a_place_in_the_order(actions: list[tuple[str, int, int]]) -> None:
    cluster = Cluster(2)
    for action in actions:
        cluster.act(*action)
    assert len({one.place for one in cluster.made}) == len(cluster.made)
