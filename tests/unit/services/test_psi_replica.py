"""Merging windows, and one replica of the field."""

from collections.abc import Iterable
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.psi_field import history as window
from services.psi_field.engine import AT_REST, EngineError
from services.psi_field.fallback import FallbackPsiEngine
from services.psi_field.history import Entry, digest, merge
from services.psi_field.replica import KeyReusedError, Replica
from tests.support.psi_steps import SMALL, entry, vector

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


@settings(max_examples=300, deadline=None)
@given(ENTRIES, ENTRIES, ENTRIES)
def test_merging_is_commutative_associative_and_idempotent(
    some: Iterable[Entry], more: Iterable[Entry], rest: Iterable[Entry]
) -> None:
    with patch.object(window, "WINDOW", SMALL):
        a, b, c = merge(some, ()), merge(more, ()), merge(rest, ())
        assert merge(a, b) == merge(b, a)
        assert merge(merge(a, b), c) == merge(a, merge(b, c))
        assert merge(a, a) == a


@settings(max_examples=100, deadline=None)
@given(ENTRIES, ENTRIES)
def test_digests_are_equal_for_equal_windows_only(
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
def test_a_key_of_another_step_is_refused(number: int, guardian: bool) -> None:
    replica = Replica("a", FallbackPsiEngine)
    replica.step(vector(1), False, "minute-1")
    before = replica.entries, replica.metrics
    with pytest.raises(KeyReusedError):
        replica.step(vector(number), guardian, "minute-1")
    assert (replica.entries, replica.metrics) == before


def test_a_failing_engine_leaves_the_replica_as_it_was() -> None:
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
