"""`pulumi destroy`, after all other tests of this level: what it leaves."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.node import STACK, Deployed
from tests.support.project import Result
from toolchain.node.cluster import Node


@pytest.fixture(scope="module")
def claims(deployed: Deployed) -> set[str]:
    """The names of the volume claims that were there before."""
    return {claim["metadata"]["name"] for claim in deployed.objects("persistentvolumeclaims")}


@pytest.fixture(scope="module")
def destroyed(deployed: Deployed, claims: set[str]) -> Result:
    return deployed.project.destroy(stack=STACK)


def test_destroy_deletes_every_resource(deployed: Deployed, destroyed: Result):
    assert destroyed.code == 0, destroyed.text
    assert destroyed.changes.keys() == {"-"}
    assert deployed.project.resources(stack=STACK) == {}


def test_destroy_leaves_no_object_but_released_volumes(deployed: Deployed, destroyed: Result):
    assert destroyed.code == 0
    kinds = deployed.node.kubectl(
        "api-resources", "--namespaced=false", "--verbs=list", "--output=name"
    ).split()
    kept = {
        (found["kind"], found["metadata"]["name"])
        for found in objects(deployed.node, ",".join(kinds))
        if deployed.namespace in json.dumps(found)
    }
    assert {kind for kind, _ in kept} == {"PersistentVolume"}
    assert not [
        found["metadata"]["name"]
        for found in objects(deployed.node, "all,pvc,cm,secrets,roles,networkpolicies", "-A")
        if found["metadata"]["namespace"] == deployed.namespace
    ]


def test_destroy_keeps_the_data_of_volumes_that_are_to_be_retained(
    deployed: Deployed, claims: set[str], destroyed: Result
):
    assert destroyed.code == 0
    volumes = {
        reference["name"]: volume
        for volume in objects(deployed.node, "persistentvolumes")
        if (reference := volume["spec"].get("claimRef"))
        and reference["namespace"] == deployed.namespace
    }
    assert volumes.keys() == claims
    for claim, volume in volumes.items():
        assert volume["status"]["phase"] == "Released"
        assert list(Path(volume["spec"]["local"]["path"]).iterdir()), claim


def objects(node: Node, kinds: str, *arguments: str) -> list[dict[str, Any]]:
    """All objects of the cluster of these kinds."""
    return json.loads(node.kubectl("get", kinds, "--output=json", *arguments))["items"]
