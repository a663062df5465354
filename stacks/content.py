"""What the repository's files become in one environment, checked before all else."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from components import kube_state_metrics, prometheus
from components.blackbox_config import blackbox_yml
from components.grafana_config import GrafanaConfig, grafana_files
from components.prometheus_config import CONFIG_FILE
from dashboards.catalog import (
    DATASOURCE_UID,
    Dashboard,
    Slo,
    all_dashboards,
    without_variables,
)
from problems import Refused
from rules.rulebook import Rulebook, load_rulebook
from stacks.alerting import alertmanager_files, missing_alerts
from stacks.alerting_settings import Routes
from stacks.dashboard_links import dashboard_urls, with_dashboards, without_panel
from stacks.probes import probes
from stacks.refusal import refuse
from stacks.retention import forgotten
from stacks.scraping import scraping
from stacks.settings.schema import Settings

ROOT = Path(__file__).resolve().parent.parent
DASHBOARD_GATE = 200 * 1024
"""Largest dashboard, in bytes: one that comes near is no longer readable by anybody, and well below
the 256 KiB that `kubectl apply` can keep in an annotation."""
CONFIG_MAP_GATE = 1000 * 1024
"""Largest ConfigMap, in bytes: Kubernetes refuses more than 1 MiB, its metadata included."""


@dataclass(frozen=True, kw_only=True)
class Content:
    """The texts of every ConfigMap of one environment, by file name.

    `object_metrics` are the metrics on objects of the cluster that rules and dashboards may use.
    """

    prometheus: Mapping[str, str]
    alertmanager: Mapping[str, str]
    blackbox: str
    grafana: Mapping[str, str]
    dashboards: Mapping[str, str]
    object_metrics: tuple[str, ...]


def compose(settings: Settings) -> Content:
    """Read, check and merge rules and dashboards into what `settings` make of them.

    Raises SystemExit, after one line for every problem, if anything would break at run time.
    """
    try:
        rulebook = load_rulebook(
            ROOT,
            severities=tuple(Routes.model_fields),
            overrides=settings.rules.overrides,
            runbook_base_url=settings.rules.runbook_base_url,
        )
    except Refused as refused:
        refuse(refused.problems)
    try:
        boards = all_dashboards(
            _thresholds(rulebook),
            runbooks=_runbooks(rulebook),
            objectives=_objectives(rulebook),
        )
    except ValueError as error:
        refuse([str(error)])
    if problems := [*without_panel(rulebook, boards), *missing_alerts(rulebook)]:
        refuse(problems)
    try:
        alerting = alertmanager_files(settings, rulebook, ROOT)
    except Refused as refused:
        refuse(refused.problems)
    files = with_dashboards(rulebook.files, dashboard_urls(settings, rulebook, boards))
    content = Content(
        prometheus={CONFIG_FILE: scraping(settings, tuple(rulebook.files)), **files},
        alertmanager=alerting,
        blackbox=blackbox_yml(probes(settings), settings.synthetics.timeout),
        grafana=grafana_files(_grafana(settings)),
        dashboards={board.filename: board.json for board in boards},
        object_metrics=tuple(
            metric.name for metric in rulebook.metrics if metric.workload == kube_state_metrics.NAME
        ),
    )
    if problems := [
        *_unknown_series(boards, rulebook),
        *_oversized(boards, content),
        *forgotten(settings, rulebook),
    ]:
        refuse(problems)
    return content


def _thresholds(rulebook: Rulebook) -> dict[str, Mapping[str, float]]:
    return {alert.name: alert.thresholds for alert in rulebook.alerts}


def _objectives(rulebook: Rulebook) -> list[Slo]:
    return [
        Slo(slo.id, slo.service, slo.spec.name, slo.page, slo.ticket, slo.absent)
        for slo in rulebook.slos
    ]


def _runbooks(rulebook: Rulebook) -> dict[str, str]:
    return {alert.name: alert.annotations["runbook_url"] for alert in rulebook.alerts}


def _grafana(settings: Settings) -> GrafanaConfig:
    return GrafanaConfig(
        prometheus_url=f"http://{prometheus.NAME}.{settings.namespace}.svc",
        datasource_uid=DATASOURCE_UID,
        domain=settings.grafana.domain,
    )


def _unknown_series(boards: tuple[Dashboard, ...], rulebook: Rulebook) -> Iterator[str]:
    for board in boards:
        for place, query in board.queries:
            if reason := rulebook.check_query(without_variables(query)):
                yield f"{board.source}: {place!r}: {reason}"


def _oversized(boards: tuple[Dashboard, ...], content: Content) -> Iterator[str]:
    sizes = [(board.source, DASHBOARD_GATE, _size([board.json])) for board in boards]
    sizes += [
        ("ConfigMap prometheus-server", CONFIG_MAP_GATE, _size(content.prometheus.values())),
        ("ConfigMap alertmanager", CONFIG_MAP_GATE, _size(content.alertmanager.values())),
        ("ConfigMap blackbox-exporter", CONFIG_MAP_GATE, _size([content.blackbox])),
        ("ConfigMap grafana", CONFIG_MAP_GATE, _size(content.grafana.values())),
    ]
    for place, gate, size in sizes:
        if size > gate:
            yield f"{place}: {size} bytes, over the gate of {gate}; split it or make it smaller"


def _size(texts: Iterable[str]) -> int:
    """Bytes of the texts together."""
    return sum(len(text.encode()) for text in texts)
