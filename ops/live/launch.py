"""How a pod or a job of the stack is started on this machine: its command and environment."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ops.live import kube_state, processes
from ops.live.durations import scaled, seconds
from ops.live.layout import Layout
from ops.live.pace import paced
from ops.live.pods import Pod, random_part
from ops.live.processes import Child
from ops.live.rewrite import Here
from ops.manifests import CronJob, Workload

PROGRAMS = {
    "blackbox-exporter": "blackbox_exporter",
    "alertmanager": "alertmanager",
    "prometheus-server": "prometheus",
}
"""The servers, by workload, in the order in which they start: after all other pods."""

_FLAGS = {
    "prometheus-server": {
        "scrape.discovery-reload-interval": "5s",
        "rules.alert.resend-delay": "1m",
    },
    "blackbox-exporter": {"timeout-offset": "500ms"},
}
"""Durations that no file holds and that shrink with the others: flags, and what they are else."""

_IN_SECONDS = ("timeout-offset",)
"""Flags that take a plain number."""


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
        variables = self._variables(pod.workload.name, pod.workload.main_container, pod.name)
        place = {"HOST": pod.address, "PORT": str(pod.port)}
        return self._start(pod.name, command, {**place, **variables})

    def job(self, job: CronJob) -> Child:
        """Start one run of a job; its runs share a log."""
        name = f"{job.name}-{random_part()}"
        return self._start(
            job.name,
            job.main_container["command"],
            self._variables(job.name, job.main_container, name),
        )

    def _command(self, pod: Pod, number: int, here: Here) -> list[str]:
        name = pod.workload.name
        if name in self.replayed or name == kube_state.NAME:
            file = self.replay if name in self.replayed else self.files.objects
            return ["python", "-m", "ops.live.exporter", str(file), name, str(number)]
        if name not in PROGRAMS:
            return list(pod.workload.main_container["command"])
        flags = _FLAGS.get(name, {}) if self.speed > 1 else {}
        return [
            PROGRAMS[name],
            *map(here.path, pod.workload.main_container["args"]),
            f"--web.listen-address={pod.address}:{pod.port}",
            *(f"--{flag}={_faster(flag, value, self.speed)}" for flag, value in flags.items()),
        ]

    def _variables(self, name: str, main: Mapping[str, Any], pod_name: str) -> dict[str, str]:
        """What the manifest says; its one reference, and so without a value, is the pod's name."""
        found = {entry["name"]: entry.get("value", pod_name) for entry in main.get("env", [])}
        return {**paced(found, self.speed), **self.environment.get(name, {})}

    def _start(self, name: str, command: list[str], environment: Mapping[str, str]) -> Child:
        log = self.files.log(name)
        return processes.start(name, command, environment, names=self.files.names, log=log)


def _faster(flag: str, value: str, speed: int) -> str:
    shorter = scaled(value, speed)
    return f"{seconds(shorter):g}" if flag in _IN_SECONDS else shorter


def is_runnable(workload: Workload) -> bool:
    """Whether there is a program for it here, or something that stands in for it."""
    known = workload.name in (*PROGRAMS, kube_state.NAME)
    return known or bool(workload.main_container.get("command"))
