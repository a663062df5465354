"""Stacks are rehearsed or run for real."""

import os
from pathlib import Path

import pytest
import yaml

from stacks.images import MADE_UP_IMAGE, NODE_CONTEXT, SERVICES_IMAGE
from tests.support.clone import PROJECT, RENDERED, calls, log_in
from toolchain import rehearsal, stacks
from toolchain.base import UserError

ON_NODE = {"config": {"demo:settings": {"cluster": {"context": NODE_CONTEXT}}}}
OF_ACCOUNT = {"config": {"demo:account": {"repository": "a/b"}}}


def test_local_is_rehearsed_even_by_a_user_with_a_login(clone: Path):
    log_in(clone)
    run = stacks.plan("preview", "local", [], root=clone)
    assert run.environment["PULUMI_BACKEND_URL"].startswith(f"file://{clone}/.state/backend")
    assert "--config-file" in run.command


def test_any_stack_can_be_rehearsed_by_a_user_with_a_login(
    clone: Path, capsys: pytest.CaptureFixture[str]
):
    log_in(clone)
    run = stacks.plan("preview", "staging", [], root=clone, rehearse=True)
    assert run.environment["PULUMI_BACKEND_URL"].startswith(f"file://{clone}/.state/backend")
    assert run.rehearsed
    assert "no Pulumi backend is set" not in capsys.readouterr().err


def test_with_a_login_another_stack_is_exactly_pulumi_s_own_command(clone: Path):
    log_in(clone)
    run = stacks.plan("preview", "staging", ["--diff"], root=clone)
    pulumi = str(clone.parent / "bin" / "pulumi")
    assert run.command == [pulumi, "preview", "--stack", "staging", "--diff"]
    assert "PULUMI_BACKEND_URL" not in run.environment
    assert not (clone / ".state" / "config").exists()


def test_a_real_up_asks_for_confirmation_and_a_local_one_does_not(clone: Path):
    log_in(clone)
    assert "--yes" not in stacks.plan("up", "staging", [], root=clone).command
    assert "--yes" in stacks.plan("up", "local", [], root=clone).command


def test_a_plan_is_compared_with_all_changes_before_the_first_is_made(clone: Path):
    command = stacks.plan("up", "local", ["--plan=a.json"], root=clone).command
    assert "--yes" in command and "--skip-preview" not in command


def test_a_rehearsal_of_an_account_previews_on_the_stand_in_and_renders_nothing(
    clone: Path, capsys: pytest.CaptureFixture[str]
):
    (clone / "Pulumi.account.yaml").write_text(yaml.safe_dump(OF_ACCOUNT))
    run = stacks.plan("preview", "account", [], root=clone)
    assert "home-with-stand-in" in run.environment["PULUMI_HOME"]
    copy = Path(run.command[run.command.index("--config-file") + 1])
    assert yaml.safe_load(copy.read_text())["config"].items() >= OF_ACCOUNT["config"].items()
    assert "it reaches no AWS account" in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["up", "refresh", "destroy"])
def test_a_rehearsal_changes_no_account(clone: Path, verb: str):
    (clone / "Pulumi.account.yaml").write_text(yaml.safe_dump(OF_ACCOUNT))
    with pytest.raises(UserError, match=r"account has resources in AWS alone.*STACK=account"):
        stacks.plan(verb, "account", [], root=clone)
    assert calls(clone) == []
    log_in(clone)
    pulumi = str(clone.parent / "bin" / "pulumi")
    run = stacks.plan(verb, "account", [], root=clone)
    assert run.command == [pulumi, verb, "--stack", "account"]


def rehearsed_cluster(clone: Path, stack: str) -> dict[str, str]:
    """The settings of the cluster in the rehearsal's copy of the stack's file."""
    run = stacks.plan("up", stack, [], root=clone)
    copy = Path(run.command[run.command.index("--config-file") + 1])
    return yaml.safe_load(copy.read_text())["config"]["demo:settings"]["cluster"]


def test_a_rehearsal_renders_whatever_the_cluster_is(clone: Path):
    tracked = (clone / "Pulumi.staging.yaml").read_text()
    rendered = {"eks": "aurora", "render": "rendered/staging"}
    assert rehearsed_cluster(clone, "staging") == rendered
    assert rehearsed_cluster(clone, "local") == RENDERED["config"]["demo:settings"]["cluster"]
    assert (clone / "Pulumi.staging.yaml").read_text() == tracked


@pytest.mark.parametrize(
    ("cluster", "image", "expected"),
    [
        ({"eks": "aurora"}, None, MADE_UP_IMAGE),
        ({"context": "kind-aurora", "render": "out"}, None, MADE_UP_IMAGE),
        ({"eks": "aurora"}, "host.example/services:1", "host.example/services:1"),
        ({"render": "out"}, None, None),
    ],
)
def test_a_rehearsal_on_a_cluster_has_a_made_up_image_if_there_is_none(
    clone: Path, cluster: dict[str, str], image: str | None, expected: str | None
):
    declared = {**PROJECT["config"], SERVICES_IMAGE: {"type": "string"}}
    (clone / "Pulumi.yaml").write_text(yaml.safe_dump({**PROJECT, "config": declared}))
    given = {"demo:settings": {"cluster": cluster}}
    given |= {f"demo:{SERVICES_IMAGE}": image} if image else {}
    (clone / "Pulumi.staging.yaml").write_text(yaml.safe_dump({"config": given}))
    run = stacks.plan("up", "staging", [], root=clone)
    copy = Path(run.command[run.command.index("--config-file") + 1])
    config = yaml.safe_load(copy.read_text())["config"]
    assert config.get(f"demo:{SERVICES_IMAGE}") == expected


