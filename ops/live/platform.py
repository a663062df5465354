"""A rendered stack, running on this machine."""

import shutil
import time

from ops.live import config, kube_state, layout, processes
from ops.live.jobs import Clock, Job
from ops.live.launch import PROGRAMS, Launcher, is_runnable
from ops.live.layout import Layout
from ops.live.options import Options
from ops.live.pods import Pod, names, pods_of, target_groups
from ops.live.problems import LiveError
from ops.live.processes import Child
from ops.live.rewrite import Here
from ops.manifests import config_maps_changed_at, read_manifests

READY_SECONDS = 30
CONFIG_SECONDS = 1.0


class Platform:
    """The stack's pods as processes. `tick` must be called often: it is all that goes on."""

    def __init__(self, options: Options) -> None:
        """Raises LiveError if there is nothing to run."""
        self.options = options
        self.files = Layout(options.state.resolve())
        self.manifests = read_manifests(options.manifests)
        # Of what is stood in for, nothing needs to be there but its name.
        runnable = [
            w for w in self.manifests.workloads if is_runnable(w) or w.name in options.replayed
        ]
        self.left_out = [w.name for w in self.manifests.workloads if w not in runnable]
        order = ["", *PROGRAMS]
        runnable.sort(key=lambda w: order.index(w.name) if w.name in order else 0)
        self.pods = pods_of(runnable, options.network)
        self.children: dict[str, Child] = {}
        self.mounts: list[config.Mount] = []
        self._launcher = Launcher(
            files=self.files,
            speed=options.speed,
            replay=options.replay,
            replayed=options.replayed,
            environment=options.environment,
        )
        clock = Clock(options.speed)
        jobs = self.manifests.cron_jobs
        self.jobs = {job.name: Job(job, clock, self._launcher.job) for job in jobs}
        self._rendered_at, self._looked_at = 0, 0.0

    def start(self) -> None:
        """Start every pod, the servers when all others are ready. Raises LiveError."""
        self._check()
        self.files.prepare(keep=self.options.keep)
        self._publish()
        self._tell_of_jobs()
        for pod in [pod for pod in self.pods if pod.workload.name not in self.options.replayed]:
            for name in layout.mounted(pod):
                self.mounts.append(config.Mount(pod, name, self._here(pod), self.files))
        self._refresh()
        for mount in self.mounts:
            mount.assume_loaded()
        services = [pod for pod in self.pods if pod.workload.name not in PROGRAMS]
        for together in (services, *([pod] for pod in self.pods if pod not in services)):
            for pod in together:
                self._start(pod)
            self.wait_until_ready(together)

    def stop(self) -> None:
        """End every process that was started here."""
        for job in self.jobs.values():
            job.stop()
        processes.stop(self.children.values())

    def tick(self) -> None:
        """Replace dead pods, refresh and reload configuration, run jobs. Raises LiveError."""
        for pod in [pod for pod in self.pods if self.children[pod.name].code is not None]:
            self.replace(pod)
        if time.monotonic() - self._looked_at >= CONFIG_SECONDS:
            self._refresh()
        for mount in self.mounts:
            if mount.reload_if_changed():
                outcome = f"refused: {mount.failure}" if mount.failure else "loaded"
                self.options.say(f"changed configuration of {mount.folder.name}: {outcome}")
        for job in self.jobs.values():
            if failure := job.tick(may_start=self.options.jobs):
                self.options.say(failure)
        self._tell_of_jobs()

    def of(self, workload: str) -> list[Pod]:
        """The pods of a workload."""
        return [pod for pod in self.pods if pod.workload.name == workload]

    def replace(self, pod: Pod) -> Pod:
        """What a Deployment or a StatefulSet does when a pod has died. Raises LiveError."""
        child = self.children.pop(pod.name)
        new = pod.replacement()
        self.options.say(
            f"{pod.name} {processes.ending(child.code or 0)}; {new.name} takes its place"
        )
        self.pods[self.pods.index(pod)] = new
        self._publish()
        self._start(new)
        self.wait_until_ready([new])
        return new

    def wait_until_ready(self, pods: list[Pod]) -> None:
        """Wait for the pods' readiness probes. Raises LiveError if one dies, or takes too long."""
        deadline = time.monotonic() + READY_SECONDS
        for pod in pods:
            child = self.children[pod.name]
            while not pod.is_ready():
                late = time.monotonic() > deadline
                if late or child.code is not None:
                    what = "is not ready" if child.code is None else processes.ending(child.code)
                    raise LiveError(f"{pod.name} {what}: {child.last_line()} (log: {child.log})")
                time.sleep(0.05)

    def _start(self, pod: Pod) -> None:
        number = self.of(pod.workload.name).index(pod)
        self.children[pod.name] = self._launcher.pod(pod, number, self._here(pod))

    def _here(self, pod: Pod) -> Here:
        return Here(
            speed=self.options.speed,
            folders=self.files.folders(pod),
            targets=self.files.targets,
            names=names(self.manifests, self.pods),
        )

    def _check(self) -> None:
        for workload, program in PROGRAMS.items():
            if self.of(workload) and not shutil.which(program):
                raise LiveError(f"{program} is not on PATH: run `make live`, which provides it")
        for pod in self.pods:
            for container, _, number in pod.ports:
                if container == pod.workload.name:
                    processes.require_free(pod.address, number)

    def _publish(self) -> None:
        """Tell names and discovery which pods there are."""
        layout.write_json(self.files.names, names(self.manifests, self.pods))
        for workload in self.manifests.workloads:
            groups = target_groups(self.of(workload.name), self.manifests.namespace)
            layout.write_json(self.files.targets / f"{workload.name}.json", groups)

    def _tell_of_jobs(self) -> None:
        """Let the series on CronJobs say what is so; there is none of a job that is not run."""
        jobs = self.jobs.values() if self.options.jobs else ()
        pods = self.of(kube_state.NAME)
        told = kube_state.exposed(pods, jobs, self.manifests.namespace)
        layout.write_json(self.files.objects, told)

    def _refresh(self) -> None:
        self._looked_at = time.monotonic()
        rendered_at = config_maps_changed_at(self.options.manifests)
        if rendered_at != self._rendered_at:
            self._rendered_at = rendered_at
            config.refresh(self.mounts, self.options.manifests)
