"""`python -m ops silence`: creates, lists and ends silences of an alert.

Every silence has an end, a reason and an author. All commands are idempotent.
"""

import argparse
import getpass
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from ops.alertmanager_api import Alertmanager, Matcher, Silence
from ops.arguments import Parser, server_address
from ops.http_api import ApiError, Partial
from ops.http_config import add_http_config
from ops.manifests import ManifestsError, read_manifests
from ops.numbers import when
from ops.prometheus_api import WATCHDOG, Prometheus
from problems import did_you_mean, one_line
from promql.durations import format_duration, parse_duration

SHORTEST, LONGEST = timedelta(minutes=1), timedelta(days=7)
"""Limits of a silence. To quiet an alert for longer, change its rule or route."""
_PLACEHOLDERS = {"todo", "tbd", "fixme", "xxx", "na", "none", "later", "reason", "test", "asdf", ""}
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_LABEL_NAME = re.compile(r"[a-zA-Z_]\w*")

T = TypeVar("T")


class SilenceError(ValueError):
    """The request is invalid; the message is one line with the reason and the remedy."""


@dataclass(frozen=True)
class Outcome:
    """The result of `set_silence`; `verb` is `created`, `prolonged` or `shortened`."""

    verb: str
    id: str
    ends_at: datetime


