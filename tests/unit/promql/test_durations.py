"""Durations are parsed and formatted as in Prometheus."""

import pytest

from promql.durations import format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [("0", 0), ("30s", 30_000), ("1h30m", 5_400_000), ("1d12h", 129_600_000), ("1m500ms", 60_500)],
)
def test_a_duration_is_parsed_into_milliseconds(text: str, milliseconds: int) -> None:
    assert parse_duration(text) == milliseconds


@pytest.mark.parametrize("text", ["", "soon", "5", "1m1h", "1.5h", "-5m", "5M", " 5m", "\u0661m"])
def test_text_that_prometheus_does_not_accept_is_refused_with_examples(text: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_duration(text)
    assert str(caught.value) == f"`{text}` is not a duration. Write 30m, 2h or 1d12h."


def test_a_duration_beyond_what_prometheus_can_count_is_refused() -> None:
    assert parse_duration("292y") > 0
    with pytest.raises(ValueError, match="longer than Prometheus can count"):
        parse_duration("293y")


@pytest.mark.parametrize("text", ["30d", "36h", "90m", "30s", "500ms"])
def test_a_duration_is_written_as_it_was_read(text: str) -> None:
    assert format_duration(parse_duration(text)) == text
