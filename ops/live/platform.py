"""Runs a rendered stack on this machine."""

import shutil
import time
from collections.abc import Sequence

from ops.live.cron_jobs import Clock, ScheduledJob
from ops.live.kube_state import RELOADER, object_series, reloader_series
from ops.live.launch import PROGRAMS, Launcher, RunOptions, can_run
from ops.live.mounts import Mount, RunFolder, mounted_config_maps, write_changed_json
from ops.live.pods import Pod, create_pods, dns_names, target_groups
from ops.live.processes import Child, LiveError, describe_exit, require_free_port, stop_children
from ops.live.rewriting import LocalEnvironment
from ops.manifests import config_maps_changed_at, read_config_maps, read_manifests

READY_SECONDS = 30
CONFIG_SECONDS = 1.0
"""Interval between checks for changed ConfigMaps."""


class Platform:
    """The stack's pods as processes. Call `tick` often: all maintenance happens in it."""

    def __init__(self, options: RunOptions) -> None:
        """Read the manifests. Raises ManifestsError."""
        self.options = options
        self.files = RunFolder(options.state.resolve())
        self.manifests = read_manifests(options.manifests)
        workloads = self.manifests.workloads
        runnable = [one for one in workloads if one.name in options.replayed or can_run(one)]
        self.left_out = [one.name for one in workloads if one not in runnable]
        order = ["", *PROGRAMS]
        runnable.sort(key=lambda one: order.index(one.name) if one.name in order else 0)
        self.pods = create_pods(runnable, options.network)
        self.children: dict[str, Child] = {}
        self.reloaders: list[Child] = []
        self.mounts: list[Mount] = []
        self._launcher = Launcher(files=self.files, options=options)
        clock = Clock(options.speed)
        self.jobs = {
            job.name: ScheduledJob(job, clock, self._launcher.start_job)
            for job in self.manifests.cron_jobs
        }
        self._rendered_at, self._looked_at = 0, 0.0

    def start(self) -> None:
        """Start every pod; the servers start once all others are ready.

        Raises LiveError or ManifestsError.
        """
        self._require_programs_and_ports()
        self.files.prepare(keep=self.options.keep)
        self._publish_pods()
        for pod in self.pods:
            if pod.workload.name not in self.options.replayed:
                for name in mounted_config_maps(pod):
                    self.mounts.append(Mount(pod, name, self._local(pod), self.files))
        self._refresh_mounts()
        for mount in self.mounts:
            mount.mark_loaded()
        self._publish_objects()
        for number, mount in enumerate(self.mounts):
            port = _reloader_port(mount.pod)
            if port:
                self.reloaders.append(self._launcher.start_reloader(mount.pod, port, number))
        services = [pod for pod in self.pods if pod.workload.name not in PROGRAMS]
        servers = [pod for pod in self.pods if pod not in services]
        for together in (services, *([server] for server in servers)):
            for pod in together:
                self._start(pod)
            self.wait_until_ready(together)

    def stop(self) -> None:
        """End every process that this platform started."""
        for job in self.jobs.values():
            job.stop()
        stop_children([*self.children.values(), *self.reloaders])

    def tick(self) -> None:
        """Replace dead pods, refresh and reload configuration, run due jobs.

        Raises LiveError or ManifestsError.
        """
        for pod in [pod for pod in self.pods if self.children[pod.name].exit_code is not None]:
            self._replace(pod)
        if time.monotonic() - self._looked_at >= CONFIG_SECONDS:
            self._refresh_mounts()
        for mount in self.mounts:
            if mount.reload_if_changed():
                outcome = f"refused: {mount.failure}" if mount.failure else "loaded"
                self.options.log(f"changed configuration of {mount.folder.name}: {outcome}")
        for job in self.jobs.values():
            if failure := job.tick(may_start=self.options.jobs):
                self.options.log(failure)
        self._publish_objects()

    def pods_of(self, workload: str) -> list[Pod]:
        """The pods of a workload, in the order of their numbers."""
        return [pod for pod in self.pods if pod.workload.name == workload]

    def wait_until_ready(self, pods: Sequence[Pod]) -> None:
        """Wait for the readiness probes. Raises LiveError if a pod dies or takes too long."""
        deadline = time.monotonic() + READY_SECONDS
        for pod in pods:
            child = self.children[pod.name]
            while not pod.is_ready():
                code = child.exit_code
                if code is not None or time.monotonic() > deadline:
                    what = "is not ready" if code is None else describe_exit(code)
                    raise LiveError(f"{pod.name} {what}: {child.last_line()} (log: {child.log})")
                time.sleep(0.05)

    def _start(self, pod: Pod) -> None:
        number = self.pods_of(pod.workload.name).index(pod)
        self.children[pod.name] = self._launcher.start_pod(pod, number, self._local(pod))

    def _replace(self, pod: Pod) -> None:
        """Start the pod that a Deployment or StatefulSet would start in place of a dead one."""
        child = self.children.pop(pod.name)
        new = pod.replacement()
        ending = describe_exit(child.exit_code or 0)
        self.options.log(f"{pod.name} {ending}; {new.name} takes its place")
        self.pods[self.pods.index(pod)] = new
        self._publish_pods()
        self._start(new)
        self.wait_until_ready([new])

    def _local(self, pod: Pod) -> LocalEnvironment:
        return LocalEnvironment(
            speed=self.options.speed,
            folders=self.files.mounted_folders(pod),
            targets=self.files.targets,
            names=dns_names(self.manifests, self.pods),
        )

    def _require_programs_and_ports(self) -> None:
        for workload, program in PROGRAMS.items():
            if self.pods_of(workload) and not shutil.which(program):
                raise LiveError(f"{program}: is not on PATH. Run `make live`, which provides it.")
        for pod in self.pods:
            for container, _, number in pod.ports:
                if container in (pod.workload.name, RELOADER):
                    require_free_port(pod.address, number)

    def _publish_pods(self) -> None:
        """Write the files that replace cluster DNS and discovery."""
        write_changed_json(self.files.names, dns_names(self.manifests, self.pods))
        for workload in self.manifests.workloads:
            groups = target_groups(self.pods_of(workload.name), self.manifests.namespace)
            write_changed_json(self.files.targets / f"{workload.name}.json", groups)

    def _publish_objects(self) -> None:
        """Publish what the stand-ins of kube-state-metrics and of the reloaders export."""
        jobs = [*self.jobs.values()] if self.options.jobs else []
        running = {name for name, child in self.children.items() if child.exit_code is None}
        objects = object_series(self.manifests, self.pods, running, jobs)
        content = {"pods": {**objects, **reloader_series(self.mounts)}}
        write_changed_json(self.files.object_series, content)

    def _refresh_mounts(self) -> None:
        self._looked_at = time.monotonic()
        rendered_at = config_maps_changed_at(self.options.manifests)
        if rendered_at != self._rendered_at:
            self._rendered_at = rendered_at
            config_maps = read_config_maps(self.options.manifests)
            for mount in self.mounts:
                mount.refresh(config_maps)


def _reloader_port(pod: Pod) -> int | None:
    """The port of the container that reloads the pod's server, if it has one."""
    return next((number for container, _, number in pod.ports if container == RELOADER), None)
