"""The chain from metrics to panels in one deployed stack: rules, routes, receivers, runbooks."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from promql.variables import without_variables
from rules.rule import WATCHDOG, WATCHDOG_OUTSIDE
from tests.support.recording import ROOT, Recording
from tests.support.rules.routes import receivers
from tests.support.series import inventory, metric_series, selected_series

Rule = Mapping[str, Any]


@dataclass(frozen=True)
class Chain:
    """`alerts` are the stack's by name; `records` pairs of a recorded series and its expression.

    `metrics` are those of the inventory, `jobs` the names of what is scraped, `cases` and
    `runbooks` the names of files.
    """

    metrics: Mapping[str, Mapping[str, Any]]
    alerts: Mapping[str, Rule]
    records: Sequence[tuple[str, str]]
    panels: Sequence[Mapping[str, Any]]
    annotations: Sequence[str]
    jobs: frozenset[str]
    alertmanager: Mapping[str, Any]
    cases: frozenset[str]
    runbooks: frozenset[str]

    @cached_property
    def queried_metrics(self) -> set[str]:
        """Every metric that an alert, a recording rule or a dashboard queries."""
        shown = [target["expr"] for panel in self.panels for target in panel.get("targets", ())]
        expressions = [
            *(rule["expr"] for rule in self.alerts.values()),
            *(expression for _, expression in self.records),
            *map(without_variables, (*shown, *self.annotations)),
        ]
        series = set().union(*map(selected_series, expressions))
        return {
            name for name, metric in self.metrics.items() if series & metric_series(metric).keys()
        }

    @property
    def severities(self) -> set[str]:
        """Every severity that an alert has."""
        return {rule["labels"]["severity"] for rule in self.alerts.values()}

    @property
    def routed_severities(self) -> set[str]:
        """Every severity that a route matches."""
        named = re.findall(
            r'severity="(\w+)"', json.dumps(self.alertmanager["route"]).replace("\\", "")
        )
        return set(named)

    @property
    def delivering_receivers(self) -> set[str]:
        """The receivers that send notifications."""
        return {
            receiver["name"]
            for receiver in self.alertmanager["receivers"]
            if any(entries for key, entries in receiver.items() if key.endswith("_configs"))
        }

    def receivers_of(self, alert: str) -> set[str]:
        """The receivers that an alert reaches."""
        labels = {"alertname": alert, **self.alerts[alert]["labels"]}
        outside = [dict([WATCHDOG_OUTSIDE])] if alert == WATCHDOG else []
        return {
            name
            for more in ({}, *outside)
            for name in receivers(self.alertmanager["route"], labels | more)
        }

    def has_panel_with_runbook(self, alert: str) -> bool:
        """Whether a panel links to the alert's runbook."""
        url = self.alerts[alert]["annotations"]["runbook_url"]
        return any(link["url"] == url for panel in self.panels for link in panel.get("links", ()))


def chain(recording: Recording) -> Chain:
    """Build the chain of a recorded stack."""
    maps = [found["data"] for found in recording.all("ConfigMap")]
    rules = recording.rules()
    texts = [text for data in maps for name, text in data.items() if ".json" in name]
    boards = [json.loads(text) for text in texts]
    scrapes = recording.config("prometheus-server")["scrape_configs"]
    listed = [part for part in inventory().values() if part and isinstance(part[0], dict)]
    return Chain(
        metrics={metric["name"]: metric for section in listed for metric in section},
        alerts={rule["alert"]: rule for rule in rules if "alert" in rule},
        records=[(rule["record"], rule["expr"]) for rule in rules if "record" in rule],
        panels=[panel for board in boards for panel in board["panels"]],
        annotations=[
            annotation["target"]["expr"]
            for board in boards
            for annotation in board["annotations"]["list"]
        ],
        # A name such as blackbox-exporter/psi-field-step begins with the label `job` of its series.
        jobs=frozenset(scrape["job_name"].partition("/")[0] for scrape in scrapes),
        alertmanager=recording.config("alertmanager"),
        cases=frozenset(path.stem for path in ROOT.glob("tests/rules/*.yaml")),
        runbooks=frozenset(path.stem for path in ROOT.glob("docs/runbooks/*.md")),
    )
