"""Shows a run: a terminal gets a table rewritten in place, other streams get new lines only."""

import shutil
from collections.abc import Iterable, Mapping, Sequence
from typing import TextIO

from ops.live.observation import Observation
from ops.live.platform import Platform
from ops.prometheus_api import WATCHDOG, ActiveAlert, Rule

SHOWN_EVENTS = 5
OBJECTS = (
    *("deployment", "statefulset", "job_name", "persistentvolumeclaim", "poddisruptionbudget"),
    "resource",
)
"""Labels of alerts about objects of Kubernetes that are no pods."""


class Screen:
    """Shows a changing table below permanent lines."""

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._in_place = stream, stream.isatty()
        self._shown: list[str] = []

    def print_line(self, line: str) -> None:
        """Write a permanent line above the table."""
        if self._in_place:
            shown, self._shown = self._shown, []
            self._stream.write(f"{_erase(shown)}{line}\n")
            self.show_table(shown)
        else:
            self._stream.write(f"{line}\n")
            self._stream.flush()

    def show_table(self, lines: list[str]) -> None:
        """Replace the table; without a terminal, write only its new lines."""
        if self._in_place:
            # A longer line or table would break the line count of `_erase`.
            size = shutil.get_terminal_size()
            if len(lines) >= size.lines:
                rest = len(lines) - size.lines + 2
                lines = [*lines[: size.lines - 2], f"... and {rest} more lines"]
            lines = [line[: size.columns - 1] for line in lines]
            self._stream.write(_erase(self._shown) + "".join(f"{line}\n" for line in lines))
        else:
            new = [line for line in lines if line and line not in self._shown]
            self._stream.writelines(f"{line}\n" for line in new)
        self._stream.flush()
        self._shown = lines


def pod_addresses(platform: Platform) -> list[str]:
    """Lines with the URL of each pod, and with the workloads that can't run here."""
    width = max(len(pod.name) for pod in platform.pods)
    lines = [f"  {pod.name:{width}}  {pod.url}" for pod in platform.pods]
    return lines + [
        f"  {name}: does not run here, there is no program for it" for name in platform.left_out
    ]


def status_table(seen: Observation) -> list[str]:
    """Lines that describe the state of the platform."""
    if seen.problem:
        return [f"waiting: {seen.problem}"]
    events = [
        [event["received"][11:19], event["receiver"] or "", event["alertname"], event["status"]]
        for event in seen.events[:SHOWN_EVENTS]
    ]
    return [
        targets_line(seen),
        rules_line(seen),
        _reloads_line(seen),
        "",
        *alert_lines("firing", seen.alerts("firing")),
        "",
        f"events at harbinger: {len(seen.events)}",
        *align_columns(events),
    ]


def alert_lines(state: str, found: Iterable[tuple[Rule, ActiveAlert]]) -> list[str]:
    """The number of alerts, all but the heartbeat, and a line for each; all are in one state."""
    rows = [
        [
            rule.labels.get("severity", ""),
            rule.name,
            alert_subject(alert.labels),
            f"{alert.value:.4g}",
        ]
        for rule, alert in found
        if rule.name != WATCHDOG
    ]
    return [f"{state}: {len(rows)}", *align_columns(rows)]


def alert_subject(labels: Mapping[str, str]) -> str:
    """The subject of an alert: its pod, treaty, probe or other object, else `everything`."""
    names = ("pod", "treaty", "probe", "cronjob", *OBJECTS, "job")
    return next((labels[name] for name in names if labels.get(name)), "everything")


def align_columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows of cells as indented lines with aligned columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  "
        + "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _erase(lines: list[str]) -> str:
    """The escape codes that move the cursor up to the first line and clear below it."""
    return f"\x1b[{len(lines)}F\x1b[J" if lines else ""


def targets_line(seen: Observation) -> str:
    """How many targets are up, and the reason for each that is not."""
    down = [target for target in seen.targets if target.health != "up"]
    names = "".join(
        f"; {alert_subject(target.labels)} {target.health}{target.last_error and ': '}"
        f"{target.last_error}"
        for target in down
    )
    return f"targets: {len(seen.targets) - len(down)} of {len(seen.targets)} up{names}"


def rules_line(seen: Observation) -> str:
    """How many rules are healthy, and the error of each that is not."""
    sick = [rule for rule in seen.rules() if rule.health != "ok"]
    names = "".join(f"; {rule.name} {rule.health} {rule.last_error}".rstrip() for rule in sick)
    kinds = f"{len(seen.rules('alerting'))} alerts, {len(seen.rules('recording'))} records"
    return f"rules: {kinds}, {len(seen.rules()) - len(sick)} healthy{names}"


def _reloads_line(seen: Observation) -> str:
    parts = [
        f"{job} {'loaded' if succeeded else 'REFUSED, the previous one is in force'}"
        for job, succeeded in sorted(seen.reloads.items())
    ]
    return f"configuration: {', '.join(parts) or 'not known yet'}"
