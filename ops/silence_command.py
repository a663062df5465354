"""`python -m ops silence`: creates, lists and expires silences of an alert."""

import argparse
import difflib
import getpass
import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ops.alertmanager_api import Alertmanager
from ops.arguments import Parser, server_address
from ops.http_api import ApiError
from ops.manifests import ManifestsError, read_manifests
from ops.numbers import when
from ops.prometheus_api import WATCHDOG, Prometheus
from ops.report.document import clean
from ops.silences import SilenceError, current, duration, expire, matchers, reason, silence


def main(arguments: Sequence[str]) -> int:
    """Do what is asked; 0 when it is so now, 1 when it could not be done, 2 when it is refused."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if sum(map(bool, (options.alert, options.list, options.expire))) != 1:
        parser.error("name one alert to silence, or use --list, or --expire ID or ALERT")
    if options.alert and not (options.lasting and options.why):
        parser.error("a silence needs an end and a reason: add --for 2h --why TEXT")
    if options.alert == WATCHDOG:
        parser.error(f"{WATCHDOG} is the heartbeat of alerting: its silence raises the alarm")
    alertmanager = Alertmanager(options.alertmanager)
    try:
        if options.list:
            _list(alertmanager)
        elif options.expire:
            _expire(alertmanager, options)
        else:
            _refuse_unknown(options)
            _silence(alertmanager, options)
    except SilenceError as error:
        parser.error(str(error))
    except ApiError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    finally:
        alertmanager.close()
    return 0


def _silence(alertmanager: Alertmanager, options: argparse.Namespace) -> None:
    matching = matchers(options.alert, dict(options.label))
    outcome = silence(
        alertmanager,
        matching,
        now=datetime.now(UTC),
        lasting=options.lasting,
        why=options.why,
        by=options.by or _user(),
    )
    now_quiet = len(alertmanager.alerts(matching))
    what = ", ".join(map(str, matching))
    verb = "silenced" if outcome.verb == "created" else f"{outcome.verb} the silence of"
    sys.stdout.write(
        f"{verb} {what} until {when(outcome.ends_at)}; alerts that it keeps quiet now: {now_quiet}"
        f" ({outcome.id})\n"
    )


def _list(alertmanager: Alertmanager) -> None:
    for one in current(alertmanager):
        what = ", ".join(map(str, one.matchers))
        said = f"{what} until {when(one.ends_at)}, {one.status.state}, {one.created_by}: "
        sys.stdout.write(f"{one.id}  {clean(said + one.comment)}\n")


def _expire(alertmanager: Alertmanager, options: argparse.Namespace) -> None:
    ended = expire(alertmanager, options.expire, dict(options.label))
    for one in ended:
        sys.stdout.write(f"expired {one.id} {', '.join(map(str, one.matchers))}\n")
    if not ended:
        sys.stdout.write(f"no silence of {options.expire} is left to expire\n")


def _refuse_unknown(options: argparse.Namespace) -> None:
    """Raise SilenceError if there is no such alert, ApiError if Prometheus does not say."""
    if options.prometheus:
        prometheus = Prometheus(options.prometheus)
        try:
            groups = prometheus.rules()
        finally:
            prometheus.close()
        known = {one.name for group in groups for one in group.rules if one.type == "alerting"}
    else:
        try:
            known = read_manifests(options.rendered).alert_names()
        except ManifestsError as error:
            raise SilenceError(f"{error}; or give --prometheus to ask which alerts exist") from None
    if options.alert not in known:
        near = difflib.get_close_matches(options.alert, sorted(known), 3, 0.5)
        advice = f"did you mean {' or '.join(near)}?" if near else f"it is one of {sorted(known)}"
        raise SilenceError(f"there is no alert {options.alert!r}: {advice}")


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user without a name
        return "ops"


def _lasting(text: str) -> timedelta:
    try:
        return duration(text)
    except SilenceError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _why(text: str) -> str:
    try:
        return reason(text)
    except SilenceError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _label(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not re.fullmatch(r"[a-zA-Z_]\w*", name) or not equals or not value or name == "alertname":
        raise argparse.ArgumentTypeError(f"{text!r} is no label of an alert: write it as k=v")
    return name, value


def _parser() -> Parser:
    parser = Parser(
        prog="python -m ops silence", description="Silence an alert for a bounded time."
    )
    parser.add_argument("alert", nargs="?", help="its name, for example TreatyNoRequests")
    parser.add_argument("--for", type=_lasting, dest="lasting", metavar="TIME", help="2h, 1d12h")
    parser.add_argument("--why", type=_why, metavar="TEXT", help="the reason, for those who ask")
    parser.add_argument("--by", metavar="NAME", help="default: the name of this user")
    parser.add_argument("--label", type=_label, action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--list", action="store_true", help="list what is silenced")
    parser.add_argument("--expire", metavar="ID|ALERT", help="end a silence")
    parser.add_argument(
        "--alertmanager", type=server_address, default="http://localhost:9093", metavar="URL"
    )
    parser.add_argument(
        "--prometheus", type=server_address, metavar="URL", help="asked which alerts there are"
    )
    parser.add_argument(
        "--rendered", type=Path, default=Path("rendered/local"), metavar="DIR", help="else asked"
    )
    return parser
