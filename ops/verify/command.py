"""`python -m ops verify`: checks a running platform; one line for each check, and what to do."""

import json
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache, partial
from getpass import getuser
from pathlib import Path
from socket import gethostname
from typing import Protocol

from ops.arguments import Parser, whole_number
from ops.http_api import ApiError
from ops.live.mounts import RunFolder
from ops.live.terminal import Screen
from ops.manifests import ManifestsError, read_manifests
from ops.verify.checks import ClusterChecks, LiveChecks
from ops.verify.cluster import open_cluster
from ops.verify.loopback import Live
from ops.verify.rows import Row, red, table
from ops.verify.stack import StackError, read_password, read_stack

GREEN, SOME_RED, CANNOT_ASK = 0, 1, 2
PAUSE_SECONDS = 3.0
"""Between two passes."""


class Checks(Protocol):
    """The checks of a platform; all may raise ApiError."""

    def look(self, early: bool) -> list[Row]:
        """Make one pass; `early` ends it after the rollout if that is red."""
        ...

    def page(self, sender: str) -> list[Row]:
        """Send the test page."""
        ...

    def record(self, rows: Sequence[Row]) -> None:
        """Leave the result where the status report finds it."""
        ...


def main(arguments: Sequence[str]) -> int:
    """Check until all is green or the time is over. Exit code: 0 green, 1 red, 2 can't ask."""
    options = _parser().parse_args(arguments)
    screen = Screen(sys.stderr if options.json else sys.stdout)
    try:
        with open_platform(options) as checks:
            rows = wait_for_green(checks.look, options.timeout, screen)
            if options.test_page:
                rows += send_page(checks, screen)
            _record(checks, rows)
    except (StackError, ManifestsError, ApiError) as error:
        sys.stderr.write(f"error: {error}\n")
        return CANNOT_ASK
    return print_rows(rows, screen, as_json=options.json)


def send_page(checks: Checks, screen: Screen) -> list[Row]:
    """Send the test page under the name of this user; takes a minute."""
    screen.show_table(["the test page is on its way: this takes a minute"])
    return checks.page(f"{getuser()} on {gethostname()}")


def print_rows(rows: Sequence[Row], screen: Screen, *, as_json: bool) -> int:
    """Print a line for each row, and the JSON if it is wanted. Returns the exit code."""
    screen.show_table([])
    reds = sum(row.is_red for row in rows)
    for line in (*table(rows), f"{reds} red" if reds else "all green"):
        screen.print_line(line)
    if as_json:
        answer = {"green": not reds, "rows": [row.as_json() for row in rows]}
        sys.stdout.write(f"{json.dumps(answer, indent=1)}\n")
    return SOME_RED if reds else GREEN


def _record(checks: Checks, rows: Sequence[Row]) -> None:
    try:
        checks.record(rows)
    except ApiError as error:
        # What was found out is no less true.
        sys.stderr.write(f"the result is not kept in the cluster: {error}\n")


def wait_for_green(look: Callable[[bool], list[Row]], seconds: float, screen: Screen) -> list[Row]:
    """Look again and again until no row is red or the time is over; returns the last rows.

    Raises ApiError if the cluster can't be asked at the end.
    """
    deadline = time.monotonic() + seconds
    while True:
        late = time.monotonic() >= deadline
        try:
            rows = look(not late)
        except ApiError as error:
            if late:
                raise
            rows = [red("cluster", "API server", str(error), "wait until it answers")]
        reds = [row for row in rows if row.is_red]
        if late or not reds:
            return rows
        what = ", ".join(dict.fromkeys(row.check for row in reds))
        # Without the seconds that are left, a log gets a new line only if something has changed.
        screen.show_table([f"waiting for {len(reds)} red: {what}"])
        time.sleep(min(PAUSE_SECONDS, max(0.0, deadline - time.monotonic())))


@contextmanager
def open_platform(options: Namespace) -> Iterator[Checks]:
    """The checks of the platform that the arguments of `platform_parser` name.

    Raises StackError, ManifestsError or ApiError if it can't be asked.
    """
    if options.live:
        manifests = read_manifests(options.manifests)
        live = Live(folder=RunFolder(options.state))
        if not live.is_running(manifests):
            raise StackError("`make live` does not run. Start it in another terminal.")
        yield LiveChecks(manifests, live)
        return
    stack = read_stack(options.stack)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = folder / "kubeconfig"
        file.touch(mode=0o600)
        file.write_text(stack.kubeconfig, encoding="utf-8")
        kubectl = stack.kubectl(str(file))
        with open_cluster(kubectl, stack.manifests.namespace, folder) as cluster:
            # A cluster that can't be asked ends here, before anybody waits for it.
            cluster.pods()
            password = cache(partial(read_password, stack.name, options.config_file))
            yield ClusterChecks(stack.manifests, cluster, password)


def platform_parser(command: str, description: str) -> Parser:
    """A parser of arguments that name a platform; `--json` asks for its rows as JSON."""
    parser = Parser(prog=f"python -m ops {command}", description=description)
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--stack", metavar="NAME", help="whose state `pulumi` can read")
    which.add_argument("--live", action="store_true", help="the run of `make live`")
    parser.add_argument("--config-file", default="", metavar="FILE", help="the stack's own file")
    parser.add_argument("--manifests", type=Path, default=Path("rendered/local/1-manifest"))
    parser.add_argument("--state", type=Path, default=Path(".state/live"))
    parser.add_argument("--json", action="store_true", help="print all rows as JSON")
    return parser


def _parser() -> Parser:
    parser = platform_parser("verify", "Check a running platform.")
    parser.add_argument(
        "--timeout",
        type=whole_number(0, 3600),
        default=300,
        metavar="SECONDS",
        help="how long to wait until all is green; default: 300",
    )
    parser.add_argument(
        "--test-page",
        action="store_true",
        help="then notify everybody who is notified of alerts, with a test alert of each severity",
    )
    return parser
