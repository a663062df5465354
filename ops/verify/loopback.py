"""The platform of `make live`, which runs on this machine's loopback addresses."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

import httpx

from ops.live.mounts import RunFolder
from ops.live.pods import HTTP
from ops.manifests import Manifests, Workload
from ops.verify.rollouts import CHECK as ROLLOUT
from ops.verify.rows import Row, judge, untried

LIMIT_SECONDS = 5.0


@dataclass(frozen=True, kw_only=True)
class LivePod:
    """A pod of a live run, and the URL of its API."""

    name: str
    url: str


@dataclass(frozen=True, kw_only=True)
class Live:
    """A live run; `folder` is where it writes its files."""

    folder: RunFolder

    def pods(self, workload: str) -> list[LivePod]:
        """The pods of a workload; none if it does not run here."""
        file = self.folder.targets / f"{workload}.json"
        groups = json.loads(file.read_text(encoding="utf-8")) if file.exists() else []
        return [
            LivePod(
                name=group["labels"]["__meta_kubernetes_pod_name"],
                url=f"http://{group['targets'][0]}",
            )
            for group in groups
            if group["labels"]["__meta_kubernetes_pod_container_port_name"] == HTTP
        ]

    def is_running(self, manifests: Manifests) -> bool:
        """Whether any pod accepts connections."""
        pods = (pod for workload in manifests.workloads for pod in self.pods(workload.name))
        return any(_answer(pod.url) is not None for pod in pods)

    def check_pods(self, manifests: Manifests) -> Iterator[Row]:
        """A row for each workload: whether its pods are ready."""
        for workload in manifests.workloads:
            subject, pods = f"{workload.kind.lower()}/{workload.name}", self.pods(workload.name)
            if not pods:
                reason = "it does not run here: `make live` has no program for it"
                yield untried(ROLLOUT, subject, reason)
                continue
            unready = [pod.name for pod in pods if not _is_ready(workload, pod)]
            problem = f"{', '.join(unready)} is not ready" if unready else None
            if not problem and len(pods) != workload.replicas:
                problem = f"{len(pods)} pods, the stack has {workload.replicas}"
            yield judge(
                ROLLOUT,
                subject,
                f"{workload.replicas} of {workload.replicas} ready",
                problem,
                f"read the pod's log in {self.folder.logs}",
            )


def _is_ready(workload: Workload, pod: LivePod) -> bool:
    path = workload.main_container["readinessProbe"]["httpGet"]["path"]
    return _answer(f"{pod.url}{path}") == httpx.codes.OK


def _answer(url: str) -> int | None:
    """The status code of the answer; None without one."""
    try:
        return httpx.get(url, timeout=LIMIT_SECONDS, trust_env=False).status_code
    except httpx.HTTPError:
        return None
