"""How each kind of cluster is reached, and the provider for it; none holds a credential."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from problems import Problems
from stacks.access import Access, find_cluster, kubernetes_provider
from stacks.settings.aws_login import AwsLogin, read_aws_login
from stacks.settings.cluster import Cluster
from tests.support.recording import Recording, record

ARN = "arn:aws:eks:eu-west-1:000000000000:cluster/aurora-staging"
ROLE = "arn:aws:iam::000000000000:role/deploy"
OWN_LOGIN = AwsLogin()
"""The caller's own credentials."""


def declared(cluster: dict[str, str], login: AwsLogin) -> Recording:
    def program() -> Access | None:
        given, problems = Cluster.model_validate(cluster), Problems()
        access = find_cluster(given, login, problems)
        assert not problems
        kubernetes_provider(given, access)
        return access

    return record(program)


def provider(cluster: dict[str, str], login: AwsLogin = OWN_LOGIN) -> dict[str, Any]:
    """The inputs of the Kubernetes provider for `cluster`, without those that are None."""
    (found,) = declared(cluster, login).resources
    assert found.type == "pulumi:providers:kubernetes"
    return {key: value for key, value in found.inputs.items() if value is not None}


def login_command(login: AwsLogin = OWN_LOGIN) -> list[str]:
    config = json.loads(provider({"eks": "aurora-staging"}, login)["kubeconfig"])
    (user,) = config["users"]
    assert set(user["user"]) == {"exec"}, "a credential stands in the kubeconfig"
    return [user["user"]["exec"]["command"], *user["user"]["exec"]["args"]]


def test_an_eks_cluster_is_looked_up_and_its_kubeconfig_gets_tokens_by_exec() -> None:
    config = json.loads(provider({"eks": "aurora-staging"})["kubeconfig"])
    (cluster,) = config["clusters"]
    assert cluster["cluster"] == {
        "server": "https://mock.invalid",
        "certificate-authority-data": "bW9jaw==",
    }
    assert login_command() == (
        ["aws", "eks", "get-token", "--cluster-name", "aurora-staging", "--region", "eu-west-1"]
    )


def test_a_token_is_made_with_the_profile_and_the_role_of_the_aws_provider() -> None:
    problems = Problems()
    values = {"aws:profile": "staging", "aws:assumeRoles": json.dumps([{"roleArn": ROLE}])}
    options = login_command(read_aws_login(values, problems))[7:]
    assert options == ["--profile", "staging", "--role-arn", ROLE]
    assert not problems


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("aws:assumeRoles", [{"roleArn": ROLE, "externalId": "x"}]),
        ("aws:assumeRoles", [{"roleArn": ROLE}, {"roleArn": ROLE}]),
        ("aws:assumeRoles", {"roleArn": ROLE}),
        ("aws:assumeRole", {"roleArn": ROLE}),
    ],
)
def test_a_role_that_the_token_can_not_be_made_with_is_refused(key: str, value: Any) -> None:
    problems = Problems()
    assert read_aws_login({key: json.dumps(value)}, problems).role is None
    (line,) = problems.lines()
    assert line.startswith(f"{key}: ") and "`- roleArn: ARN`" in line


def test_the_identity_of_a_cluster_is_its_arn_or_the_address_that_a_context_must_have() -> None:
    assert provider({"eks": "aurora-staging"})["clusterIdentifier"] == ARN
    context = {"context": "kind-aurora", "server": "https://192.0.2.1:6443"}
    assert provider(context)["clusterIdentifier"] == "https://192.0.2.1:6443"
    for unknown in ({"context": "kind-aurora"}, {"render": "rendered/local"}):
        assert "clusterIdentifier" not in provider(unknown)


def test_the_kubeconfig_for_kubectl_is_private_and_gone_afterwards() -> None:
    access = declared({"eks": "aurora-staging"}, AwsLogin()).result
    assert access.kubectl.command == f"kubectl --context {ARN}"
    with access.client() as kubectl:
        option, name = kubectl.options
        assert option == "--kubeconfig"
        assert Path(name).stat().st_mode & 0o777 == 0o600
        assert json.loads(Path(name).read_text())["current-context"] == "aurora-staging"
    assert not Path(name).exists()


def test_a_failed_look_up_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(name: str) -> None:
        raise Exception(f"invoke failed:\n\tno EKS Cluster found: {name}")

    monkeypatch.setattr("pulumi_aws.eks.get_cluster", fail)
    problems = Problems()
    assert find_cluster(Cluster(eks="aurora"), AwsLogin(), problems) is None
    (line,) = problems.lines()
    assert line.startswith(
        "vaultmesh:settings.cluster.eks: AWS can't be asked for the cluster auro"
    )
    assert "no EKS Cluster found: aurora. Correct the name or aws:region, or sign in" in line


def test_a_cluster_that_is_being_made_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    young = SimpleNamespace(status="CREATING", certificate_authorities=[])
    monkeypatch.setattr("pulumi_aws.eks.get_cluster", lambda name: young)
    problems = Problems()
    assert find_cluster(Cluster(eks="aurora"), AwsLogin(), problems) is None
    (line,) = problems.lines()
    assert line.endswith("the cluster aurora is CREATING. Run the command again when it is ACTIVE.")


def test_a_context_is_left_to_the_users_kubeconfig() -> None:
    inputs = provider({"context": "kind-aurora"})
    assert inputs["context"] == "kind-aurora"
    assert "kubeconfig" not in inputs


def test_a_folder_is_rendered_into() -> None:
    assert provider({"render": "rendered/local"})["renderYamlToDirectory"] == "rendered/local"


@pytest.mark.parametrize("cluster", [{"eks": "aurora"}, {"context": "kind-aurora"}])
def test_with_a_folder_no_cluster_is_contacted(cluster: dict[str, str]) -> None:
    inputs = provider({**cluster, "render": "rendered/staging"})
    assert inputs["renderYamlToDirectory"] == "rendered/staging"
    assert inputs["kubeconfig"] == ""
    assert not inputs.keys() & {"context", "clusterIdentifier"}


@pytest.mark.parametrize("cluster", [{"eks": "a"}, {"context": "a"}, {"render": "a"}])
def test_config_maps_and_secrets_change_in_place(cluster: dict[str, str]) -> None:
    inputs = provider(cluster)
    assert inputs["enableConfigMapMutable"] in (True, "true")
    assert inputs["enableSecretMutable"] in (True, "true")
