"""The treaty's sliding window."""

from hypothesis import given
from hypothesis import strategies as st
from pytest import approx

from services.treaty.window import Rates, Window

SECONDS = 300
SLICE = 5

requests = st.lists(
    st.tuples(
        st.integers(0, SECONDS),
        st.one_of(st.none(), st.floats(0, 10_000)),
        st.booleans(),
    ),
    min_size=1,
    max_size=50,
)


def window(*seen: tuple[float, float | None, bool]) -> Window:
    made = Window(SECONDS)
    for now, rtt_ms, provenance in seen:
        made.add(now, rtt_ms=rtt_ms, provenance=provenance)
    return made


def test_before_the_first_request_nothing_looks_wrong() -> None:
    assert Window(SECONDS).rates() == Rates(fill_rate=1, rtt_ms=0, provenance_coverage=1)


def test_rates_are_shares_of_the_window_s_requests() -> None:
    rates = window((1, 100, True), (2, 200, False), (3, None, True), (4, None, True)).rates()
    assert rates == Rates(fill_rate=0.5, rtt_ms=150, provenance_coverage=0.75)


def test_a_request_older_than_the_window_no_longer_counts() -> None:
    assert window((0, None, False), (SECONDS, 10, True)).rates().fill_rate == 1
    assert window((0, None, False), (SECONDS - SLICE, 10, True)).rates().fill_rate == 0.5


def test_the_last_request_before_a_pause_does_not_come_to_stand_for_all_the_others() -> None:
    seen = [(0.2 * n, 118.7 if n % 20 != 19 else None, n % 20 != 0) for n in range(1100)]
    assert seen[-1][1] is None
    rates = window(*seen).rates()
    assert (rates.fill_rate, rates.rtt_ms) == (approx(0.95), approx(118.7))
    assert rates.provenance_coverage == approx(0.95)


def test_while_every_request_is_dropped_the_round_trip_time_stays_the_last_known() -> None:
    made = window((0, 40, True), (2 * SECONDS, None, True))
    assert made.rates() == Rates(fill_rate=0, rtt_ms=40, provenance_coverage=1)


def test_its_memory_does_not_grow_with_the_traffic() -> None:
    made = Window(SECONDS)
    for number in range(20_000):
        made.add(number / 10, rtt_ms=1, provenance=True)
    assert len(made._slices) <= 60


@given(requests)
def test_the_rates_are_those_of_counting_each_request_anew(
    seen: list[tuple[int, float | None, bool]],
) -> None:
    now, timed = 0, []
    for pause, rtt_ms, provenance in seen:
        now += pause
        timed.append((now, rtt_ms, provenance))
    kept = [one for one in timed if one[0] // SLICE > now // SLICE - 60]
    rates = window(*timed).rates()
    assert rates.fill_rate == approx(sum(r is not None for _, r, _ in kept) / len(kept))
    assert rates.provenance_coverage == approx(sum(p for _, _, p in kept) / len(kept))
    if routed := [rtt_ms for _, rtt_ms, _ in kept if rtt_ms is not None]:
        assert rates.rtt_ms == approx(sum(routed) / len(routed))
