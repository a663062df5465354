"""Runs promtool, and knows the parts of its unit-test files."""

import os
import subprocess
from copy import deepcopy
from pathlib import Path
from typing import Any

import tzdata
import yaml

WITH_ZONES = {**os.environ, "ZONEINFO": str(Path(tzdata.__file__).parent / "zoneinfo")}
"""For programs that must know time zones, on a machine that may not have them."""
CASES = {path.stem: path for path in sorted((Path(__file__).parents[1] / "rules").glob("*.yaml"))}


def run(promtool: str, folder: Path, *arguments: str) -> tuple[bool, str]:
    """Whether promtool is content, and what it prints; it works in `folder`."""
    done = subprocess.run(
        [promtool, *arguments],
        cwd=folder,
        env=WITH_ZONES,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.returncode == 0, done.stdout + done.stderr


def check_case(promtool: str, folder: Path, name: str, case: dict[str, Any]) -> tuple[bool, str]:
    """Run one case file, given as data, against the rules in `folder`.

    Where an alert's dashboard is follows from dashboards and settings, which is not what a case is
    about: each alert that is expected gets the annotation that its rule has.
    """
    dashboards = {
        rule["alert"]: rule["annotations"]["dashboard_url"]
        for file in case["rule_files"]
        for group in yaml.safe_load((folder / file).read_text())["groups"]
        for rule in group["rules"]
        if "alert" in rule
    }
    case = deepcopy(case)
    for group in case["tests"]:
        for check in group.get("alert_rule_test", []):
            for expected in check.get("exp_alerts") or []:
                annotations = expected.setdefault("exp_annotations", {})
                annotations["dashboard_url"] = dashboards[check["alertname"]]
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(case, allow_unicode=True))
    return run(promtool, folder, "test", "rules", f"{name}.yaml")


def load(name: str) -> dict[str, Any]:
    """A case file's data."""
    return yaml.safe_load(CASES[name].read_text())
