"""Copies of the platform's rule files under other names, and preview's check of such files."""

import shutil
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml

from components.routing import SEVERITIES
from problems import Problems
from rules.checks import RUNBOOKS
from rules.inventory import METRICS_FILE
from rules.rule import WATCHDOG
from rules.rulebook import ALERTS, PLATFORM, RECORDS_FILE, load_rulebook
from toolchain.base import CLONE, UserError
from yaml_text import dump_yaml


def write_copies(root: Path, number: int) -> list[Path]:
    """Write the rule files, and `number` - 1 copies of each, below `root`. Returns the files.

    Groups, alerts and records of a copy have names of their own, and each alert has a runbook, so
    that preview's checks accept them. Each expression ends with a comment of its own: parsers that
    remember texts parse it again. The rules of SLOs are left out: they are generated.
    """
    runbooks = root / RUNBOOKS
    shutil.copytree(CLONE / RUNBOOKS, runbooks)
    for folder in (ALERTS, PLATFORM):
        shutil.copytree(CLONE / folder, root / folder)
    for file in (METRICS_FILE, RECORDS_FILE):
        shutil.copy(CLONE / file, root / file)
    originals = [root / RECORDS_FILE, *(root / ALERTS).iterdir(), *(root / PLATFORM).iterdir()]
    files = [*originals]
    for original in originals:
        groups = yaml.safe_load(original.read_text(encoding="utf-8"))["groups"]
        folder = root / PLATFORM if original == root / RECORDS_FILE else original.parent
        for copy in range(2, number + 1):
            copied = [*_renamed(groups, copy, runbooks)]
            if copied:
                files.append(folder / f"{original.stem}-{copy}.yaml")
                content = dump_yaml({"groups": copied}, allow_unicode=True)
                files[-1].write_text(content, encoding="utf-8")
    return files


def _renamed(groups: list[dict[str, Any]], copy: int, runbooks: Path) -> Iterator[dict[str, Any]]:
    """A copy of the groups of a rule file; not the heartbeat, of which there may be one."""
    for group in deepcopy(groups):
        group["name"] += f"_{copy}"
        group["rules"] = [rule for rule in group["rules"] if rule.get("alert") != WATCHDOG]
        for rule in group["rules"]:
            rule["expr"] = f"{rule['expr'].rstrip()} # copy {copy}"
            if "record" in rule:
                rule["record"] += f":{copy}"
            else:
                page = runbooks / f"{rule['alert']}.md"
                rule["alert"] += f"Copy{copy}"
                (runbooks / f"{rule['alert']}.md").symlink_to(page)
        if group["rules"]:
            yield group


def check(root: Path) -> int:
    """Check the rules below the folder as preview does. Returns how many there are.

    Raises UserError if there is anything wrong with them.
    """
    problems = Problems()
    book = load_rulebook(
        root,
        severities=SEVERITIES,
        overrides={},
        runbook_base_url="https://runbooks.invalid",
        problems=problems,
    )
    if problems:
        raise UserError("\n".join(problems.lines()))
    return len(book.alerts) + len(book.records)
