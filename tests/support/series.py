"""This repository's rules, and all series that a dashboard or runbook may use."""

from functools import cache
from pathlib import Path
from typing import Any

import yaml

from problems import Problems
from promql.expressions import parse
from promql.labels import Carried, Labels
from promql.results import Known, find_result
from promql.tree import VectorSelector
from rules.inventory import Metric
from rules.rulebook import Rulebook, load_rulebook

ROOT = Path(__file__).resolve().parents[2]


@cache
def inventory() -> dict[str, Any]:
    """The contents of rules/metrics.yaml."""
    return yaml.safe_load((ROOT / "rules/metrics.yaml").read_text())


@cache
def rulebook() -> Rulebook:
    """The rulebook of this repository."""
    problems = Problems()
    book = load_rulebook(
        ROOT,
        severities=("warning", "critical"),
        overrides={},
        runbook_base_url="https://runbooks.test",
        problems=problems,
    )
    problems.refuse_if_any()
    return book


@cache
def rule_files() -> dict[str, str]:
    """The rule files that Prometheus loads, without links to dashboards."""
    return rulebook().files({})


@cache
def slo_rules() -> list[dict[str, Any]]:
    """The generated rules of the objectives, as Prometheus loads them."""
    return _rules(rule_files()["slo_rules.yml"])


@cache
def alerts() -> dict[str, dict[str, Any]]:
    """Rule by alert name, as in the source files."""
    files = [*ROOT.glob("rules/alerts/*.yaml"), *ROOT.glob("rules/platform/*.yaml")]
    rules = [*slo_rules(), *(rule for file in files for rule in _rules(file.read_text()))]
    return {rule["alert"]: rule for rule in rules if "alert" in rule}


@cache
def recorded_expressions() -> dict[str, str]:
    """Expression by recorded series; for a series that all objectives record, one of them."""
    files = [ROOT / "rules/recording-rules.yaml", *ROOT.glob("rules/platform/*.yaml")]
    rules = [*slo_rules(), *(rule for file in files for rule in _rules(file.read_text()))]
    return {rule["record"]: rule["expr"] for rule in rules if "record" in rule}


def thresholds() -> dict[str, dict[str, float]]:
    """{alert: {`threshold*` annotation: number}} from the rule files."""
    return {
        alert: {
            name: float(value)
            for name, value in rule["annotations"].items()
            if name.startswith("threshold")
        }
        for alert, rule in alerts().items()
    }


def runbooks() -> dict[str, str]:
    """Made-up runbook URL by alert name."""
    return {alert: f"https://runbooks.test/{alert}.md" for alert in alerts()}


@cache
def known_series() -> dict[str, Labels]:
    """Label names by series; None if they can't be known."""
    scraped = inventory()["scrape_labels"]
    known: dict[str, Labels] = {}
    sections = ("metrics", "details", "processes", "platform")
    for metric in [metric for section in sections for metric in inventory()[section]]:
        known.update(metric_series(metric, *scraped))
    for metric in inventory()["prometheus"]:
        known[metric["name"]] = (
            None if metric.get("labels_of_alert") else frozenset(metric["labels"])
        )
    own = {rule["record"]: frozenset(rule["labels"]) for rule in slo_rules() if "record" in rule}
    for record, expr in _sources_first(recorded_expressions()):
        labels = labels_of_result(expr, known)
        known[record] = None if labels is None else labels | own.get(record, frozenset())
    return known


def metric_series(metric: dict[str, Any], *scraped: str) -> dict[str, Labels]:
    """The series of an inventory metric, with its own labels and the scrape labels."""
    return Metric(**{**metric, "labels": [*scraped, *metric["labels"]]}).series()


def labels_of_result(expr: str, known: dict[str, Labels]) -> Labels:
    """The labels of an expression's result, if the series have the `known` ones."""

    def known_of(selector: VectorSelector) -> Known:
        name = selector.metric
        return Known(Carried(known.get(name, frozenset()) if name else None))

    return find_result(parse(expr), known_of).labels.possible


def selected_series(expr: str) -> set[str]:
    """The names of the series that the expression selects."""
    return {selector.metric or "" for selector in parse(expr).selectors}


def expression_problems(expr: str) -> list[str]:
    """Unknown series and labels in the expression, which make its result always empty.

    Raises PromqlError if it does not parse.
    """
    found: list[str] = []
    for selector in parse(expr).selectors:
        name = selector.metric or ""
        if name not in known_series():
            found.append(f"no workload exports {name!r} and no rule records it")
        elif (labels := known_series()[name]) is not None:
            used = {matcher.name for matcher in selector.matchers} - {"__name__"}
            found += [f"{name} has no label {label!r}" for label in sorted(used - labels)]
    return found


def _sources_first(exprs: dict[str, str]) -> list[tuple[str, str]]:
    """Order recorded series so that each follows those that its expression selects."""
    waiting, ordered = dict(exprs), []
    while waiting:
        ready = [
            name for name, expr in waiting.items() if not selected_series(expr) & waiting.keys()
        ]
        assert ready, f"these record each other: {', '.join(waiting)}"
        ordered += [(name, waiting.pop(name)) for name in ready]
    return ordered


def _rules(text: str) -> list[dict[str, Any]]:
    groups = yaml.safe_load(text)["groups"]
    return [rule for group in groups for rule in group["rules"]]
