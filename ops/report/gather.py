"""Queries the servers for the facts; a failed query becomes Unavailable and stops nothing."""

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from ops.alertmanager_api import Alertmanager
from ops.grafana_api import ENDPOINTS_UID, Grafana
from ops.http_api import ApiError, HttpApi
from ops.kubernetes_api import Kubernetes
from ops.manifests import Manifests, ManifestsError
from ops.prometheus_api import Prometheus, Target
from ops.report.facts import ALWAYS, Facts, NotAsked, Unavailable
from ops.report.guard import guarded
from ops.report.history import CHARTS
from ops.report.metrics import key_metrics
from ops.verification import CONFIG_MAP, Verification
from ops.verify.servers import SENT

T = TypeVar("T")
POINTS = 240
"""Points of a line in a chart; more would not be visible."""
# Every step changes both metrics. The runbook PsiFieldPodDrift uses the same query.
MOVES = (
    "sum by (pod) (changes(psi_field_prediction_error[1h]))"
    " + sum by (pod) (changes(psi_field_temporal_entropy[1h]))"
)


STORED = (
    f"time() - {SENT}"
    " unless on (pod) increase(prometheus_remote_storage_samples_failed_total[15m]) > 0"
)
CHECKED_WITHIN = timedelta(minutes=30)
"""Route 53 measures each minute, and CloudWatch has the values some minutes later."""
NO_GRAFANA = "Grafana was not asked: name it with --grafana"
NO_CLUSTER = "the cluster was not asked: name it with --context"


def gather(
    prometheus: Prometheus,
    alertmanager: Alertmanager,
    *,
    manifests: Manifests | Unavailable,
    now: datetime,
    hours: float,
    grafana: Grafana | None = None,
    kubernetes: Kubernetes | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> Facts:
    """Query everything, with `hours` of history. `tell` hears what is asked next.

    Expensive queries come last, because after a timeout all further queries of a server fail.
    Manifests count as unavailable if the targets are in another namespace.
    """

    def ask(server: HttpApi, what: str, question: Callable[[], T]) -> T | Unavailable:
        tell(f"{server.name} for its {what}")
        return or_unavailable(question)

    groups = ask(prometheus, "rules", prometheus.rules)
    targets = ask(prometheus, "targets", prometheus.targets)
    manifests = _matching_manifests(manifests, targets)
    metrics = (
        manifests
        if isinstance(manifests, Unavailable)
        else or_unavailable(lambda: key_metrics(manifests.config_maps))
    )
    names = set(ALWAYS)
    if not isinstance(metrics, Unavailable):
        names |= {metric.name for metric in metrics}
    if not isinstance(groups, Unavailable):
        names |= {rule.name for group in groups for rule in group.rules if rule.type == "recording"}
    dashboards: Mapping[str, str] | Unavailable = NotAsked(NO_GRAFANA)
    regions: Sequence[str] | Unavailable = NotAsked(NO_GRAFANA)
    verification: Verification | Unavailable | None = NotAsked(NO_CLUSTER)
    if grafana:
        dashboards = ask(grafana, "dashboards", grafana.dashboards)
        regions = dashboards if isinstance(dashboards, Unavailable) else []
        if not isinstance(dashboards, Unavailable) and ENDPOINTS_UID in dashboards:
            measured = partial(grafana.checker_regions, now - CHECKED_WITHIN, now)
            regions = ask(grafana, "regions of checkers", measured)
    if kubernetes:
        read = partial(_read_verification, kubernetes, manifests)
        verification = ask(kubernetes, "last verification", read)
    # Metric names contain no characters that a regular expression needs to escape.
    samples = f'{{__name__=~"{"|".join(sorted(names))}"}}'
    start = now - timedelta(hours=hours)
    step = max(15, math.ceil(hours * 3600 / POINTS))
    return Facts(
        now=now,
        prometheus=prometheus.shown_address,
        alertmanager=alertmanager.shown_address,
        groups=groups,
        metrics=metrics,
        version=ask(prometheus, "version", prometheus.version),
        targets=targets,
        samples=ask(prometheus, "samples", lambda: prometheus.query(samples)),
        moves=ask(prometheus, "steps", lambda: prometheus.query(MOVES)),
        metadata=ask(prometheus, "metadata", prometheus.metadata),
        notified=ask(alertmanager, "alerts", alertmanager.alerts),
        silences=ask(alertmanager, "silences", alertmanager.silences),
        manifests=manifests,
        history=[
            ask(
                prometheus,
                f"history: {chart.title}",
                partial(prometheus.query_range, chart.query, start, now, step),
            )
            for chart in CHARTS
        ],
        stored=ask(prometheus, "remote write", lambda: prometheus.query(STORED)),
        dashboards=dashboards,
        regions=regions,
        verification=verification,
    )


def _read_verification(
    kubernetes: Kubernetes, manifests: Manifests | Unavailable
) -> Verification | Unavailable | None:
    """What the last `make verify` has left in the namespace. May raise ApiError."""
    if isinstance(manifests, Unavailable):
        return manifests
    data = kubernetes.config_map(manifests.namespace, CONFIG_MAP)
    if data is None:
        return None
    odd = f"The ConfigMap {CONFIG_MAP} is not as `make verify` leaves it"
    return guarded(lambda: Verification.read(data), lambda why: Unavailable(f"{odd}: {why}."))


def _matching_manifests(
    manifests: Manifests | Unavailable, targets: Sequence[Target] | Unavailable
) -> Manifests | Unavailable:
    """The manifests, or Unavailable if the targets belong to another namespace."""
    if isinstance(manifests, Unavailable) or isinstance(targets, Unavailable):
        return manifests
    seen = sorted(
        {target.labels["namespace"] for target in targets if "namespace" in target.labels}
    )
    if not seen or manifests.namespace in seen:
        return manifests
    return Unavailable(
        f"The manifests are of {manifests.namespace}, the targets of {', '.join(seen)}. Name the "
        "folder of the right ones with --rendered."
    )


def or_unavailable(ask: Callable[[], T]) -> T | Unavailable:
    """Call `ask`; turn ApiError and ManifestsError into Unavailable."""
    try:
        return ask()
    except (ApiError, ManifestsError) as error:
        return Unavailable(str(error))
