"""All checks of a platform, in the order in which one depends on another."""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, closing
from datetime import UTC, datetime

from ops.grafana_api import GRAFANA, domain_of
from ops.http_api import ApiError
from ops.kubernetes_api import Pod
from ops.live.pods import HTTP
from ops.manifests import Manifests
from ops.prometheus_api import Prometheus
from ops.verification import Verification
from ops.verify.cluster import Cluster
from ops.verify.grafana import DASHBOARDS, check_grafana
from ops.verify.inside import DENIED, DNS, EDGES, Tries, can_try
from ops.verify.loopback import Live
from ops.verify.paging import CHECK as PAGE
from ops.verify.paging import send_test_page
from ops.verify.policies import POLICIES, check_policies, departures, edges
from ops.verify.rollouts import check_rollouts
from ops.verify.rows import Row, red, untried
from ops.verify.servers import (
    ALERTMANAGER,
    PROMETHEUS,
    View,
    ask,
    check_configuration,
    check_rules,
    check_targets,
    check_watchdog,
    webhook_workload,
)
from ops.verify.stack import StackError
from ops.verify.traffic import check_traffic

OF_A_NETWORK = (POLICIES, DNS, EDGES, DENIED)
"""The checks that only a cluster's network can pass."""


class ClusterChecks:
    """The checks of a stack on a cluster."""

    def __init__(
        self, manifests: Manifests, cluster: Cluster, read_password: Callable[[], str]
    ) -> None:
        """`read_password` returns that of Grafana's admin, or raises StackError."""
        self._manifests, self._cluster, self._read_password = manifests, cluster, read_password
        sources = (*manifests.workloads, *manifests.cron_jobs)
        able = {source.name for source in sources if can_try(source)}
        allowed = edges(manifests.policies)
        self._carried = [edge for edge in allowed if edge.source not in able]
        tried = [edge for edge in allowed if edge.source in able]
        self._tries = Tries(cluster, manifests, tried)

    def look(self, early: bool) -> list[Row]:
        """One pass."""
        cluster, manifests = self._cluster, self._manifests
        pods = cluster.pods()
        live = {
            (kind, name): found
            for kind, kinds in (("Deployment", "deployments"), ("StatefulSet", "statefulsets"))
            for name, found in cluster.objects("apps/v1", kinds).items()
        }
        rows = list(check_rollouts(manifests.workloads, live, pods))
        if early and any(row.is_red for row in rows):
            return rows
        policies = cluster.objects("networking.k8s.io/v1", "networkpolicies")
        specs = {name: found["spec"] for name, found in policies.items()}
        views = [
            ask(pod.metadata.name, cluster.prometheus(pod.metadata.name, port))
            for pod in pods
            if pod.workload == PROMETHEUS
            for port in [_http_port(manifests, PROMETHEUS)]
        ]
        rows += [*check_servers(manifests, views, exact=True), *self._grafana(pods)]
        rows += check_policies(manifests.policies, specs)
        rows += self._tries.rows(pods)
        leaving = departures(manifests.policies)
        rows += check_traffic(manifests, self._carried, leaving, views, rows)
        return rows

    def page(self, sender: str) -> list[Row]:
        """Send the test page."""
        manifests = self._manifests
        try:
            with ExitStack() as opened:
                addresses = {
                    name: [
                        opened.enter_context(self._cluster.forward(pod.metadata.name, port))
                        for pod in self._cluster.pods()
                        if pod.workload == name and pod.is_ready
                        for port in [_http_port(manifests, name)]
                    ]
                    for name in (ALERTMANAGER, webhook_workload(manifests))
                    if name
                }
                alertmanagers, *others = addresses.values()
                listeners = [address for found in others for address in found]
                return list(send_test_page(manifests, alertmanagers, listeners, sender))
        except ApiError as error:
            return [red(PAGE, ALERTMANAGER, str(error), "docs/runbooks/PlatformTargetDown.md")]

    def record(self, rows: Sequence[Row]) -> None:
        """Leave the result in the cluster, for the status report. Raises ApiError."""
        red = sum(row.is_red for row in rows)
        now = datetime.now(UTC).replace(microsecond=0)
        self._cluster.record(Verification(checks=len(rows), red=red, time=now))

    def _grafana(self, pods: Sequence[Pod]) -> list[Row]:
        ready = [pod.metadata.name for pod in pods if pod.workload == GRAFANA and pod.is_ready]
        problem = None if ready else "no pod of it is ready"
        try:
            password = self._read_password()
            if ready:
                port, domain = _http_port(self._manifests, GRAFANA), domain_of(self._manifests)
                with self._cluster.grafana(ready[0], port, password, domain) as grafana:
                    return list(check_grafana(self._manifests, grafana))
        except StackError as error:
            return [untried(DASHBOARDS, GRAFANA, f"its password can't be read: {error}")]
        except ApiError as error:
            problem = str(error)
        return [red(DASHBOARDS, GRAFANA, problem or "", "docs/runbooks/GrafanaDown.md")]


class LiveChecks:
    """The checks of a live run, which has neither Grafana nor NetworkPolicies nor name servers."""

    def __init__(self, manifests: Manifests, live: Live) -> None:
        self._manifests, self._live = manifests, live

    def look(self, early: bool) -> list[Row]:
        """One pass."""
        live, manifests = self._live, self._manifests
        rows = list(live.check_pods(manifests))
        if early and any(row.is_red for row in rows):
            return rows
        views = [ask(pod.name, closing(Prometheus(pod.url))) for pod in live.pods(PROMETHEUS)]
        absent = [one.name for one in manifests.workloads if not live.pods(one.name)]
        rows += check_servers(manifests, views, exact=False, absent=absent)
        rows.append(untried(DASHBOARDS, GRAFANA, "not run here: `make live` has no Grafana"))
        reason = "not run here: `make live` has no cluster network"
        rows += [untried(check, "namespace", reason) for check in OF_A_NETWORK]
        return rows

    def page(self, sender: str) -> list[Row]:
        """Send the test page."""
        alertmanagers = [pod.url for pod in self._live.pods(ALERTMANAGER)]
        listeners = [pod.url for pod in self._live.pods(webhook_workload(self._manifests) or "")]
        return list(send_test_page(self._manifests, alertmanagers, listeners, sender))

    def record(self, rows: Sequence[Row]) -> None:
        """Leave nothing: only what passes on a cluster counts."""


def check_servers(
    manifests: Manifests, views: Sequence[View], *, exact: bool, absent: Collection[str] = ()
) -> Iterator[Row]:
    """The rows of what the Prometheus pods say; see `check_rules` and `check_targets`."""
    [wanted] = [one for one in manifests.workloads if one.name == PROMETHEUS]
    if not views:
        remedy = "docs/runbooks/PlatformTargetDown.md"
        yield red("rules", wanted.name, "no pod of it runs", remedy)
        return
    best = next((view for view in views if not view.problem), views[0])
    for view in views:
        yield check_rules(manifests, view, exact=exact)
    for view in views:
        yield from check_targets(manifests, view, absent)
    yield from check_configuration(manifests, best)
    yield check_watchdog(manifests, best)


def _http_port(manifests: Manifests, name: str) -> int:
    """The port of a workload's API."""
    [workload] = [one for one in manifests.workloads if one.name == name]
    ports = workload.main_container["ports"]
    return next(int(port["containerPort"]) for port in ports if port["name"] == HTTP)
