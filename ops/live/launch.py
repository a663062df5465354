"""Starts pods and jobs on this machine, with local forms of their commands and variables."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ops.live.kube_state import KUBE_STATE_METRICS, RELOADER
from ops.live.mounts import RunFolder
from ops.live.pods import Pod, random_name_part
from ops.live.processes import Child, start_child
from ops.live.rewriting import LocalEnvironment
from ops.live.scaling import scale_duration, scale_variables
from ops.manifests import CronJob, Workload
from promql.durations import parse_duration

PROGRAMS = {
    "blackbox-exporter": "blackbox_exporter",
    "alertmanager": "alertmanager",
    "prometheus-server": "prometheus",
}
"""The program of each server by workload; servers start after all other pods, in this order."""

_EXPORTER = ("python", "-m", "ops.live.exporter")
_DURATION_FLAGS = {
    "prometheus-server": {
        "scrape.discovery-reload-interval": "5s",
        "rules.alert.resend-delay": "1m",
    },
    "blackbox-exporter": {"timeout-offset": "500ms"},
}
"""Flags that hold durations, with their defaults; scaled like the files."""

_FLAGS_IN_SECONDS = ("timeout-offset",)
"""Flags that take a plain number of seconds."""


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """How to run a stack.

    `network`: the first three octets of the pods' addresses. `speed`: how many times faster time
    runs. `keep`: keep the data of an earlier run. `replay`: a scenario's file; an exporter serves
    its values in place of each workload in `replayed`. `jobs`: run CronJobs on schedule and export
    their state. `environment`: additional variables by workload or job name. `log`: called with a
    line for each event.
    """

    manifests: Path
    state: Path
    network: str
    speed: int = 1
    keep: bool = False
    replay: Path | None = None
    replayed: tuple[str, ...] = ()
    jobs: bool = True
    environment: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    log: Callable[[str], None] = print


@dataclass(frozen=True, kw_only=True)
class Launcher:
    """Starts pods and jobs."""

    files: RunFolder
    options: RunOptions

    def start_pod(self, pod: Pod, number: int, local: LocalEnvironment) -> Child:
        """Start the pod; `number` is its index in its workload, counted from 0."""
        for folder in local.folders.values():
            folder.mkdir(parents=True, exist_ok=True)
        container = pod.workload.main_container
        address = {"HOST": pod.address, "PORT": str(pod.port)}
        variables = self._variables(pod.workload.name, container, pod.name)
        return self._start(pod.name, self._command(pod, number, local), {**address, **variables})

    def start_reloader(self, pod: Pod, port: int, number: int) -> Child:
        """Start the stand-in of the container RELOADER; `number` counts the pods that have it."""
        command = [*_EXPORTER, str(self.files.object_series), RELOADER, str(number)]
        address = {"HOST": pod.address, "PORT": str(port)}
        return self._start(f"{pod.name}-{RELOADER}", command, address)

    def start_job(self, job: CronJob) -> Child:
        """Start a run of the job; all runs share a log."""
        pod_name = f"{job.name}-{random_name_part()}"
        variables = self._variables(job.name, job.main_container, pod_name)
        return self._start(job.name, job.main_container["command"], variables)

    def _command(self, pod: Pod, number: int, local: LocalEnvironment) -> list[str]:
        name, container = pod.workload.name, pod.workload.main_container
        speed, is_replayed = self.options.speed, name in self.options.replayed
        if is_replayed or name == KUBE_STATE_METRICS:
            file = self.options.replay if is_replayed else self.files.object_series
            return [*_EXPORTER, str(file), name, str(number)]
        if name not in PROGRAMS:
            return list(container["command"])
        flags = _DURATION_FLAGS.get(name, {}) if speed > 1 else {}
        return [
            PROGRAMS[name],
            *map(local.path, container["args"]),
            f"--web.listen-address={pod.address}:{pod.port}",
            *(f"--{flag}={_scale_flag(flag, value, speed)}" for flag, value in flags.items()),
        ]

    def _variables(self, name: str, container: Mapping[str, Any], pod_name: str) -> dict[str, str]:
        """The container's variables; one without a value is a reference to the pod's name."""
        found = {entry["name"]: entry.get("value", pod_name) for entry in container.get("env", [])}
        scaled = scale_variables(found, self.options.speed)
        return {**scaled, **self.options.environment.get(name, {})}

    def _start(self, name: str, command: list[str], environment: Mapping[str, str]) -> Child:
        log = self.files.log(name)
        return start_child(name, command, environment, names=self.files.names, log=log)


def can_run(workload: Workload) -> bool:
    """Whether a program or a stand-in for the workload exists here."""
    known = workload.name in (*PROGRAMS, KUBE_STATE_METRICS)
    return known or bool(workload.main_container.get("command"))


def _scale_flag(flag: str, value: str, speed: int) -> str:
    shorter = scale_duration(value, speed)
    return f"{parse_duration(shorter) / 1000:g}" if flag in _FLAGS_IN_SECONDS else shorter
