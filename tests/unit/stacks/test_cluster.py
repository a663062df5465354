"""The provider for each kind of cluster; none holds a credential."""

import json
from typing import Any

import pytest

from stacks.cluster import kubernetes_provider
from stacks.settings.schema import Cluster
from tests.support.recording import record


def provider(cluster: dict[str, str]) -> dict[str, Any]:
    """The inputs of the Kubernetes provider for `cluster`, without those that are None."""
    recording = record(lambda: kubernetes_provider(Cluster.model_validate(cluster)))
    (declared,) = recording.resources
    assert declared.type == "pulumi:providers:kubernetes"
    return {key: value for key, value in declared.inputs.items() if value is not None}


def test_an_eks_cluster_is_looked_up_and_its_kubeconfig_gets_tokens_by_exec() -> None:
    config = json.loads(provider({"eks": "aurora-staging"})["kubeconfig"])
    (cluster,), (user,) = config["clusters"], config["users"]
    assert cluster["cluster"] == {
        "server": "https://mock.invalid",
        "certificate-authority-data": "bW9jaw==",
    }
    assert set(user["user"]) == {"exec"}, "a credential stands in the kubeconfig"
    command = [user["user"]["exec"]["command"], *user["user"]["exec"]["args"]]
    assert command == (
        ["aws", "eks", "get-token", "--cluster-name", "aurora-staging", "--region", "eu-west-1"]
    )


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
    assert "context" not in inputs


@pytest.mark.parametrize("cluster", [{"eks": "a"}, {"context": "a"}, {"render": "a"}])
def test_config_maps_and_secrets_change_in_place(cluster: dict[str, str]) -> None:
    inputs = provider(cluster)
    assert inputs["enableConfigMapMutable"] in (True, "true")
    assert inputs["enableSecretMutable"] in (True, "true")
