"""The stand-ins under the real engine, with a small program."""

import base64
import json
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.project import Project
from toolchain import plugins
from toolchain.base import UserError

PROGRAM = """
import time

import pulumi
import pulumi_kubernetes as kubernetes

config = pulumi.Config()
settings = config.require_object("settings")
cluster = settings["cluster"]
if "render" in cluster:
    provider = kubernetes.Provider(
        "cluster",
        render_yaml_to_directory=cluster["render"],
        enable_config_map_mutable=settings["mutable"],
    )
elif "eks" in cluster:
    from pulumi_aws import eks

    found = eks.get_cluster_output(name=cluster["eks"])
    kubeconfig = pulumi.Output.json_dumps({"server": found.endpoint})
    provider = kubernetes.Provider("cluster", kubeconfig=kubeconfig)
    pulumi.export("endpoint", found.endpoint)
else:
    provider = kubernetes.Provider("cluster", context=cluster["context"])
options = pulumi.ResourceOptions(provider=provider)
namespace = kubernetes.core.v1.Namespace("demo", metadata={"name": "demo"}, opts=options)
if "pause" in settings:
    namespace.id.apply(lambda _: time.sleep(settings["pause"]))
kubernetes.core.v1.ConfigMap(
    "rules",
    metadata={"name": "rules", "namespace": namespace.metadata.name},
    data=settings["data"],
    opts=options,
)
kubernetes.core.v1.Secret(
    "password",
    metadata={"name": "password", "namespace": "demo"},
    string_data={"password": config.require_secret("password")},
    opts=options,
)
kubernetes.core.v1.Service(
    "web",
    metadata={"name": "web", "namespace": "demo"},
    spec={"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 9090}]},
    opts=options,
)
kubernetes.core.v1.ConfigMap("unnamed", data={"a": "1"}, opts=options)
"""
SETTINGS = {
    "cluster": {"render": "out"},
    "mutable": True,
    "data": {"alerts.yml": "groups:\n  - name: a\n    # ψ\n", "hash": "12e4", "empty": ""},
}
FILES = ("v1-configmap-demo-rules", "v1-namespace-default-demo", "v1-secret-demo-password")


class Small(Project):
    """The small program, with settings that tests can change."""

    def set(self, stack: str = "local", **changes: Any) -> None:
        """Write the stack's settings with these changes."""
        config = {"aws:region": "eu-west-1", "small:settings": {**SETTINGS, **changes}}
        (self.root / f"Pulumi.{stack}.yaml").write_text(json.dumps({"config": config}))

    def files(self) -> dict[str, dict[str, Any]]:
        """The rendered manifests."""
        return self.rendered("out")


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Small:
    """The small program in its own folder, on stand-ins even if official plugins are installed."""
    monkeypatch.setattr(plugins, "is_official", lambda *_: False)
    root = tmp_path / "small clone"
    root.mkdir()
    project = {
        "name": "small",
        "runtime": "python",
        "config": {
            "settings": {"type": "object"},
            "password": {"type": "string", "secret": True},
        },
    }
    (root / "Pulumi.yaml").write_text(yaml.safe_dump(project))
    (root / "__main__.py").write_text(PROGRAM)
    made = Small(root)
    made.set()
    return made


def check_success(result: Any) -> Any:
    """Assert that a command succeeded, and return its result."""
    assert result.code == 0, result.text
    return result


def wait_for(what: Callable[[], object]) -> None:
    """Wait up to half a minute for the condition."""
    end = time.monotonic() + 30
    while not what():
        assert time.monotonic() < end, "timed out waiting for the condition"
        time.sleep(0.02)


