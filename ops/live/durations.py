"""Durations as Prometheus writes them, and how they shrink when time runs faster."""

import re

from promql.durations import parse_duration

_PART = r"\d+(?:ms|[ywdhms])"
_DURATION = re.compile(rf"(?:{_PART})+")
# A string or a comment is taken whole, so that nothing inside it is mistaken for a range.
_PROMQL = re.compile(
    rf"""(?P<text>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`[^`]*`|\#[^\n]*)"""
    rf"""|(?P<range>\[[^\]]*\])|(?P<offset>\boffset\s+-?\s*(?:{_PART})+)"""
)


def seconds(text: str) -> float:
    """How long `1h30m` is. Raises ValueError if the text is no duration."""
    return parse_duration(text) / 1000


def scaled(text: str, speed: int) -> str:
    """The duration when time runs `speed` times faster: at least 1 ms, 0 stays; unchanged at 1.

    Raises ValueError if the text is no duration.
    """
    whole = parse_duration(text)
    if speed == 1 or whole == 0:
        return text
    return _text(max(1, round(whole / speed)))


def scaled_promql(expression: str, speed: int) -> str:
    """The expression with its ranges and offsets scaled, and nothing else touched."""

    def replace(found: re.Match[str]) -> str:
        if found["text"]:
            return found[0]
        return _DURATION.sub(lambda part: scaled(part[0], speed), found[0])

    return _PROMQL.sub(replace, expression)


def _text(whole: int) -> str:
    units = (("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1))
    unit, size = next((unit, size) for unit, size in units if whole % size == 0)
    return f"{whole // size}{unit}"


def longest_range(expression: str) -> float:
    """The longest range or offset of an expression, in seconds; 0 if it has none."""
    found = [match for match in _PROMQL.finditer(expression) if not match["text"]]
    parts = [part[0] for match in found for part in _DURATION.finditer(match[0])]
    return max(map(seconds, parts), default=0.0)
