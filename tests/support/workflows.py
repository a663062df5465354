"""The workflows of the pipeline, as tests read them."""

import re
from collections.abc import Mapping
from typing import Any

import yaml

from toolchain.base import CLONE

FOLDER = CLONE / ".github"
AS_ROOT = 'sudo env "PATH=$PATH" "HOME=$HOME" '
Job = Mapping[str, Any]


def workflow(name: str) -> Mapping[str, Any]:
    """A workflow's file, parsed."""
    text = (FOLDER / "workflows" / f"{name}.yaml").read_text(encoding="utf-8")
    return yaml.safe_load(text)


def jobs(name: str) -> dict[str, Job]:
    """The workflow's jobs that have steps of their own, by their names."""
    return {key: job for key, job in workflow(name)["jobs"].items() if "steps" in job}


def commands_of(job: Job) -> list[str]:
    """What the job's steps run, with each expression of GitHub's as one word `?`."""
    runs = [step["run"] for step in job["steps"] if "run" in step]
    return [re.sub(r"\$\{\{.*?\}\}", "?", run.removeprefix(AS_ROOT)) for run in runs]


def stacks_of(job: Job) -> set[str]:
    """The stacks that the job works on, in its matrix or by name."""
    matrix = job.get("strategy", {}).get("matrix", {})
    listed = matrix.get("stack", [row["stack"] for row in matrix.get("include", ())])
    named = [word for run in commands_of(job) for word in re.findall(r"STACK=([\w-]+)", run)]
    return {*listed, *named}
