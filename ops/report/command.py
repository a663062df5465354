"""`python -m ops report`: composes and writes the status report."""

import argparse
import math
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from kubectl import Kubectl
from ops.alertmanager_api import Alertmanager
from ops.arguments import Parser, server_address, whole_number
from ops.grafana_api import Grafana, domain_of
from ops.http_api import Deadline
from ops.http_config import add_http_config
from ops.kubernetes_api import KubectlTransport, Kubernetes
from ops.live.terminal import Screen
from ops.manifests import Manifests, read_manifests
from ops.prometheus_api import Prometheus
from ops.report.changes import Snapshot, SnapshotError, read_snapshot
from ops.report.composition import compose
from ops.report.document import html, markdown
from ops.report.facts import Unavailable
from ops.report.gather import gather, or_unavailable
from problems import one_line
from toolchain.base import write_atomically

STEM = "kpi-status"
MOST_HOURS = 24 * 14
NOT_ASKED = 3
SLOW_SECONDS = 5.0
"""A log gets a line about the progress after each of these."""


def main(arguments: Sequence[str]) -> int:
    """Write the report. Exit code: 0 written, 1 failed, 2 refused.

    With --strict 3, if the report is written, but a server could not be asked something.
    """
    options = _parser().parse_args(arguments)
    now = datetime.now(UTC).replace(microsecond=0)
    previous, problem = _previous(options.previous, options.out)
    deadline = Deadline(options.deadline)
    progress = Progress(sys.stderr, deadline)
    manifests = or_unavailable(lambda: read_manifests(options.rendered))
    with ExitStack() as opened:
        opened.callback(progress.end)
        how = {"deadline": deadline, **options.http_config_file}
        prometheus = opened.enter_context(closing(Prometheus(options.prometheus, **how)))
        alertmanager = opened.enter_context(closing(Alertmanager(options.alertmanager, **how)))
        facts = gather(
            prometheus,
            alertmanager,
            grafana=_grafana(options, manifests, deadline, opened),
            kubernetes=_kubernetes(options, deadline, opened),
            manifests=manifests,
            now=now,
            hours=options.hours,
            tell=progress.show,
        )
    document, current = compose(
        facts,
        title=options.title,
        environment=options.environment or options.rendered.name,
        hours=options.hours,
        previous=previous,
        problem=problem,
    )
    stem = f"{STEM}-{now:%Y%m%dT%H%M%SZ}"
    texts = {"md": markdown(document), "html": html(document), "json": current.to_json()}
    try:
        write_all({options.out / f"{stem}.{ending}": text for ending, text in texts.items()})
    except OSError as error:
        sys.stderr.write(f"error: {options.out}: can't be written: {error.strerror}.\n")
        return 1
    missing = [reason for part in document.sections for reason in part.unavailable]
    for reason in dict.fromkeys((*missing, *facts.unasked())):
        sys.stderr.write(f"not in the report: {one_line(reason)}\n")
    sys.stdout.write(f"{options.out / stem}.html\n{options.out / stem}.md\n")
    return NOT_ASKED if options.strict and facts.unasked() else 0


class Progress:
    """Tells what is asked: a terminal has one line that is rewritten, a log one when it is slow."""

    def __init__(self, stream: TextIO, deadline: Deadline) -> None:
        self._stream, self._deadline = stream, deadline
        self._screen, self._told = Screen(stream), 0.0

    def show(self, what: str) -> None:
        """Tell that this is asked next."""
        spent = self._deadline.spent()
        if self._stream.isatty() or spent - self._told >= SLOW_SECONDS:
            self._told = spent
            limit = f"{spent:.0f} of at most {self._deadline.seconds:g} s"
            self._screen.show_table([f"asking {what} ({limit})"])

    def end(self) -> None:
        """Remove the line."""
        self._screen.show_table([])


def _grafana(
    options: argparse.Namespace,
    manifests: Manifests | Unavailable,
    deadline: Deadline,
    opened: ExitStack,
) -> Grafana | None:
    """A client of the Grafana that the options name."""
    if not options.grafana:
        return None
    domain: str | Unavailable = ""
    if not isinstance(manifests, Unavailable):
        domain = or_unavailable(lambda: domain_of(manifests))
    host = "" if isinstance(domain, Unavailable) else domain
    how = {"deadline": deadline, **options.grafana_http_config_file}
    return opened.enter_context(closing(Grafana(options.grafana, host, **how)))


def _kubernetes(
    options: argparse.Namespace, deadline: Deadline, opened: ExitStack
) -> Kubernetes | None:
    """A client of the cluster that the options name."""
    if not options.context:
        return None
    chosen = {"kubeconfig": options.kubeconfig, "context": options.context}
    kubectl = Kubectl(tuple(f"--{key}={value}" for key, value in chosen.items() if value))
    client = Kubernetes(KubectlTransport(kubectl), deadline=deadline)
    return opened.enter_context(closing(client))


def write_all(texts: Mapping[Path, str]) -> None:
    """Write all of these files or none. Raises OSError."""
    written: list[Path] = []
    try:
        for path, text in texts.items():
            write_atomically(path, text)
            written.append(path)
    except OSError:
        for path in written:
            path.unlink(missing_ok=True)
        raise


def _previous(given: Path | None, out: Path) -> tuple[Snapshot | None, str | None]:
    """The last report's snapshot, or the reason why it can't be read; both None without one."""
    path = given or max(out.glob(f"{STEM}-*.json"), default=None)
    if path is None:
        return None, None
    try:
        return read_snapshot(path), None
    except SnapshotError as error:
        return None, str(error)


def _hours(text: str) -> float:
    try:
        hours = float(text)
    except ValueError:
        hours = math.nan
    if not 0 < hours <= MOST_HOURS:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a number of hours. Write one up to {MOST_HOURS}."
        )
    return hours


def _parser() -> Parser:
    parser = Parser(
        prog="python -m ops report", description="Write the KPI status report from live APIs."
    )
    parser.add_argument("--prometheus", type=server_address, required=True, metavar="URL")
    parser.add_argument("--alertmanager", type=server_address, required=True, metavar="URL")
    add_http_config(parser, "Prometheus and Alertmanager")
    parser.add_argument(
        "--grafana",
        type=server_address,
        metavar="URL",
        help="whose API tells which dashboards there are",
    )
    add_http_config(parser, "Grafana", prefix="--grafana.")
    parser.add_argument(
        "--context",
        metavar="NAME",
        help="of the kubeconfig: the cluster that keeps the result of `make verify`",
    )
    parser.add_argument("--kubeconfig", metavar="FILE", help="default: as kubectl finds it")
    parser.add_argument(
        "--rendered",
        type=Path,
        default=Path("rendered/local"),
        metavar="DIR",
        help="the manifests of the environment (default: %(default)s)",
    )
    parser.add_argument(
        "--out", type=Path, default=Path("reports"), metavar="DIR", help="default: %(default)s"
    )
    parser.add_argument(
        "--previous",
        type=Path,
        metavar="FILE",
        help="the .json of the report to compare with (default: the newest in --out)",
    )
    parser.add_argument("--hours", type=_hours, default=6.0, help="of charts (default: 6)")
    parser.add_argument(
        "--deadline",
        type=whole_number(1, 3600),
        default=60,
        metavar="SECONDS",
        help="of all requests together; what is not answered by then is missing (default: 60)",
    )
    parser.add_argument(
        "--strict",
        action="store_true",
        help=f"end with code {NOT_ASKED} if a server could not be asked something",
    )
    parser.add_argument("--title", default="KPI status report")
    parser.add_argument("--environment", help="its name (default: that of --rendered)")
    return parser
