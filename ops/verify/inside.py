"""Tries the stack's connections from inside of its pods: names, what is allowed, what is denied.

Only pods whose program is Python can try. For a CronJob, a Job with its pod template tries: no
Service, budget or scrape job selects its pods.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from ops.http_api import ApiError
from ops.kubernetes_api import Pod
from ops.manifests import CronJob, Json, Manifests, Workload
from ops.verify import attempts
from ops.verify.policies import TCP, Edge
from ops.verify.rows import Row, judge, red, some

DNS, EDGES, DENIED = "DNS", "edges", "denied"
API_NAME = "kubernetes.default.svc"
PYTHON = "python"

Reasons = Mapping[str, str | None]
"""Why each name or address does not answer; None if it does."""


class Runner(Protocol):
    """Runs a command inside of a pod, and returns the JSON that it prints; may raise ApiError."""

    def execute(self, pod: str, container: str, command: Sequence[str]) -> Any:
        """Run it in a container of a running pod."""
        ...

    def run_as(self, job: CronJob, command: Sequence[str]) -> Any:
        """Run it in a new pod like those of a CronJob."""
        ...


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a source should try: names, and its edges' addresses; all others must be closed."""

    names: Sequence[str]
    open: Mapping[Edge, Sequence[str]]
    closed: Mapping[str, str]
    """Address -> what listens there."""

    def command(self) -> list[str]:
        """The command line that tries all of it."""
        wanted = {
            "names": list(self.names),
            "open": [address for addresses in self.open.values() for address in addresses],
            "closed": list(self.closed),
        }
        source = Path(attempts.__file__).read_text(encoding="utf-8")
        return [PYTHON, "-c", source, json.dumps(wanted)]


def can_try(source: Workload | CronJob) -> bool:
    """Whether the pods of the source have Python."""
    return (source.main_container.get("command") or [""])[0] == PYTHON


def plan(
    source: Workload | CronJob, manifests: Manifests, edges: Iterable[Edge], pods: Iterable[Pod]
) -> Plan:
    """What the pods called as the source should try, with these pods in the namespace."""
    own = [edge for edge in edges if edge.source == source.name]
    reachable = {(edge.target, edge.port): edge for edge in own}
    names, closed = [API_NAME], {}
    found: dict[Edge, list[str]] = {edge: [] for edge in own}
    for service in manifests.services:
        for edge in own:
            if service.selects == edge.target and not service.is_headless:
                name = f"{service.name}.{manifests.namespace}.svc"
                names.append(name)
                found[edge].append(f"{name}:{service.port}")
    containers = {one.name: one.pod["spec"]["containers"] for one in manifests.workloads}
    for pod in pods:
        for port in _ports(containers.get(pod.workload, ())):
            address = f"[{pod.status.pod_ip}]:{port}"
            if edge := reachable.get((pod.workload, port)):
                found[edge].append(address)
            elif pod.workload != source.name:
                closed[address] = f"{pod.metadata.name}, port {port}"
    return Plan(names=tuple(dict.fromkeys(names)), open=found, closed=closed)


def _ports(containers: Iterable[Json]) -> Iterator[int]:
    for container in containers:
        for port in container.get("ports", ()):
            if port.get("protocol", TCP) == TCP:
                yield int(port["containerPort"])


@dataclass
class Tries:
    """Tries from inside, once more for each source that was not green the last time."""

    runner: Runner
    manifests: Manifests
    edges: Sequence[Edge]
    _green: dict[str, list[Row]] = field(default_factory=dict)

    def rows(self, pods: Sequence[Pod]) -> list[Row]:
        """A row for the names and for the denied addresses of each source, and for each edge."""
        sources = [*self.manifests.workloads, *self.manifests.cron_jobs]
        able = [source for source in sources if can_try(source)]
        with ThreadPoolExecutor() as threads:
            return [
                row for rows in threads.map(lambda one: self._try(one, pods), able) for row in rows
            ]

    def _try(self, source: Workload | CronJob, pods: Sequence[Pod]) -> list[Row]:
        if source.name in self._green:
            return self._green[source.name]
        usable = [pod for pod in pods if pod.is_ready and pod.state == "Running"]
        planned = plan(source, self.manifests, self.edges, usable)
        try:
            answers = self._run(source, planned, usable)
        except ApiError as error:
            remedy = 'see the permissions in "Verify a stack" of docs/how-to.md'
            return [red(EDGES, f"from {source.name}", f"can't try: {error}", remedy)]
        rows = list(judge_answers(source.name, planned, answers))
        if not any(row.is_red for row in rows):
            self._green[source.name] = rows
        return rows

    def _run(self, source: Workload | CronJob, planned: Plan, pods: Sequence[Pod]) -> Any:
        if isinstance(source, CronJob):
            return self.runner.run_as(source, planned.command())
        own = [pod.metadata.name for pod in pods if pod.workload == source.name]
        if not own:
            raise ApiError(f"no pod of {source.name} is ready")
        return self.runner.execute(own[0], source.name, planned.command())


def judge_answers(source: str, planned: Plan, answers: Mapping[str, Reasons]) -> Iterator[Row]:
    """The rows for what a source has found."""
    yield judge(
        DNS,
        source,
        f"{len(planned.names)} names are known",
        some([f"{name}: {why}" for name, why in answers["names"].items() if why]),
        "`kubectl -n kube-system get pods -l k8s-app=kube-dns` shows whether the name servers run;"
        " a policy of the stack lets every pod ask them on port 53",
    )
    for edge, addresses in planned.open.items():
        wrong = [f"{address}: {why}" for address in addresses if (why := answers["open"][address])]
        yield judge(
            EDGES,
            str(edge),
            f"connects to {len(addresses)} addresses",
            some(wrong) or (None if addresses else "its pods have no address"),
            f"the policy {edge.policy} should allow it: `kubectl get networkpolicy {edge.policy}"
            " -o yaml`; if it is there, read the network plug-in's log",
        )
    passed = [what for address, what in planned.closed.items() if not answers["closed"][address]]
    yield judge(
        DENIED,
        source,
        f"{len(planned.closed)} addresses stay closed",
        f"connects to {some(passed)}" if passed else None,
        "the cluster does not enforce NetworkPolicies: switch them on in the VPC CNI add-on"
        " (`enableNetworkPolicy`), or look for a policy that is not the stack's",
    )
