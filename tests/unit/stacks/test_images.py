"""A cluster that pulls images gets only images that it can pull, production only by digest."""

from typing import Any

import pytest

from stacks.images import MADE_UP_IMAGE, NODE_CONTEXT
from stacks.settings.layers import merged
from tests.support.recording import run_values, stack_values
from tests.support.refusals import refusals

IMAGE = "vaultmesh:servicesImage"
TAG = "registry.example.com:5000/vaultmesh/services:0.1.0"
DIGEST = f"registry.example.com/vaultmesh/services@sha256:{'a' * 64}"


def values(stack: str, image: str, **changes: Any) -> dict[str, Any]:
    """The configuration of a stack with this services' image and changed settings."""
    found = stack_values(stack)
    settings = merged(found["vaultmesh:settings"], changes)
    return found | {IMAGE: image, "vaultmesh:settings": settings}


@pytest.mark.parametrize(
    "cluster",
    [
        {"eks": "aurora"},
        {"context": "kind-aurora"},
        {"eks": "aurora", "render": "rendered/staging"},
    ],
)
@pytest.mark.parametrize(
    "image", ["services:0.1.0", "vaultmesh/services:0.1.0", "localhosts/services:0.1.0"]
)
def test_an_image_without_a_registry_is_refused_with_the_command_that_sets_it(
    cluster: dict[str, str], image: str
) -> None:
    cluster = dict.fromkeys(("eks", "context", "render")) | cluster
    made_up = dict.fromkeys(
        ("vaultmesh:grafanaAdminPassword", "vaultmesh:slackApiUrl"), "made-up-secret"
    )
    routes = {"critical": "slack", "warning": "slack"}
    changed = values(
        "staging",
        image,
        cluster=cluster,
        aws=None,
        alertmanager={"routes": routes, "heartbeat": {"outside": False}},
    )
    (line,) = refusals(changed, made_up)
    assert line == (
        f"{IMAGE}: `{image}` names no registry: nodes would pull a stranger's from Docker Hub."
        " Push it to a registry and run"
        " `pulumi config set servicesImage YOUR-REGISTRY/services@sha256:YOUR-DIGEST`."
    )


@pytest.mark.parametrize("stack", ["local", "node"])
def test_where_nothing_is_pulled_any_image_may_run(stack: str) -> None:
    assert not refusals(values(stack, "vaultmesh/services:0.1.0"))


@pytest.mark.parametrize("image", [TAG, DIGEST, "localhost/services:0.1.0", MADE_UP_IMAGE])
def test_an_image_of_a_registry_is_accepted(image: str) -> None:
    assert not refusals(values("staging", image))


def test_production_takes_its_own_images_by_digest() -> None:
    assert not refusals(values("production", DIGEST))
    (line,) = refusals(values("production", TAG))
    assert line.startswith(f"{IMAGE}: `{TAG}` has no digest, and its tag may move")
    assert line.endswith("services@sha256:YOUR-DIGEST`.")
    (line,) = refusals(values("production", DIGEST, workloads={"scheduler": {"image": TAG}}))
    assert line.startswith("vaultmesh:settings.workloads.scheduler.image (Pulumi.")
    assert line.endswith(
        "has no digest, and its tag may move to another image."
        " Write YOUR-REGISTRY/services@sha256:YOUR-DIGEST."
    )


def test_every_image_of_the_stack_is_checked() -> None:
    changed = values(
        "staging",
        TAG,
        workloads={"scheduler": {"image": "a/b:1"}},
        cronJobs={"soak-heartbeat": {"image": "a/c:1"}},
    )
    changed["vaultmesh:images"]["blackboxExporter"] = "prom/blackbox-exporter:v1"
    assert [line.split(":")[1].split(" ")[0] for line in refusals(changed)] == [
        "images.blackboxExporter",
        "settings.cronJobs.soak-heartbeat.image",
        "settings.workloads.scheduler.image",
    ]


def test_an_image_that_nothing_runs_is_not_checked() -> None:
    own = {"image": TAG}
    every = {
        key: dict.fromkeys(stack_values("staging")["vaultmesh:settings"][key], own)
        for key in ("workloads", "cronJobs")
    }
    assert not refusals(values("staging", "vaultmesh/services:0.1.0", **every))


def test_a_malformed_image_is_refused() -> None:
    (line,) = refusals(values("staging", "registry.example.com/services"))
    assert line.startswith(f"{IMAGE}: `registry.example.com/services` is not an image with a tag")


def test_workloads_and_cron_jobs_without_their_own_image_run_that_of_the_services() -> None:
    found = run_values(values("staging", TAG, workloads={"scheduler": {"image": DIGEST}}))
    pods = {name: pod["spec"]["containers"][0]["image"] for name, pod in found.pods()}
    tasks = {pod["spec"]["containers"][0]["image"] for _, pod in found.tasks()}
    assert (pods["scheduler"], pods["harbinger"], tasks) == (DIGEST, TAG, {TAG})


def test_the_node_of_this_machine_is_the_stack_node() -> None:
    assert stack_values("node")["vaultmesh:settings"]["cluster"] == {"context": NODE_CONTEXT}
