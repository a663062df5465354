"""Silences of one alert: made, prolonged and ended so that doing it twice does no harm."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ops.alertmanager_api import Alertmanager, Matcher, Silence

LONGEST = timedelta(days=7)
"""What is quiet for longer is no known idle period but an alert to change."""
SHORTEST = timedelta(minutes=1)
_PART = re.compile(r"(\d+)([dhms])")
_UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
_EMPTY = {"todo", "tbd", "fixme", "xxx", "na", "none", "later", "reason", "test", "asdf", ""}


class SilenceError(ValueError):
    """The silence is refused; the message says why, and what to do."""


@dataclass(frozen=True)
class Outcome:
    """What happened to a silence: `created`, `prolonged`, `shortened` or `expired`."""

    verb: str
    id: str
    ends_at: datetime


def duration(text: str) -> timedelta:
    """`2h`, `90m`, `1d12h`; at most LONGEST, at least SHORTEST. Raises SilenceError."""
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text or len(text) > 20:
        raise SilenceError(f"{text!r} is no duration: write it as 30m, 2h or 1d12h")
    seconds = sum(int(number) * _UNITS[unit] for number, unit in parts)
    if not SHORTEST.total_seconds() <= seconds <= LONGEST.total_seconds():
        raise SilenceError(
            f"{text} is not between 1m and {LONGEST.days}d: an alert that must be quiet for longer"
            " needs another rule or route"
        )
    return timedelta(seconds=seconds)


def reason(text: str) -> str:
    """The reason on one line. Raises SilenceError if it says nothing."""
    said = " ".join(text.split())
    if re.sub(r"\W", "", said).casefold() in _EMPTY or len(said) < 4:
        raise SilenceError(f"{said!r} is no reason: say why nobody needs to be told of this alert")
    return said


def matchers(alert: str, labels: Mapping[str, str]) -> list[Matcher]:
    """What a silence of this alert matches, in an order that does not change."""
    wanted = {"alertname": alert, **labels}
    return [Matcher(name=name, value=value) for name, value in sorted(wanted.items())]


def silence(
    alertmanager: Alertmanager,
    matching: Sequence[Matcher],
    *,
    now: datetime,
    lasting: timedelta,
    why: str,
    by: str,
) -> Outcome:
    """Create the silence; if the same is active or to come, give that one the new end and reason.

    Raises ApiError.
    """
    ends_at = now + lasting
    same = [one for one in current(alertmanager) if _key(one.matchers) == _key(matching)]
    existing = max(same, key=lambda one: (one.ends_at, one.id), default=None)
    wanted = {
        "matchers": [one.model_dump(by_alias=True) for one in matching],
        "startsAt": now.isoformat(),
        "endsAt": ends_at.isoformat(),
        "createdBy": by,
        "comment": why,
    }
    if existing is None:
        return Outcome("created", alertmanager.set_silence(wanted), ends_at)
    # With its id, and its start where it has begun, Alertmanager changes it in place.
    wanted["id"] = existing.id
    if existing.starts_at <= now:
        wanted["startsAt"] = existing.starts_at.isoformat()
    verb = "shortened" if ends_at < existing.ends_at else "prolonged"
    return Outcome(verb, alertmanager.set_silence(wanted), ends_at)


def current(alertmanager: Alertmanager) -> list[Silence]:
    """The silences that are active or to come, by their end. Raises ApiError."""
    found = [one for one in alertmanager.silences() if one.status.state != "expired"]
    return sorted(found, key=lambda one: (one.ends_at, one.id))


def expire(alertmanager: Alertmanager, target: str, labels: Mapping[str, str]) -> list[Silence]:
    """End the silence with that id, or every one of that alert that has these labels as well.

    The ended ones; none where there is nothing left to end. Raises ApiError, and SilenceError for
    an id that never was.
    """
    if re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", target):
        known = [one for one in alertmanager.silences() if one.id == target]
        if not known:
            raise SilenceError(
                f"there is no silence {target}: `python -m ops silence --list` shows them"
            )
        ending = [one for one in known if one.status.state != "expired"]
    else:
        wanted = _key(matchers(target, labels))
        ending = [one for one in current(alertmanager) if wanted <= _key(one.matchers)]
    for one in ending:
        alertmanager.expire_silence(one.id)
    return ending


def _key(matching: Sequence[Matcher]) -> frozenset[tuple[str, str, bool, bool]]:
    return frozenset((one.name, one.value, one.is_regex, one.is_equal) for one in matching)
