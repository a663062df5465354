"""Rehearsals: a stack on EKS is rendered, and a stand-in previews AWS and changes nothing."""

import json
import signal
import socket
from pathlib import Path

import pytest
import yaml

from tests.support.processes import children, command_of, is_alive
from tests.support.project import Project
from tests.support.recording import run_stack
from tests.support.report.report_platform import render_manifests
from tests.support.waiting import wait_for

AWS_PROGRAM = """
import pulumi
from pulumi_aws import eks, get_caller_identity_output, sns

found = eks.get_cluster_output(name="aurora")
pulumi.export("endpoint", found.endpoint)
pulumi.export("account", get_caller_identity_output().account_id)
sns.Topic("heartbeat", name=found.name)
"""


@pytest.fixture
def on_aws(tmp_path: Path) -> Project:
    """A small program on a stack on EKS, which declares one AWS resource and looks two up."""
    root = tmp_path / "small clone"
    root.mkdir()
    stack = {"aws:region": "eu-west-1", "small:settings": {"cluster": {"eks": "aurora"}}}
    (root / "__main__.py").write_text(AWS_PROGRAM)
    (root / "Pulumi.yaml").write_text("{name: small, runtime: python}")
    (root / "Pulumi.staging.yaml").write_text(json.dumps({"config": stack}))
    return Project(root)


def config_map(project: Project, folder: str, name: str) -> dict[str, str]:
    """The data of a rendered ConfigMap."""
    (found,) = [
        manifest["data"]
        for manifest in project.rendered(folder).values()
        if manifest["kind"] == "ConfigMap" and manifest["metadata"]["name"] == name
    ]
    return found


@pytest.mark.parametrize("stack", ["staging", "production"])
def test_a_stack_of_a_cluster_is_rendered(project: Project, stack: str, tmp_path: Path) -> None:
    total = len(run_stack(stack).resources) + 1
    folder = f"rendered/{stack}"
    previewed = project.preview(stack=stack)
    assert previewed.code == 0, previewed.text
    assert previewed.changes == {"+": total}
    assert f"every secret in {folder} is made up" in previewed.text
    assert not (project.root / folder).exists(), "a preview writes nothing"

    result = project.up(stack=stack)
    assert result.code == 0, result.text
    declared = render_manifests(run_stack(stack), tmp_path / "declared")
    names = {path.name for path in (declared / "1-manifest").iterdir()}
    assert project.rendered(folder).keys() == names
    assert project.preview(stack=stack).changes == {"=": total}
    prometheus = yaml.safe_load(config_map(project, folder, "prometheus-server")["prometheus.yml"])
    (written,) = prometheus["remote_write"]
    assert written["url"].startswith("https://stand-in.invalid/")


def test_the_stack_of_an_account_is_previewed_and_says_what_is_open(project: Project) -> None:
    previewed = project.preview(stack="account")
    assert previewed.code == 0, previewed.text
    assert previewed.changes == {"+": len(run_stack("account").resources) + 1}
    assert "vaultmesh:account.stateBucket: missing" in previewed.text
    assert not (project.root / "rendered").exists()


def test_a_rehearsal_contacts_no_cluster_of_the_users_kubeconfig(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as cluster:
        cluster.setblocking(False)
        address = f"http://127.0.0.1:{cluster.getsockname()[1]}"
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "theirs", "cluster": {"server": address}}],
            "contexts": [{"name": "theirs", "context": {"cluster": "theirs", "user": ""}}],
            "current-context": "theirs",
        }
        (tmp_path / "kubeconfig").write_text(json.dumps(config))
        monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
        assert project.preview().code == 0
        assert not (project.root / "rendered").exists()
        assert project.up().code == 0
        with pytest.raises(BlockingIOError):
            cluster.accept()


def test_only_the_owner_can_read_what_is_rendered(project: Project) -> None:
    assert project.up().code == 0
    manifests = project.root / "rendered/local/1-manifest"
    assert manifests.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in manifests.iterdir()} == {0o600}


def test_a_real_secret_is_never_rendered(project: Project) -> None:
    project.set_secret("grafanaAdminPassword", "hunter2-in-earnest")
    for result in (project.preview(), project.up()):
        assert result.code != 0
        [line] = result.errors
        assert "grafanaAdminPassword: is a real secret" in line
        assert "hunter2" not in result.text
    assert not (project.root / "rendered").exists()


def test_aws_is_previewed_with_marked_placeholders(on_aws: Project) -> None:
    previewed = on_aws.preview(stack="staging")
    assert previewed.code == 0, previewed.text
    assert previewed.changes == {"+": 2}
    assert "https://stand-in.invalid" in previewed.text
    assert "a stand-in takes the place of the AWS provider" in previewed.text


def test_an_up_keeps_marked_placeholders_in_the_rehearsals_own_state(on_aws: Project) -> None:
    # A rehearsal without its folder of manifests begins anew, and this program has none.
    (on_aws.root / "rendered" / "staging").mkdir(parents=True)
    created = on_aws.up(stack="staging")
    assert created.code == 0, created.text
    assert "creates nothing in AWS and reaches no account" in created.text
    (topic,) = [found for urn, found in on_aws.resources(stack="staging").items() if "sns" in urn]
    assert topic["id"] == "heartbeat.stand-in.invalid"
    assert topic["outputs"]["arn"].startswith("arn:aws:sns:eu-west-1:000000000000:")
    assert on_aws.preview(stack="staging").changes == {"=": 2}
    with on_aws.edited("__main__.py", "name=found.name", 'name="another"'):
        assert on_aws.up(stack="staging").changes == {"~": 1, "=": 1}
    assert on_aws.destroy(stack="staging").code == 0
    assert b"sns/topic" not in on_aws.state_bytes(stack="staging")


def test_a_look_up_without_a_placeholder_is_refused_in_one_line(on_aws: Project) -> None:
    with on_aws.edited("__main__.py", "found.endpoint", "eks.get_clusters_output().names"):
        refused = on_aws.preview(stack="staging")
    assert refused.code != 0
    assert "the stand-in for the AWS provider has no answer to aws:eks/getClusters" in refused.text
    assert "Run `pulumi login` to work with AWS itself." in refused.text


def test_a_killed_up_leaves_no_provider_running(project: Project) -> None:
    running = project.start("up")
    wait_for(lambda: providers_of(running.pid), "the provider runs", 30)
    [provider] = providers_of(running.pid)
    running.send_signal(signal.SIGKILL)
    running.wait()
    wait_for(lambda: not is_alive(provider), "the provider has ended", 30)


def providers_of(pid: int) -> list[int]:
    """The Kubernetes plugins that this process has started."""
    return [child for child in children(pid) if b"pulumi-resource-kubernetes" in command_of(child)]


def test_a_lost_copy_of_the_settings_is_made_again(project: Project) -> None:
    assert project.up().code == 0
    for file in (project.root / ".state" / "config").iterdir():
        file.unlink()
    result = project.up()
    assert result.code == 0, result.text
    assert result.changes["~"] == 1, "the made-up password is another now"
    assert yaml.safe_load((project.root / ".state/config/Pulumi.local.yaml").read_text())
