"""Runs promtool and handles its unit-test files."""

import os
import subprocess
from collections.abc import Iterable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import tzdata
import yaml

from promql.expressions import parse
from promql.tree import VectorSelector

WITH_ZONES = {**os.environ, "ZONEINFO": str(Path(tzdata.__file__).parent / "zoneinfo")}
"""Environment with time zone data for programs that need it, from the package tzdata."""
CASES = {path.stem: path for path in sorted((Path(__file__).parents[2] / "rules").glob("*.yaml"))}


def run(promtool: str, folder: Path, *arguments: str) -> tuple[bool, str]:
    """Run promtool in `folder`. Returns whether it succeeds, and its output."""
    done = subprocess.run(
        [promtool, *arguments],
        cwd=folder,
        env=WITH_ZONES,
        capture_output=True,
        text=True,
        timeout=300,
    )
    return done.returncode == 0, done.stdout + done.stderr


def check_case(promtool: str, folder: Path, name: str, case: dict[str, Any]) -> tuple[bool, str]:
    """Run one case file, given as data, against the rules in `folder`.

    Cases omit `dashboard_url`, which depends on dashboards and settings: each expected alert gets
    the annotation of its rule.
    """
    dashboards = {
        rule["alert"]: rule["annotations"]
        for file in case["rule_files"]
        for group in yaml.safe_load((folder / file).read_text())["groups"]
        for rule in group["rules"]
        if "alert" in rule and "dashboard_url" in rule["annotations"]
    }
    case = deepcopy(case)
    for group in case["tests"]:
        for check in group.get("alert_rule_test", []):
            for expected in check.get("exp_alerts") or []:
                if found := dashboards.get(check["alertname"]):
                    annotations = expected.setdefault("exp_annotations", {})
                    annotations["dashboard_url"] = found["dashboard_url"]
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(case, allow_unicode=True))
    return run(promtool, folder, "test", "rules", f"{name}.yaml")


def rules_behind(alert: str, documents: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The rule documents, reduced to one alert and the recording rules that it depends on."""
    documents = list(documents)
    rules = [
        rule for document in documents for group in document["groups"] for rule in group["rules"]
    ]
    needed = [rule for rule in rules if rule.get("alert") == alert]
    for rule in needed:
        for selector in parse(rule["expr"]).selectors:
            needed += [one for one in rules if one not in needed and may_record(one, selector)]
    for document in documents:
        kept = [
            {**group, "rules": [rule for rule in group["rules"] if rule in needed]}
            for group in document["groups"]
        ]
        yield {"groups": [group for group in kept if group["rules"]]}


def may_record(rule: dict[str, Any], selector: VectorSelector) -> bool:
    """Whether the rule can record a series that the selector matches."""
    labels = rule.get("labels", {})
    return rule.get("record") == selector.metric and all(
        labels.get(matcher.name, matcher.value) == matcher.value
        for matcher in selector.matchers
        if matcher.operator == "="
    )


def load(name: str) -> dict[str, Any]:
    """Read a case file."""
    return yaml.safe_load(CASES[name].read_text())
