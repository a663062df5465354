"""Every series that a dashboard or a runbook may name, with its labels, as rules/ has them."""

from functools import cache
from pathlib import Path
from typing import Any

import yaml

from promql.expressions import matchers, metric_name, parse, selectors
from promql.labels import Labels, result_labels
from rules.inventory import Metric
from rules.rulebook import Rulebook, load_rulebook

ROOT = Path(__file__).resolve().parents[2]


@cache
def inventory() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "rules/metrics.yaml").read_text())


@cache
def book() -> Rulebook:
    """The rulebook, for what is generated: the rest is read from its sources."""
    severities = ("warning", "critical")
    return load_rulebook(
        ROOT, severities=severities, overrides={}, runbook_base_url="https://runbooks.test"
    )


@cache
def slo_rules() -> list[dict[str, Any]]:
    """The rules that are generated from the objectives, as Prometheus gets them."""
    return _rules(book().files["slo_rules.yml"])


@cache
def alerts() -> dict[str, dict[str, Any]]:
    files = [*ROOT.glob("rules/alerts/*.yaml"), *ROOT.glob("rules/platform/*.yaml")]
    rules = [*slo_rules(), *(rule for file in files for rule in _rules(file.read_text()))]
    return {rule["alert"]: rule for rule in rules if "alert" in rule}


@cache
def recorded() -> dict[str, str]:
    """The expression of each recorded series; of those that all objectives share, one."""
    files = [ROOT / "rules/recording-rules.yaml", *ROOT.glob("rules/platform/*.yaml")]
    rules = [*slo_rules(), *(rule for file in files for rule in _rules(file.read_text()))]
    return {rule["record"]: rule["expr"] for rule in rules if "record" in rule}


def thresholds() -> dict[str, dict[str, float]]:
    """What the alerts' own `threshold*` annotations say."""
    return {
        alert: {
            name: float(value)
            for name, value in rule["annotations"].items()
            if name.startswith("threshold")
        }
        for alert, rule in alerts().items()
    }


def runbooks() -> dict[str, str]:
    """Where the runbook of each alert is; the place is made up."""
    return {alert: f"https://runbooks.test/{alert}.md" for alert in alerts()}


@cache
def known_series() -> dict[str, Labels]:
    """Name -> labels, None where they can't be known."""
    scraped = inventory()["scrape_labels"]
    known: dict[str, Labels] = {}
    sections = ("metrics", "details", "processes", "platform")
    for metric in [metric for section in sections for metric in inventory()[section]]:
        known.update(series_of(metric, *scraped))
    for metric in inventory()["prometheus"]:
        known[metric["name"]] = (
            None if metric.get("labels_of_alert") else frozenset(metric["labels"])
        )
    own = {rule["record"]: frozenset(rule["labels"]) for rule in slo_rules() if "record" in rule}
    for record, expr in _sources_first(recorded()):
        labels = labels_of_result(expr, known)
        known[record] = None if labels is None else labels | own.get(record, frozenset())
    return known


def series_of(metric: dict[str, Any], *scraped: str) -> dict[str, Labels]:
    """The series of a metric of the inventory, with its labels and those of scraping."""
    return Metric(**{**metric, "labels": (*scraped, *metric["labels"])}).series()


def labels_of_result(expr: str, known: dict[str, Labels]) -> Labels:
    return result_labels(parse(expr), lambda name: known.get(name, frozenset()))


def names(expr: str) -> set[str]:
    """The series that the expression selects."""
    return {metric_name(selector) or "" for selector in selectors(parse(expr))}


def mistakes(expr: str) -> list[str]:
    """Why the expression can never give a result: a series, or a label of one, does not exist.

    Raises PromqlError if it does not even parse.
    """
    found: list[str] = []
    for selector in selectors(parse(expr)):
        name = metric_name(selector) or ""
        if name not in known_series():
            found.append(f"no workload exports {name!r} and no rule records it")
        elif (labels := known_series()[name]) is not None:
            used = {matcher.name for matcher in matchers(selector)} - {"__name__"}
            found += [f"{name} has no label {label!r}" for label in sorted(used - labels)]
    return found


def _sources_first(exprs: dict[str, str]) -> list[tuple[str, str]]:
    """Each record after those that its expression selects."""
    waiting, ordered = dict(exprs), []
    while waiting:
        ready = [name for name, expr in waiting.items() if not names(expr) & waiting.keys()]
        assert ready, f"these record each other: {', '.join(waiting)}"
        ordered += [(name, waiting.pop(name)) for name in ready]
    return ordered


def _rules(text: str) -> list[dict[str, Any]]:
    groups = yaml.safe_load(text)["groups"]
    return [rule for group in groups for rule in group["rules"]]
