"""Every series that a dashboard or a runbook may name, with its labels, as rules/ has them."""

from functools import cache
from pathlib import Path
from typing import Any

import yaml

from rules.inventory import Metric
from rules.labels import Labels, result_labels
from rules.promql import matchers, metric_name, parse, selectors

ROOT = Path(__file__).resolve().parents[2]


@cache
def inventory() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "rules/metrics.yaml").read_text())


@cache
def alerts() -> dict[str, dict[str, Any]]:
    files = [*ROOT.glob("rules/alerts/*.yaml"), *ROOT.glob("rules/platform/*.yaml")]
    return {rule["alert"]: rule for file in files for rule in _rules(file) if "alert" in rule}


@cache
def recorded() -> dict[str, str]:
    files = [ROOT / "rules/recording-rules.yaml", *ROOT.glob("rules/platform/*.yaml")]
    return {r["record"]: r["expr"] for file in files for r in _rules(file) if "record" in r}


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
    for record, expr in recorded().items():
        known[record] = labels_of_result(expr, known)
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


def _rules(file: Path) -> list[dict[str, Any]]:
    groups = yaml.safe_load(file.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]