def test_rendered_manifests_equal_the_program_and_follow_its_changes(small: Small):
    tracked = {path: path.read_bytes() for path in small.root.glob("Pulumi*.yaml")}
    small.set_secret("small:password", "canary wörd")

    previewed = check_success(small.preview())
    assert previewed.changes == {"+": 7}
    assert small.files() == {}, "a preview writes nothing"
    assert previewed.text.count("a stand-in takes the place of the kubernetes provider") <= 2

    check_success(small.up())
    files = small.files()
    assert files["v1-configmap-demo-rules.yaml"] == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "rules", "namespace": "demo"},
        "data": SETTINGS["data"],
    }
    service = files["v1-service-demo-web.yaml"]["spec"]
    assert service == {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 9090}]}
    assert all(isinstance(value, int) for value in service["ports"][0].values())
    data = files["v1-secret-demo-password.yaml"]["data"]
    assert base64.b64decode(data["password"]).decode() == "canary wörd"
    [unnamed] = [name for name in files if "unnamed" in name]
    assert unnamed.startswith("v1-configmap-default-unnamed-")
    assert set(files) > {f"{name}.yaml" for name in FILES}

    shown = base64.b64encode("canary wörd".encode())
    for secret in ("canary wörd".encode(), b"canary w\\u00f6rd", shown):
        assert secret not in small.state_bytes()
        assert secret.decode() not in previewed.text

    assert check_success(small.preview()).changes == {"=": 7}
    assert check_success(small.refresh()).changes == {"=": 7}
    assert small.files() == files

    small.set(data={"alerts.yml": "groups: []\n"})
    assert check_success(small.preview()).changes == {"~": 1, "=": 6}
    check_success(small.up())
    assert small.files()["v1-configmap-demo-rules.yaml"]["data"] == {"alerts.yml": "groups: []\n"}

    check_success(small.destroy())
    assert small.files() == {}
    unchanged = {path: path.read_bytes() for path in tracked if path.name != "Pulumi.local.yaml"}
    assert unchanged.items() <= tracked.items(), "a tracked file has changed"


def test_without_the_mutable_setting_changed_data_replaces_and_another_folder_replaces_all(
    small: Small,
):
    small.set(mutable=False)
    check_success(small.up())
    small.set(mutable=False, data={"a": "2"})
    assert check_success(small.up()).changes["+-"] == 1
    assert small.files()["v1-configmap-demo-rules.yaml"]["data"] == {"a": "2"}
    names = set(small.files())
    small.set(mutable=False, data={"a": "2"}, cluster={"render": "elsewhere"})
    assert check_success(small.up()).changes["+-"] == 6
    assert small.files() == {}
    moved = set(small.rendered("elsewhere"))
    assert len(moved) == len(names)
    assert {name for name in moved if "unnamed" not in name} <= names


def test_a_real_cluster_is_previewed_and_refused(small: Small, monkeypatch: pytest.MonkeyPatch):
    small.set(cluster={"context": "production"})
    assert check_success(small.preview()).changes == {"+": 7}
    monkeypatch.setattr("toolchain.stacks.CHANGING", ())
    refused = small.up("--yes", "--skip-preview")
    assert refused.code != 0
    line = "error: the stand-in for the kubernetes provider reaches no cluster and changes nothing"
    assert line in refused.text
    assert "Traceback" not in refused.text
    assert not (small.root / "out").exists()


def test_a_stack_on_eks_is_previewed_with_marked_placeholders(
    small: Small, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("PULUMI_BACKEND_URL", raising=False)
    monkeypatch.setattr("toolchain.stacks.has_backend", lambda env: False)
    small.set("staging", cluster={"eks": "aurora"})
    previewed = check_success(small.preview(stack="staging"))
    assert previewed.changes == {"+": 7}
    assert "https://stand-in.invalid" in previewed.text
    assert "a stand-in takes the place of the aws provider" in previewed.text
    with pytest.raises(UserError, match="changes a real cluster"):
        small.up(stack="staging")


def test_a_killed_up_leaves_no_process_and_the_next_one_recovers(small: Small):
    small.set(pause=15)
    running = small.start("up")
    wait_for(small.files)
    [stand_in] = stand_ins_of(running.pid)
    running.send_signal(signal.SIGKILL)
    running.wait()
    locks = small.root / ".state" / "backend" / ".pulumi" / "locks"
    assert list(locks.rglob("*.json"))
    wait_for(lambda: not command_of(stand_in))
    small.set()
    check_success(small.up())
    assert {f"{name}.yaml" for name in FILES} < set(small.files())
    assert check_success(small.preview()).changes == {"=": 7}


def stand_ins_of(pid: int) -> list[int]:
    """The stand-ins that this process has started."""
    children = Path(f"/proc/{pid}/task").glob("*/children")
    found = [int(child) for file in children for child in file.read_text().split()]
    return [child for child in found if b"toolchain.standin" in command_of(child)]


def command_of(pid: int) -> bytes:
    """The command line of a process; empty if it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def test_a_lost_config_copy_is_recreated(small: Small):
    check_success(small.up())
    for file in (small.root / ".state" / "config").iterdir():
        file.unlink()
    result = check_success(small.up())
    assert result.changes == {"+-": 1, "=": 6}, "the made-up password is another now"
