"""Prometheus reads durations as we do: the same ones, and as long."""

from hypothesis import strategies as st

from promql.durations import parse_duration
from tests.support.verdicts import Comparison, examples
from tests.verdicts.kinds import DURATIONS

GENERATED = 1500
NUMBERS = st.one_of(
    st.integers(0, 400).map(str),
    st.sampled_from(["", "00", "007", "-1", "+1", "1.5", "1e3", "1_0", " 1", "292", "293", "٣"]),
    st.integers(0, 10**22).map(str),
)
UNITS = st.sampled_from(["ms", "s", "m", "h", "d", "w", "y", "", "M", "S", "us", "ns", "min", " "])
PARTS = st.tuples(NUMBERS, UNITS).map("".join)
TEXTS = st.lists(PARTS, max_size=4).map("".join)
ODD = ("", "0", "00", "0s", " ", "5m\n", " 5m", "5m ", "1h30m", "30m1h", "1h1h", "h", "Inf", "NaN")
ODD_LONG = ("106751d", "106752d", "9223372036854ms", "9223372036855ms", "99999999999999999999999y")


def test_durations(compare: Comparison) -> None:
    texts = [*ODD, *ODD_LONG, *examples(TEXTS, GENERATED)]
    compare(DURATIONS, texts)
    taken = [text for text in texts if DURATIONS.refusal(text) is None]
    answers = compare.ask("prometheus", map(DURATIONS.question, taken))
    lengths = [answer.more["milliseconds"] for answer in answers]
    assert lengths == [parse_duration(text) for text in taken]
