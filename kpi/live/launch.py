"""How a pod or a job of the stack is started on this machine: its command and environment."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kpi.live import processes
from kpi.live.durations import scaled
from kpi.live.layout import Layout
from kpi.live.pace import paced
from kpi.live.pods import Pod, random_part
from kpi.live.processes import Child
from kpi.live.rendered import CronJob, Workload
from kpi.live.rewrite import Here

PROGRAMS = {"alertmanager": "alertmanager", "prometheus-server": "prometheus"}
"""The servers, by workload, in the order in which they start: after all other pods."""

_FLAGS = {
    "prometheus-server": {
        "scrape.discovery-reload-interval": "5s",
        "rules.alert.resend-delay": "1m",
    }
}
"""Durations that no file holds and that shrink with the others: flags, and what they are else."""


@dataclass(frozen=True, kw_only=True)
class Launcher:
    """What all starts share.

    `replay`: a scenario's file; the workloads in `replayed` are stood in for by its values.
    `environment`: further variables for the pods or jobs of a name.
    """

    files: Layout
    speed: int
    replay: Path | None = None
    replayed: tuple[str, ...] = ()
    environment: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def pod(self, pod: Pod, number: int, here: Here) -> Child:
        """Start a pod, the `number`th of its workload, from 0."""
        for folder in here.folders.values():
            folder.mkdir(parents=True, exist_ok=True)
        command = self._command(pod, number, here)
        variables = {**self._variables(pod.workload.name, pod.workload.main, pod.name)}
        here_at = {"HOST": pod.address, "PORT": str(pod.port)}
        return self._start(pod.name, command, {**here_at, **variables})

    def job(self, job: CronJob) -> Child:
        """Start one run of a job; its runs share a log."""
        name = f"{job.name}-{random_part()}"
        return self._start(job.name, job.main["command"], self._variables(job.name, job.main, name))

    def _command(self, pod: Pod, number: int, here: Here) -> list[str]:
        name = pod.workload.name
        if name in self.replayed:
            return ["python", "-m", "kpi.live.exporter", str(self.replay), name, str(number)]
        if name not in PROGRAMS:
            return list(pod.workload.main["command"])
        flags = _FLAGS.get(name, {}) if self.speed > 1 else {}
        return [
            PROGRAMS[name],
            *map(here.path, pod.workload.main["args"]),
            f"--web.listen-address={pod.address}:{pod.port}",
            *(f"--{flag}={scaled(value, self.speed)}" for flag, value in flags.items()),
        ]

    def _variables(self, name: str, main: Mapping[str, Any], pod_name: str) -> dict[str, str]:
        """What the manifest says; its one reference, and so without a value, is the pod's name."""
        found = {entry["name"]: entry.get("value", pod_name) for entry in main.get("env", [])}
        return {**paced(found, self.speed), **self.environment.get(name, {})}

    def _start(self, name: str, command: list[str], environment: Mapping[str, str]) -> Child:
        log = self.files.log(name)
        return processes.start(name, command, environment, names=self.files.names, log=log)


def is_runnable(workload: Workload) -> bool:
    """Whether there is a program for it here."""
    return workload.name in PROGRAMS or bool(workload.main.get("command"))
