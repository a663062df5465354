"""`python -m ops report`: writes the report of this moment."""

import argparse
import math
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from ops.alertmanager_api import Alertmanager
from ops.arguments import Parser, server_address
from ops.prometheus_api import Prometheus
from ops.report import render, snapshot
from ops.report.compose import compose
from ops.report.gather import gather
from ops.report.snapshot import Snapshot, SnapshotError
from toolchain.files import write_whole

STEM = "kpi-status"
MOST_HOURS = 24 * 14


def main(arguments: Sequence[str]) -> int:
    """Write the report; 0 if it was written, whatever could be asked, and 1 if it could not be."""
    options = _parser().parse_args(arguments)
    now = datetime.now(UTC).replace(microsecond=0)
    previous, problem = _previous(options.previous, options.out)
    prometheus, alertmanager = Prometheus(options.prometheus), Alertmanager(options.alertmanager)
    try:
        facts = gather(
            prometheus, alertmanager, rendered=options.rendered, now=now, hours=options.hours
        )
    finally:
        prometheus.close()
        alertmanager.close()
    document, current = compose(
        facts,
        title=options.title,
        environment=options.environment or options.rendered.name,
        hours=options.hours,
        previous=previous,
        problem=problem,
    )
    stem = f"{STEM}-{now:%Y%m%dT%H%M%SZ}"
    texts = {
        "md": render.markdown(document),
        "html": render.html(document),
        "json": snapshot.text(current),
    }
    try:
        for ending, text in texts.items():
            write_whole(options.out / f"{stem}.{ending}", text)
    except OSError as error:
        sys.stderr.write(f"error: {options.out}: can't be written: {error.strerror}\n")
        return 1
    missing = list(dict.fromkeys(one for part in document.sections for one in part.unavailable))
    for reason in missing:
        sys.stderr.write(f"not in the report: {reason}\n")
    sys.stdout.write(f"{options.out / stem}.html\n{options.out / stem}.md\n")
    return 0


def _previous(given: Path | None, out: Path) -> tuple[Snapshot | None, str | None]:
    """The snapshot of the last report, or why there is none; both None before the first."""
    path = given or max(out.glob(f"{STEM}-*.json"), default=None)
    if path is None:
        return None, None
    try:
        return snapshot.read(path), None
    except SnapshotError as error:
        return None, str(error)


def _hours(text: str) -> float:
    try:
        hours = float(text)
    except ValueError:
        hours = math.nan
    if not 0 < hours <= MOST_HOURS:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of hours, 1 to {MOST_HOURS}")
    return hours


def _parser() -> Parser:
    parser = Parser(
        prog="python -m ops report", description="Write the KPI status report from live APIs."
    )
    parser.add_argument("--prometheus", type=server_address, required=True, metavar="URL")
    parser.add_argument("--alertmanager", type=server_address, required=True, metavar="URL")
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
    parser.add_argument("--title", default="KPI status report")
    parser.add_argument("--environment", help="its name (default: that of --rendered)")
    return parser
