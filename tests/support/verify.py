"""A made-up platform for verification: what its servers and its cluster would answer.

Everything follows from the objects that the stack `node` declares; tests change one part of it.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import httpx
import yaml

from ops.grafana_api import Grafana
from ops.http_api import ApiError
from ops.kubernetes_api import Pod
from ops.manifests import KINDS, CronJob, Manifests, parse_manifests
from ops.prometheus_api import Prometheus
from ops.verification import Verification
from ops.verify.servers import SERVERS, scrape_jobs
from tests.support.recording import Recording, run_stack
from toolchain.node.grafana import answer_api

NOW = 1764115200.0
PASSWORD = "made-up"
REFUSED = "Connection refused"


Objects = tuple[tuple[str, dict[str, Any]], ...]
"""(kind, object) of all that verification reads."""


def declared_objects(recorded: Recording) -> Objects:
    return tuple((kind, one) for kind in KINDS for one in recorded.all(kind))


@cache
def node_objects() -> Objects:
    return declared_objects(run_stack("node"))


@cache
def node_manifests() -> Manifests:
    return parse_manifests("the program", node_objects())


def _status(replicas: int) -> dict[str, Any]:
    counts = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
    return {"observedGeneration": 1, "currentRevision": "r", "updateRevision": "r"} | dict.fromkeys(
        counts, replicas
    )


def _objects(kind: str) -> dict[str, dict[str, Any]]:
    """The declared objects of a kind as their API would return them, rolled out."""
    found = {}
    for declared_kind, one in node_objects():
        if declared_kind == kind:
            copied = json.loads(json.dumps(one))
            copied["metadata"]["generation"] = 1
            copied["status"] = _status(int(copied["spec"].get("replicas", 1)))
            found[copied["metadata"]["name"]] = copied
    return found


def _pods() -> list[dict[str, Any]]:
    pods = []
    for workload in node_manifests().workloads:
        for number in range(workload.replicas):
            containers = workload.pod["spec"]["containers"]
            ready = [{"name": one["name"], "ready": True, "restartCount": 0} for one in containers]
            pods.append(
                {
                    "metadata": {
                        "name": f"{workload.name}-{number}",
                        "labels": workload.pod["metadata"]["labels"],
                    },
                    "spec": {"containers": containers},
                    "status": {
                        "phase": "Running",
                        "podIP": f"198.18.64.{len(pods) + 1}",
                        "containerStatuses": ready,
                    },
                }
            )
    return pods


def _targets() -> list[dict[str, Any]]:
    return [
        {
            "scrapePool": job,
            "labels": {"job": job, "pod": f"{workload}-{number}"},
            "health": "up",
            "lastScrape": "2025-11-26T00:00:00Z",
        }
        for job, (workload, replicas) in scrape_jobs(node_manifests()).items()
        for number in range(replicas)
    ]


def _groups() -> list[dict[str, Any]]:
    return [
        {
            "name": group["name"],
            "file": f"/etc/config/{key}",
            "interval": 30,
            "rules": [
                {
                    "name": rule.get("alert") or rule["record"],
                    "query": rule["expr"],
                    "type": "alerting" if "alert" in rule else "recording",
                    "health": "ok",
                }
                for rule in group["rules"]
            ],
        }
        for key, text in node_manifests().config_maps["prometheus-server"].items()
        if key.endswith("_rules.yml")
        for group in yaml.safe_load(text)["groups"]
    ]


def _samples() -> dict[tuple[str, ...], float]:
    """(metric, label, value, ...) -> value."""
    manifests = node_manifests()
    replicas = {one.name: one.replicas for one in manifests.workloads}
    samples: dict[tuple[str, ...], float] = {
        (f"{prefix}_config_last_reload_successful", "pod", f"{name}-{number}"): 1
        for name, prefix in SERVERS.items()
        for number in range(replicas[name])
    }
    samples |= {
        ("alertmanager_cluster_members", "pod", f"alertmanager-{n}"): replicas["alertmanager"]
        for n in range(replicas["alertmanager"])
    }
    for job in scrape_jobs(manifests):
        _, _, probe = job.partition("/")
        if probe:
            [workload] = [w for w in replicas if probe == w or probe.startswith(f"{w}-")]
            samples["probe_success", "probe", probe, "workload", workload] = 1
    samples |= {("kube_cronjob_created", "cronjob", one.name): NOW for one in manifests.cron_jobs}
    samples["harbinger_watchdog_healthy", "pod", "harbinger-0"] = 1
    samples["harbinger_last_watchdog_timestamp_seconds", "pod", "harbinger-0"] = NOW - 40
    return samples


@dataclass
class FakePlatform:
    """A healthy platform, in place of ops.verify.cluster.Cluster.

    `reasons` says why a source can't reach an address or a name, by (source, address), and
    `passes` which denied addresses it reaches; `failing` are sources in whose pods nothing runs.
    """

    deployments: dict[str, Any] = field(default_factory=lambda: _objects("Deployment"))
    stateful_sets: dict[str, Any] = field(default_factory=lambda: _objects("StatefulSet"))
    policies: dict[str, Any] = field(default_factory=lambda: _objects("NetworkPolicy"))
    pod_list: list[dict[str, Any]] = field(default_factory=_pods)
    targets: list[dict[str, Any]] = field(default_factory=_targets)
    groups: list[dict[str, Any]] = field(default_factory=_groups)
    samples: dict[tuple[str, ...], float] = field(default_factory=_samples)
    silent: set[str] = field(default_factory=set)
    """Pods whose servers don't answer."""
    boards: dict[str, Any] = field(
        default_factory=lambda: {
            board["uid"]: dict(board) for board in node_manifests().dashboards.values()
        }
    )
    source_answer: tuple[int, dict[str, str]] = (200, {"status": "OK", "message": "It answers."})
    password: str = PASSWORD
    reasons: dict[tuple[str, str], str] = field(default_factory=dict)
    passes: set[tuple[str, str]] = field(default_factory=set)
    failing: set[str] = field(default_factory=set)
    runs: list[str] = field(default_factory=list)
    """The sources that have tried, in order."""
    is_read_only: bool = False
    recorded: list[Verification] = field(default_factory=list)

    def pods(self) -> list[Pod]:
        return [Pod.model_validate(pod) for pod in self.pod_list]

    def objects(self, group: str, kinds: str) -> Mapping[str, Any]:
        return {
            "apps/v1 deployments": self.deployments,
            "apps/v1 statefulsets": self.stateful_sets,
            "networking.k8s.io/v1 networkpolicies": self.policies,
        }[f"{group} {kinds}"]

    @contextmanager
    def prometheus(self, pod: str, port: int) -> Iterator[Prometheus]:
        assert port == 9090

        def answer(request: httpx.Request) -> httpx.Response:
            if pod in self.silent:
                return httpx.Response(503, json={"message": "no endpoints available"})
            match request.url.path:
                case "/api/v1/targets":
                    return httpx.Response(200, json={"data": {"activeTargets": self.targets}})
                case "/api/v1/rules":
                    return httpx.Response(200, json={"data": {"groups": self.groups}})
            result = [
                {
                    "metric": {"__name__": name, **dict(zip(rest[::2], rest[1::2], strict=True))},
                    "value": [NOW, str(value)],
                }
                for (name, *rest), value in self.samples.items()
            ]
            return httpx.Response(200, json={"data": {"result": result}})

        yield Prometheus(f"http://{pod}", transport=httpx.MockTransport(answer))

    @contextmanager
    def grafana(self, pod: str, port: int, password: str, domain: str) -> Iterator[Grafana]:
        assert (pod, port) == ("grafana-0", 3000)

        def answer(request: httpx.Request) -> httpx.Response:
            if password != self.password:
                return httpx.Response(401, json={"message": "Invalid username or password"})
            if request.url.path.endswith("/health"):
                status, content = self.source_answer
            else:
                status, content = answer_api(request.url.raw_path.decode(), {}, self.boards)
            return httpx.Response(status, json=content)

        transport = httpx.MockTransport(answer)
        yield Grafana("http://grafana-0", domain, transport=transport)

    def record(self, result: Verification) -> None:
        if self.is_read_only:
            raise ApiError("Kubernetes answered with HTTP 403: configmaps is forbidden")
        self.recorded.append(result)

    def execute(self, pod: str, container: str, command: Sequence[str]) -> Any:
        assert pod.startswith(f"{container}-")
        return self._try(container, command)

    def run_as(self, job: CronJob, command: Sequence[str]) -> Any:
        return self._try(job.name, command)

    def _try(self, source: str, command: Sequence[str]) -> Any:
        self.runs.append(source)
        if source in self.failing:
            raise ApiError("kubectl exec failed: forbidden")
        wanted = json.loads(command[-1])
        answers = {
            key: {one: self.reasons.get((source, one)) for one in wanted[key]}
            for key in ("names", "open")
        }
        closed = {
            one: None if (source, one) in self.passes else REFUSED for one in wanted["closed"]
        }
        return {**answers, "closed": closed}
