"""Replicas of the field end equal, whatever the network does to their messages."""

from dataclasses import dataclass, field
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.psi_field import history as window
from services.psi_field.engine import fold
from services.psi_field.fallback import FallbackPsiEngine
from services.psi_field.history import Entries, Entry
from services.psi_field.replica import Replica
from tests.support.psi_steps import SMALL, vector

# What the network may do, with any pod and any message

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
        # A key stands for one step: its vector follows from it.
        made = self.pods[pod].step(vector(number % 3 if key else number), False, key)
        if all(made is not one for one in self.made):
            self.made.append(made)
        self.sent += [(to, made) for to in range(self.size) if to != pod]

    def settle(self) -> int:
        """Compare everyone with everyone until nobody learns anything; the rounds it took."""
        rounds = 0
        while sum(one.merge(other.entries) for one in self.pods for other in self.pods):
            rounds += 1
        return rounds


@pytest.mark.parametrize("size", [2, 3])
@pytest.mark.parametrize("length", [SMALL, window.WINDOW])
@settings(max_examples=120, deadline=None)
@given(actions=ACTIONS)
def test_pods_end_with_the_same_steps_in_the_same_order_and_equal_metrics(
    size: int, length: int, actions: list[tuple[str, int, int]]
) -> None:
    with patch.object(window, "WINDOW", length):
        cluster = Cluster(size)
        for action in actions:
            cluster.act(*action)
        assert cluster.settle() <= 2
        first, *others = cluster.pods
        for other in others:
            assert other.entries == first.entries
            assert other.metrics == first.metrics
            assert other.digest == first.digest
        assert first.metrics == fold(FallbackPsiEngine, first.entries)
        assert len(first.entries) <= length
        if cluster.lossless:
            assert first.entries == latest(cluster.made, length)


def latest(made: list[Entry], length: int) -> Entries:
    """What the field should be, told from all steps ever made and not by merging."""
    ordered = sorted(made, key=Entry.place)
    last_of_key = {one.key: one for one in ordered if one.key}
    distinct = [one for one in ordered if not one.key or last_of_key[one.key] is one]
    return tuple(distinct[-length:])


@settings(max_examples=150, deadline=None)
@given(ACTIONS)
def test_no_two_steps_ever_share_a_place_in_the_order(actions: list[tuple[str, int, int]]) -> None:
    cluster = Cluster(2)
    for action in actions:
        cluster.act(*action)
    places = {(one.counter, one.pod, one.incarnation) for one in cluster.made}
    assert len(places) == len(cluster.made)
