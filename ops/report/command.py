"""`python -m ops report`: composes and writes the status report."""

import argparse
import math
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from ops.alertmanager_api import Alertmanager
from ops.arguments import Parser, server_address
from ops.manifests import read_manifests
from ops.numbers import NOTHING, percent, points, when
from ops.prometheus_api import Prometheus
from ops.report import alerts, changes, findings, history, maturity, metrics, slos, workloads
from ops.report.changes import Snapshot, SnapshotError, read_snapshot
from ops.report.document import Document, Tile, html, markdown
from ops.report.facts import AVAILABILITY, HEALTH, Facts, Unavailable
from ops.report.gather import gather, or_unavailable
from toolchain.base import write_atomically

STEM = "kpi-status"
MOST_HOURS = 24 * 14


def main(arguments: Sequence[str]) -> int:
    """Write the report. Exit code: 0 written, even if facts are missing; 1 failed."""
    options = _parser().parse_args(arguments)
    now = datetime.now(UTC).replace(microsecond=0)
    previous, problem = _previous(options.previous, options.out)
    prometheus, alertmanager = Prometheus(options.prometheus), Alertmanager(options.alertmanager)
    try:
        manifests = or_unavailable(lambda: read_manifests(options.rendered))
        facts = gather(prometheus, alertmanager, manifests=manifests, now=now, hours=options.hours)
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
        "md": markdown(document),
        "html": html(document),
        "json": current.to_json(),
    }
    try:
        for ending, text in texts.items():
            write_atomically(options.out / f"{stem}.{ending}", text)
    except OSError as error:
        sys.stderr.write(f"error: {options.out}: can't be written: {error.strerror}.\n")
        return 1
    missing = list(dict.fromkeys(one for part in document.sections for one in part.unavailable))
    for reason in missing:
        sys.stderr.write(f"not in the report: {reason}\n")
    sys.stdout.write(f"{options.out / stem}.html\n{options.out / stem}.md\n")
    return 0


def compose(
    facts: Facts,
    *,
    title: str,
    environment: str,
    hours: float,
    previous: Snapshot | None = None,
    problem: str | None = None,
) -> tuple[Document, Snapshot]:
    """Compose the report, and the snapshot to compare the next report with.

    `previous` is the last report's snapshot; `problem` is the reason why it can't be read.
    """
    judged = maturity.judge(facts)
    found = findings.findings(facts)
    current = Snapshot.of(facts, judged)
    sections = [
        findings.findings_section(facts, found),
        findings.actions_section(found, judged),
        changes.section(previous, current, problem),
        alerts.firing_section(facts),
        workloads.section(facts),
        alerts.rules_section(facts),
        alerts.silences_section(facts),
        metrics.platform_section(facts),
        slos.section(facts),
        history.section(facts, hours),
        metrics.metrics_section(facts),
        maturity.section(facts, judged),
    ]
    named = isinstance(facts.version, str) and facts.version != "unknown"
    version = f" {facts.version}" if named else ""
    subtitle = (
        f"{environment} · {when(facts.now)} · Prometheus{version} at {facts.prometheus} ·"
        f" Alertmanager at {facts.alertmanager}"
    )
    return Document(title, subtitle, _tiles(facts, judged), sections), current


def _tiles(facts: Facts, judged: list[maturity.Judged]) -> list[Tile]:
    health, available = facts.value(HEALTH), facts.value(AVAILABILITY)
    score, most = maturity.score(judged), maturity.most_points()
    return [
        Tile("Health score", percent(health), metrics.share_tone(health)),
        Tile("Layer-3 availability", percent(available), metrics.share_tone(available)),
        _firing(facts),
        _targets(facts),
        _rules(facts),
        Tile("Maturity", points(score), "good" if score == most else "", f"of {points(most)}"),
    ]


def _firing(facts: Facts) -> Tile:
    if isinstance(facts.groups, Unavailable):
        return Tile("Alerts firing", NOTHING, "muted", "unknown")
    fired = [alert.labels.get("severity", "none") for _, alert in facts.firing()]
    counts = {one: fired.count(one) for one in dict.fromkeys(fired)}
    tone = "bad" if "critical" in counts else "warn" if counts else "good"
    detail = ", ".join(f"{count} {one}" for one, count in counts.items())
    return Tile("Alerts firing", str(len(fired)), tone, detail)


def _targets(facts: Facts) -> Tile:
    if isinstance(facts.targets, Unavailable):
        return Tile("Pods up", NOTHING, "muted", "unknown")
    pods = [target for targets in facts.jobs().values() for target in targets]
    up, total = sum(one.health == "up" for one in pods), len(pods)
    return Tile("Pods up", str(up), "good" if up == total and up else "bad", f"of {total} scraped")


def _rules(facts: Facts) -> Tile:
    if isinstance(facts.groups, Unavailable):
        return Tile("Rules healthy", NOTHING, "muted", "unknown")
    rules = list(facts.rules())
    healthy = sum(rule.health == "ok" for rule in rules)
    tone = "good" if healthy == len(rules) and healthy else "bad"
    return Tile("Rules healthy", str(healthy), tone, f"of {len(rules)} loaded")


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