@pytest.mark.parametrize("stack", ["local", "staging"])
def test_a_rehearsal_has_nothing_to_refresh(clone: Path, stack: str):
    with pytest.raises(UserError, match=f"nothing to refresh: stack {stack} is rehearsed"):
        stacks.plan("refresh", stack, [], root=clone)
    assert calls(clone) == []


@pytest.mark.parametrize("verb", ["up", "refresh", "destroy"])
def test_a_node_of_this_machine_is_changed_without_a_question(
    clone: Path, monkeypatch: pytest.MonkeyPatch, verb: str
):
    (clone / "Pulumi.node.yaml").write_text(yaml.safe_dump(ON_NODE))
    monkeypatch.setenv("KUBECONFIG", "/the-node")
    run = stacks.plan(verb, "node", [], root=clone)
    assert {"--yes", "--skip-preview"} < {*run.command}
    assert ("--clear-pending-creates" in run.command) == (verb == "refresh")
    assert run.environment["KUBECONFIG"] == "/the-node"


def test_a_refresh_that_changes_nothing_needs_no_answer(
    clone: Path, monkeypatch: pytest.MonkeyPatch
):
    (clone / "Pulumi.node.yaml").write_text(yaml.safe_dump(ON_NODE))
    monkeypatch.setenv("KUBECONFIG", "/the-node")
    run = stacks.plan("refresh", "node", ["--preview-only"], root=clone)
    assert not {"--yes", "--skip-preview", "--clear-pending-creates"} & {*run.command}


def test_on_the_node_alone_up_takes_over_what_a_killed_one_has_left(
    clone: Path, monkeypatch: pytest.MonkeyPatch
):
    (clone / "Pulumi.node.yaml").write_text(yaml.safe_dump(ON_NODE))
    monkeypatch.setenv("KUBECONFIG", "/the-node")
    force = "PULUMI_K8S_ENABLE_PATCH_FORCE"
    assert stacks.plan("up", "node", [], root=clone).environment[force] == "true"
    log_in(clone)
    assert force not in stacks.plan("up", "staging", [], root=clone).environment


def test_no_node_is_changed_while_none_runs(clone: Path, monkeypatch: pytest.MonkeyPatch):
    (clone / "Pulumi.node.yaml").write_text(yaml.safe_dump(ON_NODE))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    with pytest.raises(UserError, match="no node runs in this clone"):
        stacks.plan("up", "node", [], root=clone)


def test_the_verification_of_local_looks_at_the_live_run(clone: Path):
    run = stacks.verification("local", ["--json"], root=clone)
    assert run.command[1:] == ["-m", "ops", "verify", "--live", "--json"]


def test_the_verification_of_a_stack_reads_its_state_and_its_own_settings(
    clone: Path, monkeypatch: pytest.MonkeyPatch
):
    (clone / "Pulumi.node.yaml").write_text(yaml.safe_dump(ON_NODE))
    monkeypatch.setenv("KUBECONFIG", "/the-node")
    node = stacks.verification("node", [], root=clone)
    assert node.command[3:] == [
        *("verify", "--stack=node", f"--config-file={clone}/.state/config/Pulumi.node.yaml")
    ]
    assert node.environment["KUBECONFIG"] == "/the-node"
    log_in(clone)
    staging = stacks.verification("staging", ["--timeout=9"], root=clone)
    own = f"--config-file={clone}/Pulumi.staging.yaml"
    assert staging.command[3:] == ["verify", "--stack=staging", own, "--timeout=9"]
    assert staging.root == clone


def test_a_rehearsed_stack_can_t_be_verified(clone: Path):
    with pytest.raises(UserError, match=r"stack staging is rehearsed and runs nowhere"):
        stacks.verification("staging", [], root=clone)


def test_a_rehearsal_sees_no_cluster(clone: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("KUBECONFIG", "/theirs")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "198.18.128.1")
    env = stacks.plan("up", "staging", [], root=clone).environment
    assert env["KUBECONFIG"] == os.devnull
    assert "KUBERNETES_SERVICE_HOST" not in env
    log_in(clone)
    assert stacks.plan("up", "staging", [], root=clone).environment["KUBECONFIG"] == "/theirs"


def test_python_keeps_bytecode_whatever_the_user_s_environment_says(
    clone: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    assert "PYTHONDONTWRITEBYTECODE" not in stacks.plan("preview", "local", []).environment


def test_a_stack_without_a_cluster_is_left_for_the_program_to_refuse():
    for tracked in ("", "config: {}", "config: {demo:settings: {cluster: }}"):
        assert rehearsal.render_into("out", tracked, "demo:settings") == tracked


def test_a_rehearsal_of_another_stack_says_so_in_one_line(
    clone: Path, capsys: pytest.CaptureFixture[str]
):
    stacks.plan("preview", "staging", [], root=clone)
    lines = [line for line in capsys.readouterr().err.splitlines() if "rehearsal" in line]
    assert len(lines) == 1
    assert all(
        word in lines[0] for word in ("rendered/staging/", ".state/", "made up", "pulumi login")
    )


def test_a_stack_that_does_not_exist_is_refused_naming_those_that_do(clone: Path):
    with pytest.raises(UserError, match=r"no stack `stagin`. Choose local or staging"):
        stacks.plan("preview", "stagin", [], root=clone)
