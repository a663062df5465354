"""Plans and drift as Markdown, from what the engine prints with --json."""

import json
from pathlib import Path
from typing import Any

import pulumi_kubernetes
import pytest

from tests.support.programs import program
from tests.support.workflows import jobs, stacks_of
from toolchain import changes, stacks
from toolchain.base import UserError

URN = "urn:pulumi:staging::vaultmesh::vaultmesh:observability:Prometheus$"


def step(operation: str, resource: str, *paths: str, protect: bool = False) -> dict[str, Any]:
    """A step of the engine's; `resource` is a type and a name, with :: between."""
    return {
        "op": operation,
        "urn": f"{URN}{resource}",
        "oldState": {"protect": protect} if protect else {},
        "detailedDiff": {path: {"kind": "update", "inputDiff": False} for path in paths},
    }


RULES = step("update", "kubernetes:core/v1:ConfigMap::prometheus-server", 'data["rules.yml"]')
SERVER = "kubernetes:apps/v1:StatefulSet::prometheus-server"


def markdown(*steps: dict[str, Any]) -> str:
    digest = {"steps": list(steps)}
    return changes.as_markdown("Stack `staging`", changes.changes_of(digest), digest)


def losses(*steps: dict[str, Any]) -> list[str]:
    return [change.name for change in changes.changes_of({"steps": list(steps)}) if change.loses]


def test_a_change_is_one_row_with_paths_and_without_values():
    assert markdown(RULES, step("same", SERVER)) == "\n".join(
        [
            "### Stack `staging`",
            "",
            "1 update.",
            "",
            "| Change | Type | Name | Properties |",
            "|---|---|---|---|",
            "| update | `kubernetes:core/v1:ConfigMap` | `prometheus-server`"
            ' | `data["rules.yml"]` |',
            "",
        ]
    )


def test_no_change_is_said_in_words():
    assert markdown(step("same", SERVER), step("refresh", SERVER)).endswith("\nNothing changes.\n")


def test_the_three_steps_of_a_replacement_are_one_row_and_losses_come_first():
    names = ("create-replacement", "replace", "delete-replaced")
    text = markdown(RULES, *(step(name, SERVER, "spec.serviceName") for name in names))
    assert "1 replace, 1 update." in text
    assert "> **This loses data, or what is protected:** StatefulSet `prometheus-server`." in text
    assert text.index("| **replace** |") < text.index("| update |")


@pytest.mark.parametrize("operation", ["replace", "delete"])
@pytest.mark.parametrize("kind", sorted(changes.STATEFUL))
def test_the_end_of_what_holds_data_is_a_loss(operation: str, kind: str):
    assert losses(step(operation, f"{kind}::data")) == ["data"]
    assert losses(step("update", f"{kind}::data"), step("create", f"{kind}::new")) == []


def test_the_end_of_what_is_protected_is_a_loss():
    config_map = "kubernetes:core/v1:ConfigMap::settings"
    assert losses(step("delete", config_map, protect=True)) == ["settings"]
    assert losses(step("delete", config_map)) == []


@pytest.mark.parametrize("kind", sorted(k for k in changes.STATEFUL if k.startswith("kube")))
def test_a_type_that_holds_data_is_one_of_the_provider(kind: str):
    _, module, name = kind.split(":")
    group, _, version = module.replace(".k8s.io", "").partition("/")
    assert hasattr(getattr(getattr(pulumi_kubernetes, group), version), name)


def test_a_comment_has_room_for_a_change_of_everything():
    many = [step("replace", f"kubernetes:core/v1:ConfigMap::map-{n}", "a" * 90) for n in range(200)]
    text = markdown(*many)
    assert f"And {200 - changes.ROWS} more." in text
    # GitHub takes comments of 65,536 characters.
    assert len(stacks_of(jobs("preview")["plan"])) * len(text) < 65_536


def test_a_path_can_not_break_the_table():
    text = markdown(step("update", "kubernetes:core/v1:ConfigMap::a", 'data["a|b"]'))
    assert '`data["a\\|b"]`' in text


