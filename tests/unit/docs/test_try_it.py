"""The commands of docs/try-it.md agree with the program and with each other."""

import re

import pytest

from tests.support.cluster import FakeCluster, storage_class
from tests.support.recording import ROOT, run_values, stack_values

PAGE = (ROOT / "docs/try-it.md").read_text(encoding="utf-8")
BLOCKS = [block.splitlines() for block in re.findall(r"```sh\n(.*?)```", PAGE, re.S)]


def test_it_takes_five_commands() -> None:
    assert len(BLOCKS[0]) == 5


def test_the_image_that_is_built_and_loaded_is_the_one_that_the_stack_runs() -> None:
    image = run_values(stack_values("node")).server("psi-field")["image"]
    built = re.findall(r"docker build --tag (\S+) \.", PAGE)
    loaded = re.findall(r"(?:kind load docker-image|k3d image import) (\S+)", PAGE)
    assert (built, loaded) == ([image], [image, image])


@pytest.mark.parametrize("default", ["standard", "local-path"])
def test_the_stack_uses_the_default_class_of_a_new_cluster(default: str) -> None:
    cluster = FakeCluster(classes=[storage_class(default, default=True)])
    for server in run_values(stack_values("node"), cluster=cluster).all("StatefulSet"):
        for claim in server["spec"]["volumeClaimTemplates"]:
            assert "storageClassName" not in claim["spec"]


def test_the_context_and_the_namespace_are_those_of_the_stack() -> None:
    settings = stack_values("node")["vaultmesh:settings"]
    context, namespace = settings["cluster"]["context"], settings["namespace"]
    renamed = re.findall(r"rename-context (kind|k3d)-aurora (\S+)", PAGE)
    assert renamed == [("kind", context), ("k3d", context)]
    assert f"ops watch --context {context} --namespace {namespace}" in PAGE
    names = re.findall(r"(?:--name|cluster create|--cluster|cluster delete) (\w+)", PAGE)
    assert set(names) == {"aurora"}
