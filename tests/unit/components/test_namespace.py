"""The namespace enforces the restricted level, a quota, and default limits."""

from typing import Any

CLUSTER_WIDE = ("Provider", "Namespace", "StorageClass")


def test_the_api_server_enforces_audits_and_warns_at_a_named_version(platform: Any) -> None:
    (namespace,) = platform.all("Namespace")
    labels = namespace["metadata"]["labels"]
    prefix = "pod-security.kubernetes.io"
    versions = {labels[f"{prefix}/{mode}-version"] for mode in ("enforce", "audit", "warn")}
    assert {labels[f"{prefix}/{mode}"] for mode in ("enforce", "audit", "warn")} == {"restricted"}
    assert len(versions) == 1
    assert versions.pop().startswith("v1.")


def test_everything_else_lives_in_that_namespace(platform: Any) -> None:
    (namespace,) = platform.all("Namespace")
    name = namespace["metadata"]["name"]
    for resource in platform.resources:
        if resource.type.startswith("kubernetes:") and resource.kind not in CLUSTER_WIDE:
            assert resource.inputs["metadata"]["namespace"] == name, resource.name


def test_a_container_without_resources_gets_default_limits(platform: Any) -> None:
    (limits,) = platform.one("LimitRange", "defaults")["spec"]["limits"]
    assert limits["type"] == "Container"
    assert set(limits["default"]) == {"memory", "ephemeral-storage"}
    assert set(limits["defaultRequest"]) == {"cpu", "memory", "ephemeral-storage"}


def test_every_object_has_a_literal_name(platform: Any) -> None:
    for resource in platform.resources:
        if resource.type.startswith("kubernetes:") and resource.kind != "Provider":
            assert resource.inputs["metadata"]["name"], resource.name
