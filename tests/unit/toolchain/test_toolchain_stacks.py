"""Stacks are rehearsed or run for real, with official or built plugins."""

import os
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from stacks.images import MADE_UP_IMAGE, NODE_CONTEXT, SERVICES_IMAGE
from stacks.secrets import MADE_UP
from tests.support.programs import program
from toolchain import plugins, rehearsal, stacks, tools
from toolchain.base import UserError

PROJECT = {
    "name": "demo",
    "config": {
        "settings": {"type": "object"},
        "password": {"type": "string", "secret": True},
        "other:token": {"type": "string", "secret": True},
    },
}
ON_NODE = {"config": {"demo:settings": {"cluster": {"context": NODE_CONTEXT}}}}
RENDERED = {"config": {"demo:settings": {"cluster": {"render": "out"}}}}
ON_EKS = {"config": {"demo:settings": {"cluster": {"eks": "aurora"}}}}
OF_ACCOUNT = {"config": {"demo:account": {"repository": "a/b"}}}
LOGIN = '{"current": "s3://state"}'


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone with two stacks and a user's own Pulumi that notes how it is called."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for key in [key for key in os.environ if key.startswith("PULUMI_")]:
        monkeypatch.delenv(key)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    program(tmp_path / "bin", "pulumi-language-python")
    program(tmp_path / "bin", "pulumi", f'echo "$*" >> {tmp_path}/calls', "exit 0")
    monkeypatch.setattr(tools, "folders", lambda names: pytest.fail("it builds"))
    monkeypatch.setattr(plugins, "state", lambda: tmp_path / "plugin-state")
    root = tmp_path / "clone"
    root.mkdir()
    for name, content in {"": PROJECT, ".local": RENDERED, ".staging": ON_EKS}.items():
        (root / f"Pulumi{name}.yaml").write_text(yaml.safe_dump(content))
    return root


def calls(clone: Path) -> list[str]:
    """How the user's Pulumi was called so far."""
    noted = clone.parent / "calls"
    return noted.read_text().splitlines() if noted.exists() else []


def log_in(clone: Path) -> None:
    """Give the user a Pulumi login."""
    home = clone.parent / "home" / ".pulumi"
    home.mkdir(parents=True)
    (home / "credentials.json").write_text(LOGIN)


def test_local_is_rehearsed_even_by_a_user_with_a_login(clone: Path):
    log_in(clone)
    run = stacks.plan("preview", "local", [], root=clone)
    assert run.environment["PULUMI_BACKEND_URL"].startswith(f"file://{clone}/.state/backend")
    assert "--config-file" in run.command


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


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("Pulumi.local.yaml", "config:\n  a: [1\n  b: 2\n", "Pulumi.local.yaml:3: is not YAML"),
        ("Pulumi.yaml", "name: demo\n\tconfig: 1\n", "Pulumi.yaml:2: is not YAML"),
        ("Pulumi.local.yaml", "config: {a: 1}\nconfig: {}\n", "Pulumi.local.yaml:2: the key `con"),
        ("Pulumi.local.yaml", "[a]", "Pulumi.local.yaml: the file is not a mapping"),
        ("Pulumi.local.yaml", "config: foo", "Pulumi.local.yaml: `config` is not a mapping"),
        (
            "Pulumi.local.yaml",
            "config: {'demo:settings': [a]}",
            "Pulumi.local.yaml: `demo:settings` is not a mapping. Write `key: value` lines.",
        ),
        (
            "Pulumi.local.yaml",
            "config:\n  demo:settings:\n",
            "Pulumi.local.yaml:2: demo:settings is",
        ),
        (
            "Pulumi.local.yaml",
            "config: {'demo:settings': {cluster: 3}}",
            "Pulumi.local.yaml: `cluster` is not a mapping",
        ),
        (
            "Pulumi.local.yaml",
            "config:\n  demo:password: hunter2\n",
            "Pulumi.local.yaml:2: demo:password is stored in plain text."
            " Run `pulumi config set --secret password` and rotate the value.",
        ),
    ],
)
def test_a_file_that_can_not_be_used_is_refused_with_its_place(
    clone: Path, file: str, text: str, message: str
):
    (clone / file).write_text(text)
    with pytest.raises(UserError) as refused:
        stacks.plan("preview", "local", [], root=clone)
    assert str(refused.value).startswith(message)
    assert "hunter2" not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_secret_in_plain_text_is_refused_whether_the_stack_was_previewed_before_or_not(
    clone: Path,
):
    path = clone / "Pulumi.local.yaml"
    tracked = path.read_text()
    stacks.plan("preview", "local", [], root=clone)
    path.write_text(f"{tracked}  demo:password: hunter2\n")
    with pytest.raises(UserError, match="in plain text"):
        stacks.plan("preview", "local", [], root=clone)
    path.write_text(tracked)
    stacks.plan("preview", "local", [], root=clone)


