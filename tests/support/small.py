"""A small copy of the stack `node`, in a namespace of its own, which a test may break."""

import json
import shutil
import subprocess
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import pytest
import yaml

from tests.support.node import STACK, Deployed, kubectl_proxy
from tests.support.project import Project
from toolchain import packages, rehearsal
from toolchain.base import CLONE, VENV, VENV_PYTHON
from toolchain.node.cluster import Node

FILE = f"Pulumi.{STACK}.yaml"
ALONE = {
    "workloads": {"aurora-treaty": None, "psi-field": None, "scheduler": None},
    "cronJobs": {"synthetic-feeder": None, "soak-heartbeat": None},
    "synthetics": {"probes": None},
}
"""Settings that leave the servers and harbinger, to which Alertmanager's routes lead."""
RULE = "^ +- (alert|record): "
"""A line of a rule file that every stack renders."""
STORAGE = "2Gi"
"""The volume of Prometheus."""


@contextmanager
def small_stack(
    node: Node, root: Path, namespace: str, *, commit: str | None = None, **settings: str
) -> Iterator[Deployed]:
    """The stack of this tree, or of a commit, with one replica of everything; nothing of it is up.

    Its namespace ends with it. A commit's program gets the secrets that it knows.
    """
    project = _project_of(commit, root) if commit else Project.of_the_platform(root)
    _shrink(project, {"namespace": namespace, **settings})
    with pytest.MonkeyPatch.context() as patch, kubectl_proxy(node) as proxy:
        patch.setenv("KUBECONFIG", str(node.folder.admin))
        if commit:
            patch.setenv("PYTHONPATH", str(_install_packages(root)))
        patch.setattr("toolchain.rehearsal.SECRETS", _secrets(root))
        yield Deployed(node=node, proxy=proxy, project=project, namespace=namespace)
    node.kubectl("delete", "namespace", namespace, "--ignore-not-found", "--wait=false")


def upgrade(small: Deployed) -> None:
    """Give the project this tree's program, with the settings and the state that it has."""
    root = small.project.root
    mine = (root / FILE).read_text(encoding="utf-8")
    for path in root.iterdir():
        if path.is_dir() and not path.is_symlink() and not path.name.startswith("."):
            shutil.rmtree(path)
    fresh = Project.of_the_platform(root.with_name(f"{root.name}-new")).root
    shutil.copytree(fresh, root, symlinks=True, dirs_exist_ok=True, ignore=_venv)
    (root / FILE).write_text(mine, encoding="utf-8")
    # The end of `small_stack` undoes it.
    rehearsal.SECRETS = _secrets(root)


def _secrets(root: Path) -> list[str]:
    """The keys of all secrets that the program in this folder knows; it refuses others."""
    code = "import json; from stacks.secrets import SECRETS; print(json.dumps(list(SECRETS)))"
    ended = subprocess.run(
        [VENV_PYTHON, "-c", code], cwd=root, check=True, capture_output=True, text=True
    )
    return json.loads(ended.stdout)


def release_before() -> str | None:
    """The newest tag before this commit; None without any history.

    As long as there is no tag, the commit before the last one that added, renamed or removed a
    rule: every stack renders rules, so an upgrade from there changes something.
    """
    if tag := _git("describe", "--tags", "--abbrev=0", "HEAD~1"):
        return tag.decode().strip()
    changed = _git("log", "-1", "--first-parent", "--format=%H", f"-G{RULE}", "--", "rules")
    parent = _git("rev-parse", "--verify", f"{(changed or b'').decode().strip()}^")
    return parent.decode().strip() if parent else None


def _project_of(commit: str, root: Path) -> Project:
    root.mkdir(parents=True)
    archive = _git("archive", commit)
    assert archive, f"git has no {commit}"
    with tarfile.open(fileobj=BytesIO(archive)) as files:
        files.extractall(root, filter="data")
    if not (root / FILE).exists():
        shutil.copy(CLONE / FILE, root)
    (root / VENV.name).symlink_to(VENV)
    _use_images_of_the_node(root / "Pulumi.yaml")
    return Project(root)


def _install_packages(root: Path) -> Path:
    """Give a release's program the packages that its own lock names, until its upgrade."""
    folder = root / "packages"
    log = root.with_name("packages.log")
    locks = [root / "requirements.txt"]
    packages.install(
        VENV_PYTHON, locks, log, "--target", str(folder), task="the release's packages"
    )
    return folder


def _use_images_of_the_node(path: Path) -> None:
    """Set the images in a release's Pulumi.yaml: the node has those of this tree alone."""
    content, mine = (yaml.safe_load(file.read_text()) for file in (path, CLONE / "Pulumi.yaml"))
    theirs, built = (found["config"]["images"]["default"] for found in (content, mine))
    theirs.update({name: built[name] for name in theirs})
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


def _shrink(project: Project, own: Mapping[str, str]) -> None:
    """Rewrite the stack's file: settings of its own, and one replica of the servers alone."""
    path = project.root / FILE
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    settings = content["config"]["vaultmesh:settings"]
    settings.update({**ALONE, **own})
    for server in ("prometheus", "alertmanager"):
        settings[server]["replicas"] = 1
    settings["prometheus"]["storage"] = STORAGE
    path.write_text(yaml.safe_dump(content), encoding="utf-8")


def _venv(folder: str, names: list[str]) -> list[str]:
    return [VENV.name] if VENV.name in names else []


def _git(*arguments: str) -> bytes | None:
    """What git prints; None if it fails or is not there."""
    try:
        ended = subprocess.run(["git", "-C", CLONE, *arguments], capture_output=True)
    except FileNotFoundError:
        return None
    return ended.stdout if ended.returncode == 0 else None
