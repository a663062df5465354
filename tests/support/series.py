"""The rules of this repository, and every series that a dashboard or a runbook may name."""

from functools import cache
from pathlib import Path
from typing import Any

import yaml

from problems import Problems
from promql.expressions import parse
from promql.labels import Labels, result_labels
from rules.inventory import Metric
from rules.rulebook import Rulebook, load_rulebook

ROOT = Path(__file__).resolve().parents[2]


@cache
def inventory() -> dict[str, Any]:
    """The inventory of metrics, as its file states it."""
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
    """The files that Prometheus loads, without the links to dashboards."""
    return rulebook().files({})


@cache
def slo_rules() -> list[dict[str, Any]]:
    """The generated rules of the objectives, as Prometheus loads them."""
    return _rules(rule_files()["slo_rules.yml"])


@cache
def alerts() -> dict[str, dict[str, Any]]:
    """Alert -> its rule, as its file states it."""
    files = [*ROOT.glob("rules/alerts/*.yaml"), *ROOT.glob("rules/platform/*.yaml")]
    rules = [*slo_rules(), *(rule for file in files for rule in _rules(file.read_text()))]
    return {rule["alert"]: rule for rule in rules if "alert" in rule}


@cache
def recorded_expressions() -> dict[str, str]:
    """Record -> expression; one of them for a series that all objectives record."""
    files = [ROOT / "rules/recording-rules.yaml", *ROOT.glob("rules/platform/*.yaml")]
    rules = [*slo_rules(), *(rule for file in files for rule in _rules(file.read_text()))]
    return {rule["record"]: rule["expr"] for rule in rules if "record" in rule}


def thresholds() -> dict[str, dict[str, float]]:
    """Alert -> `threshold*` annotation -> number, as the rule files state them."""
    return {
        alert: {
            name: float(value)
            for name, value in rule["annotations"].items()
            if name.startswith("threshold")
        }
        for alert, rule in alerts().items()
    }


def runbooks() -> dict[str, str]:
    """Alert -> made-up address of its runbook."""
    return {alert: f"https://runbooks.test/{alert}.md" for alert in alerts()}


@cache
def known_series() -> dict[str, Labels]:
    """Series -> its labels; None if they can't be known."""
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
    """The series of a metric of the inventory, with its labels and those of scraping."""
    return Metric(**{**metric, "labels": [*scraped, *metric["labels"]]}).series()


def labels_of_result(expr: str, known: dict[str, Labels]) -> Labels:
    return result_labels(parse(expr), lambda name: known.get(name, frozenset()))


def selected_series(expr: str) -> set[str]:
    """The series that the expression selects."""
    return {selector.metric or "" for selector in parse(expr).selectors}


def expression_problems(expr: str) -> list[str]:
    """Each reason why the expression never has a result: an unknown series or label.

    Raises PromqlError if it does not even parse.
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
    """The records, each after those that its expression selects."""
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
