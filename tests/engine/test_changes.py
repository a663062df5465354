"""Plans by the real engine: what they show, what they refuse, and what they keep secret."""

import base64
import json
import subprocess
from pathlib import Path

import pytest

from stacks.secrets import MADE_UP
from tests.support.project import Project, Result, run_planned
from toolchain import changes, registry, stacks
from toolchain.base import UserError

STACK = "staging"
FILE = f"Pulumi.{STACK}.yaml"
MARKERS = (f"{MADE_UP}canary-before", f"{MADE_UP}canary-after")
PASSWORD = "grafanaAdminPassword"


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A copy of the program whose stack `staging` is rendered; each test restores what it edits."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stacks, "has_backend", lambda env: False)
        project = Project.of_the_platform(tmp_path_factory.mktemp("plans") / "a clone")
        project.preview(stack=STACK)
        project.set_secret(PASSWORD, MARKERS[0], stack=STACK)
        result = project.up(stack=STACK)
        assert result.code == 0, result.text
    return project


def plan(project: Project) -> str:
    """The Markdown of `make plan STACK=staging`."""
    changes.plan(STACK, [], root=project.root)
    return changes.plan_file(STACK, project.root).with_suffix(".md").read_text(encoding="utf-8")


def apply(project: Project) -> Result:
    """Run `make up STACK=staging ARGS=--plan=FILE`."""
    file = changes.plan_file(STACK, project.root)
    run = stacks.plan("up", STACK, [f"--plan={file}"], root=project.root)
    changes.require_fresh(run, STACK, file)
    return run_planned(run)


def shows(*texts: str) -> bool:
    """Whether a text shows one of the marker passwords, as it is or in base64."""
    words = [word for one in MARKERS for word in (one, base64.b64encode(one.encode()).decode())]
    return any(word in text for word in words for text in texts)


def test_an_edited_rule_is_one_update_and_can_be_applied(clone: Project):
    with clone.edited(FILE, "for: 30m", "for: 31m"):
        rows = [line for line in plan(clone).splitlines() if line.startswith("| ")][1:]
        assert rows == [
            "| update | `kubernetes:core/v1:ConfigMap` | `prometheus-server` | "
            '`data["alerting_rules.yml"]` |'
        ]
        result = apply(clone)
        assert result.code == 0, result.text
        assert result.changes["~"] == 1
        with pytest.raises(UserError, match="has changed since this plan was made"):
            apply(clone)
    assert clone.up(stack=STACK).code == 0


@pytest.mark.parametrize(
    ("old", "new", "lost"),
    [
        ("namespace: aurora-staging", "namespace: elsewhere", "delete Namespace aurora-staging"),
        ("storage: 3Gi", "storage: 4Gi", "replace StatefulSet prometheus-server"),
    ],
)
def test_an_edit_that_loses_data_is_refused_and_shown(
    clone: Project, old: str, new: str, lost: str
):
    with clone.edited(FILE, old, new):
        with pytest.raises(UserError, match=lost):
            plan(clone)
        shown = changes.plan_file(STACK, clone.root).with_suffix(".md").read_text(encoding="utf-8")
        assert "> **This loses data, or what is protected:**" in shown


def test_a_program_that_differs_from_the_plan_changes_nothing(clone: Project):
    with clone.edited(FILE, "for: 30m", "for: 31m"):
        plan(clone)
    with clone.edited(FILE, "for: 30m", "for: 32m"):
        before = clone.resources_without_ciphertext(stack=STACK)
        result = apply(clone)
        assert result.code != 0 and "violates plan" in result.text
    assert clone.resources_without_ciphertext(stack=STACK) == before


def test_a_plan_shows_no_secret_and_ends_when_one_changes(
    clone: Project, capsys: pytest.CaptureFixture[str]
):
    clone.set_secret(PASSWORD, MARKERS[1], stack=STACK)
    text = plan(clone)
    assert "`data.admin-password`" in text
    kept = changes.plan_file(STACK, clone.root).read_text(encoding="utf-8")
    assert not shows(text, kept, capsys.readouterr().out)
    clone.set_secret(PASSWORD, MARKERS[0], stack=STACK)
    with pytest.raises(UserError, match=f"vaultmesh:{PASSWORD} changed after") as raised:
        apply(clone)
    assert not shows(str(raised.value))


def test_a_refused_preview_is_reported_with_its_errors(clone: Project):
    with clone.edited(FILE, "for: 30m", "for: soon"):
        with pytest.raises(UserError, match="`soon` is not a duration"):
            plan(clone)
        file = changes.plan_file(STACK, clone.root)
        assert "`soon` is not a duration" in file.with_suffix(".md").read_text(encoding="utf-8")
        assert not file.exists()


def test_pinned_images_are_those_of_the_stacks_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    images = {"servicesImage": f"r.example/s@sha256:{'1' * 64}", "grafana": f"g@sha256:{'2' * 64}"}
    root, backend = tmp_path / "small", tmp_path / "backend"
    root.mkdir()
    backend.mkdir()
    (root / "__main__.py").write_text(f"import pulumi\npulumi.export('images', {images!r})\n")
    (root / "Pulumi.yaml").write_text("{name: small, runtime: python}")
    (root / "Pulumi.staging.yaml").write_text("# Kept.\nconfig:\n  small:settings: {a: b}\n")
    monkeypatch.setenv("PULUMI_BACKEND_URL", f"file://{backend}")
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "for this test")
    monkeypatch.setattr(stacks, "has_backend", lambda env: True)
    run = stacks.plan("up", STACK, ["--yes", "--skip-preview"], root=root)
    create = [run.command[0], "stack", "init", STACK]
    subprocess.run(create, cwd=root, env=run.environment, check=True, capture_output=True)
    assert run_planned(run).code == 0

    registry.pin(STACK, [registry.DEPLOYED], root=root)
    text = (root / "Pulumi.staging.yaml").read_text()
    asked = [run.command[0], "config", "--json", "--stack", STACK]
    told = subprocess.run(asked, cwd=root, env=run.environment, check=True, capture_output=True)
    config = json.loads(told.stdout)
    assert config["small:servicesImage"]["value"] == images["servicesImage"]
    assert config["small:images"]["objectValue"] == {"grafana": images["grafana"]}
    assert config["small:settings"]["objectValue"] == {"a": "b"}
    assert text.startswith("# Kept.")
