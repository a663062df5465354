"""Asks the APIs for the facts; what can't be had is said, and stops nothing."""

import math
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

from ops.alertmanager_api import Alertmanager
from ops.http_api import ApiError
from ops.manifests import Manifests, ManifestsError, read_manifests
from ops.prometheus_api import Prometheus, Target
from ops.report.facts import ALWAYS, Facts, Unavailable
from ops.report.history import CHARTS
from ops.report.inventory import InventoryError, read_inventory

T = TypeVar("T")
POINTS = 240
"""Points of a chart's line, about as many as it can show."""
# What a step changes in a field; runbook PsiFieldPodDrift looks at the same two.
MOVES = (
    "sum by (pod) (changes(psi_field_prediction_error[1h]))"
    " + sum by (pod) (changes(psi_field_temporal_entropy[1h]))"
)


def gather(
    prometheus: Prometheus,
    alertmanager: Alertmanager,
    *,
    rendered: Path,
    now: datetime,
    hours: float,
) -> Facts:
    """Ask for everything; what is slow comes last, for a server that is too slow is left alone."""
    groups = _try(prometheus.rules)
    inventory = _try(read_inventory)
    names = set(ALWAYS)
    if not isinstance(inventory, Unavailable):
        names |= {metric.name for metric in inventory}
    if not isinstance(groups, Unavailable):
        names |= {rule.name for group in groups for rule in group.rules if rule.type == "recording"}
    # A name is letters, digits, `_` and `:`, and so its own pattern.
    every = f'{{__name__=~"{"|".join(sorted(names))}"}}'
    start = now - timedelta(hours=hours)
    step = max(15, math.ceil(hours * 3600 / POINTS))
    targets = _try(prometheus.targets)
    return Facts(
        now=now,
        prometheus=prometheus.shown_address,
        alertmanager=alertmanager.shown_address,
        groups=groups,
        inventory=inventory,
        version=_try(prometheus.version),
        targets=targets,
        samples=_try(lambda: prometheus.query(every)),
        moves=_try(lambda: prometheus.query(MOVES)),
        metadata=_try(prometheus.metadata),
        notified=_try(alertmanager.alerts),
        silences=_try(alertmanager.silences),
        rendered=_of_the_same_environment(_try(lambda: read_manifests(rendered)), targets),
        history=[
            _try(lambda query=chart.query: prometheus.query_range(query, start, now, step))
            for chart in CHARTS
        ],
    )


def _of_the_same_environment(
    rendered: Manifests | Unavailable, targets: Sequence[Target] | Unavailable
) -> Manifests | Unavailable:
    """The manifests, unless the targets say that they are those of another environment."""
    if isinstance(rendered, Unavailable) or isinstance(targets, Unavailable):
        return rendered
    seen = sorted(
        {target.labels["namespace"] for target in targets if "namespace" in target.labels}
    )
    if not seen or rendered.namespace in seen:
        return rendered
    return Unavailable(
        f"the manifests are of {rendered.namespace}, the targets of {', '.join(seen)}: name the "
        "folder of the right ones with --rendered"
    )


def _try(ask: Callable[[], T]) -> T | Unavailable:
    try:
        return ask()
    except (ApiError, InventoryError, ManifestsError) as error:
        return Unavailable(str(error))