def main(arguments: Sequence[str]) -> int:
    """Run the command. Exit code: 0 done, 1 failed, 2 refused."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if sum(map(bool, (options.alert, options.list, options.expire))) != 1:
        parser.error("name one alert to silence, or use --list or --expire ID.")
    if options.label and not options.alert:
        parser.error("--label belongs to a new silence. Find the ID of an old one with --list.")
    labels = dict(options.label)
    if len(labels) < len(options.label):
        parser.error("a --label is given twice. Give each name once: an alert has one value of it.")
    if options.alert and not (options.length and options.reason):
        parser.error("a silence needs an end and a reason. Add --for 2h --why TEXT.")
    if options.alert == WATCHDOG:
        parser.error(f"{WATCHDOG} can't be silenced: its absence raises the alarm.")
    alertmanager = Alertmanager(options.alertmanager, **options.http_config_file)
    try:
        if options.list:
            _print_silences(alertmanager)
        elif options.expire:
            _expire(alertmanager, options.expire)
        else:
            _require_known_alert(options)
            _silence(alertmanager, options, labels)
    except SilenceError as error:
        parser.error(str(error))
    except ApiError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    finally:
        alertmanager.close()
    return 0


def parse_length(text: str) -> timedelta:
    """Parse a silence's duration, SHORTEST to LONGEST. Raises SilenceError."""
    try:
        length = timedelta(milliseconds=parse_duration(text))
    except (ValueError, OverflowError):
        raise SilenceError(f"{text!r} is not a duration. Write 30m, 2h or 1d12h.") from None
    if not SHORTEST <= length <= LONGEST:
        shortest, longest = (
            format_duration(limit // timedelta(milliseconds=1)) for limit in (SHORTEST, LONGEST)
        )
        raise SilenceError(
            f"{text} is not between {shortest} and {longest}. Change the rule or the route of an "
            "alert that must be quiet for longer."
        )
    return length


def parse_reason(text: str) -> str:
    """Normalise the reason to one line. Raises SilenceError for a placeholder."""
    reason = " ".join(text.split())
    if not reason.isprintable():
        raise SilenceError("the text holds invisible characters. Write it without them.")
    if re.sub(r"\W", "", reason).casefold() in _PLACEHOLDERS or len(reason) < 4:
        raise SilenceError(
            f"{reason!r} is not a reason. Write in a few words why nobody needs this alert now."
        )
    return reason


def alert_matchers(alert: str, labels: Mapping[str, str]) -> list[Matcher]:
    """Matchers for this alert and these labels, sorted by label name."""
    wanted = {"alertname": alert, **labels}
    return [Matcher(name=name, value=value) for name, value in sorted(wanted.items())]


def current_silences(silences: Sequence[Silence]) -> list[Silence]:
    """Those of the silences that are active or pending, ordered by end."""
    found = [one for one in silences if one.status.state != "expired"]
    return sorted(found, key=lambda one: (one.ends_at, one.id))


def set_silence(
    alertmanager: Alertmanager,
    matchers: Sequence[Matcher],
    *,
    now: datetime,
    length: timedelta,
    reason: str,
    author: str,
) -> Outcome:
    """Create a silence that starts now, or move the end of a current one with the same matchers.

    Raises ApiError.
    """
    ends_at = now + length
    current = current_silences(alertmanager.silences())
    same = [one for one in current if _key(one.matchers) == _key(matchers)]
    existing = max(same, key=lambda one: (one.ends_at, one.id), default=None)
    wanted = {
        "matchers": [one.model_dump(by_alias=True) for one in matchers],
        "startsAt": now.isoformat(),
        "endsAt": ends_at.isoformat(),
        "createdBy": author,
        "comment": reason,
    }
    if existing is None:
        return Outcome("created", alertmanager.set_silence(wanted), ends_at)
    # Alertmanager updates an active silence in place only if `id` and `startsAt` are unchanged.
    wanted["id"] = existing.id
    if existing.starts_at <= now:
        wanted["startsAt"] = existing.starts_at.isoformat()
    verb = "shortened" if ends_at < existing.ends_at else "prolonged"
    return Outcome(verb, alertmanager.set_silence(wanted), ends_at)


def expire_silences(alertmanager: Alertmanager, ids: Sequence[str]) -> list[Silence]:
    """End the silences with these ids. Returns those that were not over yet.

    Raises ApiError, or SilenceError before any is ended if one does not exist.
    """
    known = {one.id: one for one in alertmanager.silences()}
    for unknown in (one for one in ids if one not in known):
        raise SilenceError(
            f"there is no silence {unknown!r}. List them with `python -m ops silence --list`."
        )
    ending = [known[one] for one in dict.fromkeys(ids) if known[one].status.state != "expired"]
    for one in ending:
        alertmanager.expire_silence(one.id)
    return ending


def _key(matchers: Sequence[Matcher]) -> frozenset[tuple[str, str, bool, bool]]:
    return frozenset((one.name, one.value, one.is_regex, one.is_equal) for one in matchers)


def _silence(
    alertmanager: Alertmanager, options: argparse.Namespace, labels: Mapping[str, str]
) -> None:
    matchers = alert_matchers(options.alert, labels)
    outcome = set_silence(
        alertmanager,
        matchers,
        now=datetime.now(UTC),
        length=options.length,
        reason=options.reason,
        author=options.by or _user_name(),
    )
    try:
        suppressed = str(len(alertmanager.alerts(matchers)))
    except ApiError as error:
        suppressed = "unknown"
        sys.stderr.write(f"the silence is set, but its alerts could not be counted: {error}\n")
    verb = "silenced" if outcome.verb == "created" else f"{outcome.verb} the silence of"
    what = f"{verb} {_text(matchers)} until {when(outcome.ends_at)}"
    _print(f"{what}; alerts that it keeps quiet now: {suppressed} ({outcome.id})")


def _print_silences(alertmanager: Alertmanager) -> None:
    found = alertmanager.silences()
    for one in current_silences(found):
        state = f"{_text(one.matchers)} until {when(one.ends_at)}, {one.status.state}"
        what = one_line(f"{state}, {one.created_by}: {one.comment}")
        sys.stdout.write(f"{one_line(one.id)}  {what}\n")
    if isinstance(found, Partial):
        sys.stderr.write(f"{found.reason}\n")


def _expire(alertmanager: Alertmanager, ids: Sequence[str]) -> None:
    ended = {one.id: one for one in expire_silences(alertmanager, ids)}
    for silence_id in dict.fromkeys(ids):
        if one := ended.get(silence_id):
            _print(f"expired {one.id} {_text(one.matchers)}")
        else:
            _print(f"{silence_id} is over already")


def _print(line: str) -> None:
    """Write a line of texts that anybody may have chosen."""
    sys.stdout.write(f"{one_line(line)}\n")


def _text(matchers: Sequence[Matcher]) -> str:
    return ", ".join(map(str, matchers))


def _require_known_alert(options: argparse.Namespace) -> None:
    """Raise SilenceError if no rule defines the alert, ApiError if Prometheus can't be queried."""
    known = _alert_names(options)
    if options.alert not in known:
        advice = did_you_mean(options.alert, known, f"Choose one of {', '.join(sorted(known))}.")
        raise SilenceError(f"there is no alert {options.alert!r}. {advice}")


def _alert_names(options: argparse.Namespace) -> frozenset[str]:
    if options.prometheus:
        prometheus = Prometheus(options.prometheus, **options.http_config_file)
        try:
            groups = prometheus.rules()
        finally:
            prometheus.close()
        rules = [rule for group in groups for rule in group.rules]
        return frozenset(rule.name for rule in rules if rule.type == "alerting")
    try:
        return read_manifests(options.rendered).alert_names()
    except ManifestsError as error:
        raise SilenceError(f"{error} Or ask a server with --prometheus URL.") from None


def _user_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # the user id has no name, as in some containers
        return "ops"


def _silence_id(text: str) -> str:
    if not _ID.fullmatch(text.lower()):
        raise SilenceError(
            f"{text!r} is not the ID of a silence. Find it with `python -m ops silence --list`."
        )
    return text.lower()


def _author(text: str) -> str:
    author = " ".join(text.split())
    if not author.isprintable():
        raise SilenceError("the name holds invisible characters. Write it without them.")
    return author


def _label(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not _LABEL_NAME.fullmatch(name) or not equals or not value or name == "alertname":
        raise SilenceError(f"{text!r} is not a label of an alert. Write NAME=VALUE.")
    return name, value


def _argument(parse: Callable[[str], T]) -> Callable[[str], T]:
    """Wrap a parser so that argparse shows the message of its SilenceError."""

    def parse_argument(text: str) -> T:
        try:
            return parse(text)
        except SilenceError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return parse_argument


def _parser() -> Parser:
    parser = Parser(
        prog="python -m ops silence", description="Silence an alert for a bounded time."
    )
    parser.add_argument("alert", nargs="?", help="its name, for example TreatyNoRequests")
    parser.add_argument(
        "--for", type=_argument(parse_length), dest="length", metavar="TIME", help="2h, 1d12h"
    )
    parser.add_argument(
        "--why",
        type=_argument(parse_reason),
        dest="reason",
        metavar="TEXT",
        help="the reason, for those who read the list of silences",
    )
    parser.add_argument(
        "--by",
        type=_argument(_author),
        metavar="NAME",
        help="default: the name of this user",
    )
    parser.add_argument(
        "--label", type=_argument(_label), action="append", default=[], metavar="NAME=VALUE"
    )
    parser.add_argument("--list", action="store_true", help="list current silences")
    parser.add_argument(
        "--expire",
        type=_argument(_silence_id),
        nargs="+",
        metavar="ID",
        help="end silences, whose IDs --list shows",
    )
    parser.add_argument(
        "--alertmanager", type=server_address, default="http://localhost:9093", metavar="URL"
    )
    parser.add_argument(
        "--prometheus", type=server_address, metavar="URL", help="read which alerts exist from here"
    )
    add_http_config(parser, "both servers")
    parser.add_argument(
        "--rendered",
        type=Path,
        default=Path("rendered/local"),
        metavar="DIR",
        help="or from these manifests (default: %(default)s)",
    )
    return parser