def test_a_plain_value_is_never_kept_as_a_made_up_secret():
    kept = "encryptionsalt: v1:x\nconfig: {'demo:password': hunter2}"
    assert "hunter2" not in rehearsal.merge("config: {}", kept, ["demo:password"])


def test_the_user_s_passphrase_is_not_used_for_a_rehearsal(
    clone: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "the user's")
    run = stacks.plan("preview", "local", [], root=clone)
    assert "PULUMI_CONFIG_PASSPHRASE" not in run.environment
    passphrase = Path(run.environment["PULUMI_CONFIG_PASSPHRASE_FILE"])
    assert passphrase.stat().st_mode & 0o777 == 0o600
    assert (clone / ".state").stat().st_mode & 0o777 == 0o700
    before = passphrase.read_text()
    stacks.plan("preview", "local", [], root=clone)
    assert passphrase.read_text() == before


def test_a_made_up_secret_is_given_on_stdin_and_never_as_an_argument(clone: Path):
    program(clone.parent / "bin", "pulumi", f'echo "$* stdin=$(cat)" >> {clone.parent}/calls')
    stacks.plan("preview", "local", [], root=clone)
    setting = sorted(call for call in calls(clone) if "config set" in call)
    assert len(setting) == 2
    for call, key in zip(setting, ("demo:password", "other:token"), strict=True):
        command, given = call.split(" stdin=")
        assert command == f"config set --secret {key} --stack local --non-interactive"
        assert given.startswith(MADE_UP) and len(given) >= len(MADE_UP) + 16


def test_tracked_values_win_and_made_up_secrets_are_kept():
    kept = "encryptionsalt: v1:x\nconfig: {'demo:password': {secure: s}, 'demo:gone': 1}"
    merged = rehearsal.merge("config: {'demo:a': 2}", kept, ["demo:password"])
    assert yaml.safe_load(merged) == {
        "encryptionsalt": "v1:x",
        "config": {"demo:a": 2, "demo:password": {"secure": "s"}},
    }


def test_tracked_values_keep_their_spelling():
    values = ["yes", "'12e4'", "12e4", "012", '"a # b"', "0x1f", "'true'", "~"]
    tracked = "".join(f"  demo:{i}: {value}\n" for i, value in enumerate(values))
    merged = rehearsal.merge(f"config:\n{tracked}", "", [])
    assert merged == f"config:\n{tracked}"


@pytest.mark.parametrize("tracked", ["", "config:\n", "config: {}\n", "# nothing\n"])
def test_a_stack_file_without_values_counts_as_empty(tracked: str):
    assert yaml.safe_load(rehearsal.merge(tracked, "", [])) == {"config": {}}


def test_secrets_encrypted_for_someone_else_are_replaced():
    tracked = {
        "secretsprovider": "awskms://alias/x",
        "encryptedkey": "k",
        "config": {"demo:a": 1, "demo:extra": {"secure": "theirs"}, **RENDERED["config"]},
    }
    wanted = rehearsal.secret_keys(PROJECT, tracked)
    assert wanted == ["demo:password", "other:token", "demo:extra"]
    merged = rehearsal.merge(yaml.safe_dump(tracked), "", wanted)
    assert yaml.safe_load(merged) == {"config": {"demo:a": 1, **RENDERED["config"]}}


def test_the_secrets_of_programs_in_both_files_are_made_up():
    def mounting(key: str) -> dict[str, Any]:
        return {"workloads": {"archivist": {"secrets": {"token": key}}, "odd": 1}, "cronJobs": None}

    shared = {"shared": {"type": "object", "default": mounting("sharedToken")}}
    tracked = {"config": {"demo:settings": mounting("ownToken")}}
    wanted = rehearsal.secret_keys({"name": "demo", "config": shared}, tracked)
    assert wanted == ["demo:sharedToken", "demo:ownToken"]


