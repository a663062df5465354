"""The history of steps: merging, one replica, and replicas that converge over a bad network."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.psi_field import history
from services.psi_field.engine import AT_REST, SIZE, EngineError, FallbackPsiEngine, replay
from services.psi_field.history import Entries, Entry, KeyReusedError, Replica, digest, merge

SMALL = 4
"""A history length that overflows often."""


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


# Merging

ENTRIES = st.lists(
    st.builds(
        entry,
        st.integers(1, 6),
        st.sampled_from("ab"),
        st.sampled_from([None, None, "k", "m"]),
        st.integers(0, 2),
    ),
    max_size=8,
)


@settings(max_examples=300)
@given(ENTRIES, ENTRIES, ENTRIES)
def test_merging_is_commutative_associative_and_idempotent(
    some: Iterable[Entry], more: Iterable[Entry], rest: Iterable[Entry]
) -> None:
    with patch.object(history, "HISTORY_LENGTH", SMALL):
        a, b, c = merge(some, ()), merge(more, ()), merge(rest, ())
        assert merge(a, b) == merge(b, a)
        assert merge(merge(a, b), c) == merge(a, merge(b, c))
        assert merge(a, a) == a


@settings(max_examples=100)
@given(ENTRIES, ENTRIES)
def test_digests_are_equal_for_equal_histories_only(
    some: Iterable[Entry], more: Iterable[Entry]
) -> None:
    a, b = merge(some, ()), merge(more, ())
    assert (digest(a) == digest(b)) == (a == b)


# One replica


def test_a_replica_starts_at_rest_and_a_step_is_always_the_latest() -> None:
    replica = Replica("b", FallbackPsiEngine)
    assert replica.metrics == AT_REST
    replica.merge([entry(9, "z")])
    assert replica.step(vector(1), False).counter == 10
    assert replica.entries[-1].pod == "b"


def test_a_step_that_is_sent_again_under_its_key_is_taken_once() -> None:
    here, there = Replica("a", FallbackPsiEngine), Replica("b", FallbackPsiEngine)
    first = here.step(vector(1), False, "minute-1")
    assert here.step(vector(1), False, "minute-1") is first
    there.step(vector(1), False, "minute-1")
    here.merge(there.entries)
    there.merge([first])
    assert len(here.entries) == 1
    assert here.entries == there.entries


@pytest.mark.parametrize(("number", "guardian"), [(2, False), (1, True)])
def test_a_key_that_belongs_to_another_step_is_refused(number: int, guardian: bool) -> None:
    replica = Replica("a", FallbackPsiEngine)
    replica.step(vector(1), False, "minute-1")
    before = replica.entries, replica.metrics
    with pytest.raises(KeyReusedError):
        replica.step(vector(number), guardian, "minute-1")
    assert (replica.entries, replica.metrics) == before


def test_a_failing_engine_leaves_the_replica_unchanged() -> None:
    class Fragile(FallbackPsiEngine):
        def step(self, x: Iterable[float], apply_guardian: bool) -> dict[str, float]:
            x = tuple(x)
            if x == vector(2):
                raise ValueError
            return super().step(x, apply_guardian)

    replica = Replica("a", Fragile)
    replica.step(vector(1), False)
    before = replica.entries, replica.metrics, replica.digest
    with pytest.raises(EngineError):
        replica.step(vector(2), False)
    with pytest.raises(EngineError):
        replica.merge([entry(5, number=2)])
    assert (replica.entries, replica.metrics, replica.digest) == before
    assert replica.step(vector(3), False).counter == 2


# Several replicas: the network may delay, reorder, duplicate or lose any message to any pod.

ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(
            ["step", "keyed", "deliver", "duplicate", "lose", "compare", "kill", "take over"]
        ),
        st.integers(0, 2),
        st.integers(0, 30),
    ),
    max_size=40,
)


@dataclass
class Cluster:
    """Pods, and the messages between them."""

    size: int
    pods: list[Replica] = field(default_factory=list)
    sent: list[tuple[int, Entry]] = field(default_factory=list)
    made: list[Entry] = field(default_factory=list)
    lossless: bool = True

    def __post_init__(self) -> None:
        self.pods = [Replica(f"pod-{number}", FallbackPsiEngine) for number in range(self.size)]

    def act(self, action: str, pod: int, number: int) -> None:
        pod %= self.size
        if action in ("step", "keyed"):
            self._step(pod, f"key-{number % 3}" if action == "keyed" else None, number)
        elif action in ("deliver", "duplicate", "lose") and self.sent:
            # Any message, not the oldest: the network reorders.
            place = number % len(self.sent)
            to, one = self.sent[place]
            if action != "lose":
                self.pods[to].merge([one])
            if action != "duplicate":
                del self.sent[place]
        elif action == "compare":
            self.pods[pod].merge(self.pods[number % self.size].entries)
        elif action in ("kill", "take over"):
            self.pods[pod] = Replica(f"pod-{pod}", FallbackPsiEngine)
            self.lossless = False
            if action == "take over":
                self.pods[pod].merge(self.pods[(pod + 1) % self.size].entries)

    def _step(self, pod: int, key: str | None, number: int) -> None:
        # A key stands for one step, so the vector depends on the key alone.
        made = self.pods[pod].step(vector(number % 3 if key else number), False, key)
        if all(made is not one for one in self.made):
            self.made.append(made)
        self.sent += [(to, made) for to in range(self.size) if to != pod]

    def settle(self) -> int:
        """Let all pods compare until nothing changes. Returns the number of rounds."""
        rounds = 0
        while sum(one.merge(other.entries) for one in self.pods for other in self.pods):
            rounds += 1
        return rounds


@pytest.mark.parametrize("size", [2, 3])
@pytest.mark.parametrize("length", [SMALL, history.HISTORY_LENGTH])
@settings(max_examples=120)
@given(actions=ACTIONS)
def test_pods_end_with_the_same_steps_in_the_same_order_and_equal_metrics(
    size: int, length: int, actions: list[tuple[str, int, int]]
) -> None:
    with patch.object(history, "HISTORY_LENGTH", length):
        cluster = Cluster(size)
        for action in actions:
            cluster.act(*action)
        assert cluster.settle() <= 2
        first, *others = cluster.pods
        for other in others:
            assert other.entries == first.entries
            assert other.metrics == first.metrics
            assert other.digest == first.digest
        assert first.metrics == replay(FallbackPsiEngine, first.entries)
        assert len(first.entries) <= length
        if cluster.lossless:
            assert first.entries == latest(cluster.made, length)


def latest(made: list[Entry], length: int) -> Entries:
    """The expected history, computed from all steps ever made instead of by merging."""
    ordered = sorted(made, key=Entry.sort_key)
    last_of_key = {one.key: one for one in ordered if one.key}
    distinct = [one for one in ordered if not one.key or last_of_key[one.key] is one]
    return tuple(distinct[-length:])


@settings(max_examples=150)
@given(ACTIONS)
def test_no_two_steps_share_a_position_in_the_order(actions: list[tuple[str, int, int]]) -> None:
    cluster = Cluster(2)
    for action in actions:
        cluster.act(*action)
    places = {(one.counter, one.pod, one.incarnation) for one in cluster.made}
    assert len(places) == len(cluster.made)
