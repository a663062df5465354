"""Connections proved by the traffic that they carry all the time, where no program can try them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ops.grafana_api import GRAFANA
from ops.manifests import Manifests
from ops.prometheus_api import Sample
from ops.verify.grafana import SOURCES
from ops.verify.inside import EDGES
from ops.verify.policies import Departure, Edge
from ops.verify.rows import Row, State, judge, untried
from ops.verify.servers import (
    CRON_JOBS,
    MEMBERS,
    PROBED,
    PROMETHEUS,
    SENT,
    WATCHDOG,
    WRITTEN,
    View,
    scrape_jobs,
    webhook_workload,
)

API = "kubernetes-api"
LONG_TERM = ("managed-prometheus", "pod-identity-agent", "aws-sts")
"""What a long-term store in AWS needs: the store itself, and where its credentials come from."""
BEHIND_SECONDS = 120
"""How far a remote write may be behind, as in the alert PrometheusRemoteWriteBehind."""
_REMEDY = "mend the red line above that its traffic causes; if there is none, read the pods' logs"

Proof = tuple[str, str | None] | None
"""(What proves it, what is wrong); None if nothing can tell."""


def check_traffic(
    manifests: Manifests,
    edges: Sequence[Edge],
    departures: Sequence[Departure],
    views: Sequence[View],
    rows: Sequence[Row],
) -> Iterator[Row]:
    """A row for each connection that no pod tries; `rows` are those of the other checks.

    Connections from one workload to several ports of another have one row.
    """
    traffic = _Traffic(
        manifests=manifests,
        views=[view for view in views if not view.problem],
        rows=rows,
        jobs=scrape_jobs(manifests),
        webhook=webhook_workload(manifests),
    )
    for subject, edge in {str(edge): edge for edge in edges}.items():
        yield _row(subject, traffic.edge_proof(edge))
    for one in departures:
        yield _row(str(one), traffic.departure_proof(one))


def _row(subject: str, proof: Proof) -> Row:
    if proof is None:
        return untried(EDGES, subject, "nothing here can try it")
    return judge(EDGES, subject, proof[0], proof[1], _REMEDY)


@dataclass(frozen=True, kw_only=True)
class _Traffic:
    """What is known of the traffic: the servers that answer, and the rows of other checks."""

    manifests: Manifests
    views: Sequence[View]
    rows: Sequence[Row]
    jobs: Mapping[str, tuple[str, int]]
    webhook: str | None

    def edge_proof(self, edge: Edge) -> Proof:
        """The proof of a connection between pods."""
        match edge.source, edge.target:
            case "prometheus-server", target:
                return self._scrapes(target)
            case "blackbox-exporter", target:
                return self._probes(target)
            case "alertmanager", "alertmanager":
                return self._gossip()
            case "alertmanager", self.webhook:
                return self._of_check(WATCHDOG, "the Watchdog arrives")
            case "grafana", "prometheus-server":
                return self._of_check(SOURCES, "Grafana queries it")
        return None

    def departure_proof(self, one: Departure) -> Proof:
        """The proof of a connection that leaves the namespace."""
        if one.target in LONG_TERM and one.source == GRAFANA:
            return self._of_check(SOURCES, "Grafana queries through it")
        if one.target in LONG_TERM and one.source == PROMETHEUS:
            return self._remote_write()
        if one.target != API:
            return None
        if one.source == PROMETHEUS:
            blind = [view.pod for view in self.views if not view.targets]
            return self._seen("finds pods through it", f"{blind[0]} finds none" if blind else None)
        listed = {found.metric.get("cronjob") for found in self._samples(CRON_JOBS)}
        missing = sorted({job.name for job in self.manifests.cron_jobs} - listed)
        problem = f"does not list {missing[0]}" if missing else None
        return self._seen("lists the CronJobs through it", problem)

    def _samples(self, metric: str) -> Sequence[Sample]:
        return [sample for view in self.views for sample in view.samples_of(metric)]

    def _seen(self, what: str, problem: str | None) -> Proof:
        return what, problem if self.views else "no Prometheus answers"

    def _scrapes(self, target: str) -> Proof:
        jobs = {job for job, (workload, _) in self.jobs.items() if workload == target}
        for view in self.views:
            scraped = [one for one in view.targets if one.scrape_pool in jobs]
            down = [one.labels.get("pod", target) for one in scraped if one.health != "up"]
            if down or not scraped:
                return "", f"{view.pod} can't scrape {down[0] if down else target}"
        return self._seen("scrapes it", None)

    def _probes(self, target: str) -> Proof:
        probes = [one for one in self._samples(PROBED) if one.metric.get("workload") == target]
        failed = [one.metric.get("probe", "") for one in probes if one.value[1] != 1]
        problem = f"the probe {failed[0]} fails" if failed else None
        return self._seen("its probes succeed", problem if probes else "there is no probe of it")

    def _gossip(self) -> Proof:
        [wanted] = [one.replicas for one in self.manifests.workloads if one.name == "alertmanager"]
        members = [sample.value[1] for sample in self._samples(MEMBERS)]
        fewer = [number for number in members if number != wanted]
        problem = f"a pod sees {fewer[0]:.0f} of {wanted} members" if fewer else None
        right = f"{wanted} members see each other"
        return self._seen(right, problem if members else "no pod counts its members")

    def _remote_write(self) -> Proof:
        for view in self.views:
            written, sent = (
                max((sample.value[1] for sample in view.samples_of(metric)), default=0.0)
                for metric in (WRITTEN, SENT)
            )
            if not written or written - sent > BEHIND_SECONDS:
                return "", f"{view.pod} sends no samples, or is behind with them"
        return self._seen("samples arrive", None)

    def _of_check(self, check: str, what: str) -> Proof:
        """The proof that the rows of another check are; None if that could not be tried."""
        rows = [row for row in self.rows if row.check == check and row.state is not State.UNTRIED]
        wrong = [row.detail for row in rows if row.is_red]
        return (what, wrong[0] if wrong else None) if rows else None
