"""Judges of rendered manifests: kube-score, checkov, and kubeconform with schemas made here."""

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml

from toolchain import judges
from toolchain.schemas import location

PASSED = 10
"""kube-score's grade of a check without a finding."""
NOWHERE = "http://127.0.0.1:9"
"""A proxy that does not exist: a judge that calls anybody fails at once."""


@dataclass(frozen=True, order=True)
class Finding:
    """What a judge objects to: its check, the object as `Kind/name`, and its words."""

    judge: str
    check: str
    about: str
    says: str


@dataclass(frozen=True, kw_only=True)
class Allowed:
    """An exception: findings of one check about some objects, which `because` justifies.

    The objects are patterns such as `Deployment/*`. `says` is a part of the judge's words.
    """

    judge: str
    check: str
    about: tuple[str, ...]
    because: str
    says: str = ""

    def matches(self, finding: Finding) -> list[str]:
        """The patterns that the finding matches; none if the exception is about something else."""
        same = (self.judge, self.check) == (finding.judge, finding.check)
        patterns = self.about if same and self.says in finding.says else ()
        return [pattern for pattern in patterns if fnmatchcase(finding.about, pattern)]


def read_exceptions(path: Path) -> list[Allowed]:
    """The exceptions of a file; raises TypeError if one has an unknown key or lacks one."""
    entries = yaml.safe_load(path.read_text(encoding="utf-8"))
    return [Allowed(**{**entry, "about": tuple(entry["about"])}) for entry in entries]


def kube_score(manifests: Path) -> Iterator[Finding]:
    """Every check that is on by default, for the oldest version of Kubernetes."""
    [oldest, _] = judges.KUBERNETES
    files = sorted(map(str, manifests.glob("*.yaml")))
    options = ["--kubernetes-version", oldest, "--output-format", "json"]
    options += ["--disable-ignore-checks-annotations"]
    for scored in _answer(["kube-score", "score", *options, *files]):
        about = f"{scored['type_meta']['kind']}/{scored['object_meta']['name']}"
        for check in scored["checks"]:
            if not check["skipped"] and check["grade"] < PASSED:
                for comment in check["comments"]:
                    yield Finding("kube-score", check["check"]["id"], about, comment["summary"])


def checkov(folder: Path) -> Iterator[Finding]:
    """Checkov's word on the manifests, the Dockerfile and the workflows below the folder."""
    frameworks = ("kubernetes", "dockerfile", "github_actions")
    command = [str(judges.checkov()), "--directory", str(folder), "--framework", *frameworks]
    command += ["--skip-download", "--quiet", "--compact", "--output", "json"]
    answer = _answer(command)
    for part in answer if isinstance(answer, list) else [answer]:
        assert part["summary"]["parsing_errors"] == 0, part["summary"]
        for failed in part["results"]["failed_checks"]:
            # `Kind.namespace.name` of an object, `/Dockerfile.FROM` of an instruction.
            kind, *_, name = failed["resource"].lstrip("/").split(".")
            yield Finding("checkov", failed["check_id"], f"{kind}/{name}", failed["check_name"])


def kubeconform(manifests: Path, schemas: Path) -> Iterator[Finding]:
    """Fields that the API lacks or that have a wrong type, and objects without a schema."""
    options = ["-strict", "-summary", "-output", "json", "-schema-location", location(schemas)]
    answer = _answer(["kubeconform", *options, str(manifests)])
    assert sum(answer["summary"].values()) == len(list(manifests.glob("*.yaml")))
    for judged in answer["resources"]:
        about = f"{judged['kind']}/{judged['name']}"
        yield Finding("kubeconform", judged["status"], about, judged["msg"])


def _answer(command: list[str]) -> Any:
    """What the program writes, as JSON; its exit code only says whether it has findings."""
    environment = {**os.environ, "HTTP_PROXY": NOWHERE, "HTTPS_PROXY": NOWHERE}
    ended = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)
    assert ended.returncode in (0, 1) and ended.stdout, f"{command[0]}: {ended.stderr[-2000:]}"
    return json.loads(ended.stdout)