class TestCommands:
    """`make plan`, `make drift` and the check of a plan, with a Pulumi that answers as told."""

    @pytest.fixture(autouse=True)
    def pulumi(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """The folder of the clone; `answer`, `code` and `state` in it are what Pulumi gives."""
        run = program(
            tmp_path,
            "pulumi",
            f"cd {tmp_path}",
            '[ "$1" = stack ] && cat state && exit 0',
            'for given; do case "$given" in --save-plan=*)',
            '[ -f plan ] && cp plan "${given#*=}" ;; esac; done',
            'echo "$*" > called; cat answer; echo "no connection" >&2; exit $(cat code)',
        )

        def plan(verb: str, stack: str, arguments: list[str], *, root: Path) -> stacks.Run:
            command = [str(run), verb, "--stack", stack, *arguments]
            return stacks.Run(command=command, environment={}, root=root, rehearsed=False)

        monkeypatch.setattr(stacks, "plan", plan)
        (tmp_path / "Pulumi.staging.yaml").write_text("config: {vaultmesh:key: {secure: v1:abc}}")
        self.answers(tmp_path, RULES)
        return tmp_path

    def answers(self, folder: Path, *steps: dict[str, Any], code: int = 0, text: str = "") -> None:
        (folder / "answer").write_text(text or json.dumps({"steps": steps}))
        (folder / "code").write_text(str(code))

    def plans(self, folder: Path, *, at: str, secret: str = "v1:abc") -> Path:
        file = folder / "plan.json"
        config = {"vaultmesh:key": {"secure": secret}}
        file.write_text(json.dumps({"manifest": {"time": at}, "config": config}))
        return file

    def require_fresh(self, folder: Path, file: Path, state: object) -> None:
        (folder / "state").write_text(json.dumps({"deployment": state}))
        run = stacks.plan("up", "staging", [f"--plan={file}"], root=folder)
        changes.require_fresh(run, "staging", file)

    def test_a_plan_is_printed_and_kept_beside_the_engines(
        self, pulumi: Path, capsys: pytest.CaptureFixture[str]
    ):
        changes.plan("staging", ["--diff"], root=pulumi)
        saved = changes.plan_file("staging", pulumi)
        assert saved.with_suffix(".md").read_text() == capsys.readouterr().out
        called = (pulumi / "called").read_text().strip()
        assert called == f"preview --stack staging --save-plan={saved} --diff --json"

    def test_a_loss_is_refused_unless_it_is_accepted(self, pulumi: Path):
        self.answers(pulumi, step("replace", SERVER))
        with pytest.raises(UserError, match=r"replace StatefulSet prometheus-server\. Undo"):
            changes.plan("staging", [], root=pulumi)
        assert "**replace**" in changes.plan_file("staging", pulumi).with_suffix(".md").read_text()
        changes.plan("staging", ["--allow-loss"], root=pulumi)
        assert "--allow-loss" not in (pulumi / "called").read_text()

    def test_a_refused_plan_can_not_be_applied(self, pulumi: Path):
        (pulumi / "plan").write_text("{}")
        self.answers(pulumi, step("replace", SERVER))
        with pytest.raises(UserError, match="loses data"):
            changes.plan("staging", [], root=pulumi)
        assert not changes.plan_file("staging", pulumi).exists()

    def test_the_errors_of_a_failed_preview_are_reported_and_kept(self, pulumi: Path):
        errors = {"severity": "error", "message": "error: rules.yml:3: bad\n"}
        notes = {"severity": "info", "message": "made up"}
        self.answers(pulumi, code=255, text=json.dumps({"diagnostics": [notes, errors]}))
        with pytest.raises(UserError) as raised:
            changes.plan("staging", [], root=pulumi)
        assert str(raised.value) == "the preview of stack staging fails:\nerror: rules.yml:3: bad"
        kept = changes.plan_file("staging", pulumi).with_suffix(".md").read_text()
        assert "error: rules.yml:3: bad" in kept and "made up" not in kept

    def test_a_failure_before_the_preview_is_reported_too(self, pulumi: Path):
        self.answers(pulumi, code=255, text="not JSON")
        with pytest.raises(UserError, match="fails:\nno connection"):
            changes.plan("staging", [], root=pulumi)

    def test_drift_changes_nothing_and_fails_with_what_differs(self, pulumi: Path):
        with pytest.raises(UserError, match="stack staging: 1 update outside of Pulumi"):
            changes.drift("staging", [], root=pulumi)
        called = (pulumi / "called").read_text().strip()
        assert called == "refresh --stack staging --preview-only --json"
        self.answers(pulumi, step("refresh", SERVER))
        changes.drift("staging", [], root=pulumi)
        report = (pulumi / ".state" / "drift" / "staging.md").read_text()
        assert report.startswith("### Drift of stack `staging`\n\nNothing changes.")

    def test_a_plan_is_fresh_until_the_state_is_written_again(self, pulumi: Path):
        file = self.plans(pulumi, at="2026-01-02T03:04:05.123456789Z")
        for before in ("2026-01-02T03:04:05Z", "2026-01-02T04:04:04+01:00"):
            self.require_fresh(pulumi, file, {"manifest": {"time": before}})
        self.require_fresh(pulumi, file, None)
        with pytest.raises(UserError, match=r"staging has changed since .* `make plan STACK="):
            self.require_fresh(pulumi, file, {"manifest": {"time": "2026-01-02T03:04:06Z"}})

    @pytest.mark.parametrize("config", ["config: {}", "config: {vaultmesh:key: {secure: v1:new}}"])
    def test_a_secret_that_changed_makes_a_plan_stale(self, pulumi: Path, config: str):
        file = self.plans(pulumi, at="2026-01-02T03:04:05Z")
        (pulumi / "Pulumi.staging.yaml").write_text(config)
        with pytest.raises(
            UserError, match="vaultmesh:key changed after this plan was made"
        ) as error:
            self.require_fresh(pulumi, file, None)
        assert "v1:" not in str(error.value)

    @pytest.mark.parametrize("text", [None, "", "[]", "{}", '{"manifest": {"time": "soon"}}'])
    def test_what_is_no_plan_is_refused(self, pulumi: Path, text: str | None):
        file = pulumi / "plan.json"
        if text is not None:
            file.write_text(text)
        with pytest.raises(UserError, match=r"plan.json: is not a plan. Run `make plan"):
            self.require_fresh(pulumi, file, None)
