"""The live table: what the platform does, in place on a terminal, line by line elsewhere."""

import shutil
from collections.abc import Mapping, Sequence
from typing import TextIO

from ops.live.observation import Observation
from ops.live.platform import Platform
from ops.prometheus_api import WATCHDOG

SHOWN_EVENTS = 5


def addresses(platform: Platform) -> list[str]:
    """Where each pod can be reached."""
    width = max(len(pod.name) for pod in platform.pods)
    lines = [f"  {pod.name:{width}}  {pod.url}" for pod in platform.pods]
    return lines + [
        f"  {name}: not run here, there is no program for it" for name in platform.left_out
    ]


def table(seen: Observation) -> list[str]:
    """What was seen, as lines."""
    if seen.problem:
        return [f"waiting: {seen.problem}"]
    lines = [_targets(seen), _rules(seen), _reloads(seen)]
    firing = [
        [rule.labels.get("severity", ""), rule.name, on(alert.labels), f"{alert.value:.4g}"]
        for rule, alert in seen.alerts("firing")
        if rule.name != WATCHDOG
    ]
    lines += ["", f"firing: {len(firing)}", *columns(firing)]
    events = [
        [event["received"][11:19], event["receiver"] or "", event["alertname"], event["status"]]
        for event in seen.events[:SHOWN_EVENTS]
    ]
    return [*lines, "", f"events at harbinger: {len(seen.events)}", *columns(events)]


def on(labels: Mapping[str, str]) -> str:
    """What an alert is about: its pod, its treaty, its probe, its CronJob, or the whole service."""
    names = ("pod", "treaty", "probe", "cronjob", "job")
    return next((labels[name] for name in names if labels.get(name)), "everything")


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows with their cells one below the other, indented."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  "
        + "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


class Screen:
    """Shows a table that changes; other lines stand above it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._in_place = stream, stream.isatty()
        self._shown: list[str] = []

    def say(self, line: str) -> None:
        """Write a line that stays."""
        if self._in_place:
            shown, self._shown = self._shown, []
            self._stream.write(f"{_up(shown)}{line}\n")
            self.show(shown)
        else:
            self._stream.write(f"{line}\n")
            self._stream.flush()

    def show(self, lines: list[str]) -> None:
        """Put the table in the place of the one before; elsewhere say what is new in it."""
        if self._in_place:
            # A line that wraps would be two to the terminal, and one here.
            width = shutil.get_terminal_size().columns - 1
            lines = [line[:width] for line in lines]
            self._stream.write(_up(self._shown) + "".join(f"{line}\n" for line in lines))
        else:
            new = [line for line in lines if line and line not in self._shown]
            self._stream.writelines(f"{line}\n" for line in new)
        self._stream.flush()
        self._shown = lines


def _up(lines: list[str]) -> str:
    """Moves to the start of the lines and clears from there on."""
    return f"\x1b[{len(lines)}F\x1b[J" if lines else ""


def _targets(seen: Observation) -> str:
    down = [target for target in seen.targets if target.health != "up"]
    names = "".join(
        f"; {on(target.labels)} {target.health}: {target.last_error}" for target in down
    )
    return f"targets: {len(seen.targets) - len(down)} of {len(seen.targets)} up{names}"


def _rules(seen: Observation) -> str:
    sick = [rule for rule in seen.rules() if rule.health != "ok"]
    names = "".join(f"; {rule.name} {rule.health} {rule.last_error}".rstrip() for rule in sick)
    kinds = f"{len(seen.rules('alerting'))} alerts, {len(seen.rules('recording'))} records"
    return f"rules: {kinds}, {len(seen.rules()) - len(sick)} healthy{names}"


def _reloads(seen: Observation) -> str:
    said = [
        f"{job} {'loaded' if good else 'REFUSED THE LAST ONE; the one before is in force'}"
        for job, good in sorted(seen.reloads.items())
    ]
    return f"configuration: {', '.join(said) or 'not known yet'}"