def test_a_lock_of_a_dead_process_goes_and_that_of_a_living_one_stays(tmp_path: Path):
    dead = subprocess.Popen(["true"])
    dead.wait()
    folder = tmp_path / ".state" / "backend" / ".pulumi" / "locks" / "organization" / "p" / "local"
    folder.mkdir(parents=True)
    here = socket.gethostname()
    holders = {
        "dead": (dead.pid, here),
        "alive": (os.getpid(), here),
        "elsewhere": (dead.pid, f"not-{here}"),
    }
    for name, (pid, host) in holders.items():
        (folder / f"{name}.json").write_text(f'{{"pid": {pid}, "hostname": "{host}"}}')
    rehearsal.drop_dead_locks(tmp_path)
    assert sorted(path.stem for path in folder.iterdir()) == ["alive", "elsewhere"]


class TestPlugins:
    """Official plugins, the built plugin, and the stand-in of a rehearsal."""

    @pytest.fixture
    def built(self, clone: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        path = program(clone.parent / "cache", "kubernetes-provider")
        monkeypatch.setattr(tools, "kubernetes_provider", lambda: path)
        return path

    @pytest.fixture
    def installed(self, clone: Path) -> Path:
        folder = f"resource-kubernetes-v{tools.PROVIDER_VERSION}"
        return program(clone.parent / "home/.pulumi/plugins" / folder, plugins.KUBERNETES)

    def offline(self, clone: Path) -> None:
        """Let the user's Pulumi fail to fetch a plugin, and retry for long."""
        program(
            clone.parent / "bin",
            "pulumi",
            f'echo "$*" >> {clone.parent}/calls',
            "echo 'warning: Error downloading plugin: no such host'",
            "exec sleep 60",
        )

    def found(self, env: dict[str, str], package: str) -> list[Path]:
        """The plugins of a package where the engine looks for them."""
        return list(Path(env["PULUMI_HOME"]).glob(f"plugins/*/pulumi-resource-{package}"))

    def test_an_installed_official_plugin_is_used_as_pulumi_always_does(
        self, clone: Path, installed: Path
    ):
        assert plugins.environment({}, on_aws=True, rehearsed=False) == {}
        assert plugins.environment({}, on_aws=False, rehearsed=True) == {}
        assert calls(clone) == []

    def test_an_official_plugin_that_can_be_fetched_is_fetched(self, clone: Path):
        assert plugins.environment({}, on_aws=False, rehearsed=True) == {}
        assert calls(clone) == [f"plugin install resource kubernetes {tools.PROVIDER_VERSION}"]

    def test_a_plugin_that_can_t_be_fetched_is_built_without_retrying(
        self, clone: Path, built: Path
    ):
        self.offline(clone)
        env = plugins.environment({}, on_aws=False, rehearsed=True)
        assert plugins.environment({}, on_aws=False, rehearsed=True) == env
        assert len(calls(clone)) == 1
        [plugin] = self.found(env, "kubernetes")
        assert plugin.resolve() == built
        assert env["PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"] == "true"
        assert env["PULUMI_CREDENTIALS_PATH"] == str(clone.parent / "home" / ".pulumi")

    def test_the_built_pulumi_uses_the_built_plugin_and_fetches_nothing(
        self, clone: Path, built: Path, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(tools, "official_pulumi", lambda: None)
        [plugin] = self.found(plugins.environment({}, on_aws=False, rehearsed=True), "kubernetes")
        assert plugin.resolve() == built
        assert calls(clone) == []

    def test_a_rehearsal_on_aws_gets_the_stand_in_for_aws(self, installed: Path):
        env = plugins.environment({}, on_aws=True, rehearsed=True)
        [kubernetes], [aws] = self.found(env, "kubernetes"), self.found(env, "aws")
        assert kubernetes.resolve() == installed
        assert "toolchain.aws_standin" in aws.read_text()
        assert os.access(aws, os.X_OK)

    def test_a_real_run_never_meets_the_stand_in(self, clone: Path, built: Path):
        self.offline(clone)
        plugins.environment({}, on_aws=True, rehearsed=True)
        env = plugins.environment({}, on_aws=True, rehearsed=False)
        assert self.found(env, "kubernetes")
        assert not self.found(env, "aws")
        assert "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION" not in env

    def test_only_a_stack_on_aws_needs_the_aws_plugin(
        self, clone: Path, monkeypatch: pytest.MonkeyPatch
    ):
        asked: list[bool] = []

        def environment(_: object, *, on_aws: bool, rehearsed: bool) -> dict[str, str]:
            asked.append(on_aws)
            return {}

        monkeypatch.setattr(plugins, "environment", environment)
        for stack in ("local", "staging"):
            stacks.plan("preview", stack, [], root=clone)
        assert asked == [False, True]
