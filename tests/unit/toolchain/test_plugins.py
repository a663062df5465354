"""Official plugins, the built plugin, and the stand-in of a rehearsal."""

import os
from pathlib import Path

import pytest

from tests.support.clone import calls
from tests.support.programs import program
from toolchain import plugins, stacks, tools


@pytest.fixture
def built(clone: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = program(clone.parent / "cache", "kubernetes-provider")
    monkeypatch.setattr(tools, "kubernetes_provider", lambda: path)
    return path


@pytest.fixture
def installed(clone: Path) -> Path:
    folder = f"resource-kubernetes-v{tools.PROVIDER_VERSION}"
    return program(clone.parent / "home/.pulumi/plugins" / folder, plugins.KUBERNETES)


def offline(clone: Path) -> None:
    """Let the user's Pulumi fail to fetch a plugin, and retry for long."""
    program(
        clone.parent / "bin",
        "pulumi",
        f'echo "$*" >> {clone.parent}/calls',
        "echo 'warning: Error downloading plugin: no such host'",
        "exec sleep 60",
    )


def found(env: dict[str, str], package: str) -> list[Path]:
    """The plugins of a package where the engine looks for them."""
    return list(Path(env["PULUMI_HOME"]).glob(f"plugins/*/pulumi-resource-{package}"))


def test_an_installed_official_plugin_is_used_as_pulumi_always_does(clone: Path, installed: Path):
    assert plugins.environment({}, on_aws=True, rehearsed=False) == {}
    assert plugins.environment({}, on_aws=False, rehearsed=True) == {}
    assert calls(clone) == []


def test_an_official_plugin_that_can_be_fetched_is_fetched(clone: Path):
    assert plugins.environment({}, on_aws=False, rehearsed=True) == {}
    assert calls(clone) == [f"plugin install resource kubernetes {tools.PROVIDER_VERSION}"]


def test_a_plugin_that_can_t_be_fetched_is_built_without_retrying(clone: Path, built: Path):
    offline(clone)
    env = plugins.environment({}, on_aws=False, rehearsed=True)
    assert plugins.environment({}, on_aws=False, rehearsed=True) == env
    assert len(calls(clone)) == 1
    [plugin] = found(env, "kubernetes")
    assert plugin.resolve() == built
    assert env["PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"] == "true"
    assert env["PULUMI_CREDENTIALS_PATH"] == str(clone.parent / "home" / ".pulumi")


def test_the_built_pulumi_uses_the_built_plugin_and_fetches_nothing(
    clone: Path, built: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(tools, "official_pulumi", lambda: None)
    [plugin] = found(plugins.environment({}, on_aws=False, rehearsed=True), "kubernetes")
    assert plugin.resolve() == built
    assert calls(clone) == []


def test_a_rehearsal_on_aws_gets_the_stand_in_for_aws(installed: Path):
    env = plugins.environment({}, on_aws=True, rehearsed=True)
    [kubernetes], [aws] = found(env, "kubernetes"), found(env, "aws")
    assert kubernetes.resolve() == installed
    assert "toolchain.aws_standin" in aws.read_text()
    assert os.access(aws, os.X_OK)


def test_a_real_run_never_meets_the_stand_in(clone: Path, built: Path):
    offline(clone)
    plugins.environment({}, on_aws=True, rehearsed=True)
    env = plugins.environment({}, on_aws=True, rehearsed=False)
    assert found(env, "kubernetes")
    assert not found(env, "aws")
    assert "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION" not in env


def test_only_a_stack_on_aws_needs_the_aws_plugin(clone: Path, monkeypatch: pytest.MonkeyPatch):
    asked: list[bool] = []

    def environment(_: object, *, on_aws: bool, rehearsed: bool) -> dict[str, str]:
        asked.append(on_aws)
        return {}

    monkeypatch.setattr(plugins, "environment", environment)
    for stack in ("local", "staging"):
        stacks.plan("preview", stack, [], root=clone)
    assert asked == [False, True]
