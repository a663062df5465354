"""A cluster that lacks what a stack needs is refused at preview, before anything is declared."""

from collections.abc import Callable
from typing import Any

import pytest

from kubectl import Kubectl, KubectlError
from tests.support.cluster import FakeCluster, storage_class, volume_claim
from tests.support.recording import Recording, configure, record, run_values, stack_values

OURS = "vaultmesh/test"
"""The identity of the stack that runs on the mocks."""


def namespace(owner: str | None, **metadata: Any) -> dict[str, Any]:
    annotations = {"annotations": {"vaultmesh.dev/stack": owner}} if owner else {}
    return {"metadata": {"name": "aurora-node", **annotations, **metadata}}


def settings(**changes: Any) -> dict[str, Any]:
    """The configuration of the stack `node` with these settings replaced."""
    values = stack_values("node")
    values["vaultmesh:settings"] |= changes
    return values


def refusals(
    cluster: FakeCluster | Callable[[str], bytes], values: dict[str, Any] | None = None
) -> list[str]:
    """The lines that the whole program prints on this cluster, after it has declared nothing."""
    from stacks.platform import build
    from stacks.settings import load_configuration

    shown: list[str] = []
    configure(settings() if values is None else values)
    declared = Recording()
    read = cluster.read if isinstance(cluster, FakeCluster) else cluster
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pulumi.log.error", shown.append)
        patch.setattr("kubectl.Kubectl.read", lambda _, path: read(path))

        def program() -> None:
            with pytest.raises(SystemExit):
                build(load_configuration())

        declared = record(program)
    assert declared.resources == []
    assert not [line for line in shown if "\n" in line or not line.endswith((".", "?"))]
    return shown


def fail(reason: str) -> Callable[[str], bytes]:
    def read(_: str) -> bytes:
        raise KubectlError(reason)

    return read


def test_a_cluster_that_gives_no_answer_is_reported_once_with_the_command_to_try() -> None:
    (line,) = refusals(fail("The connection to the server was refused"))
    assert line.startswith("vaultmesh:settings.cluster (Pulumi.")
    assert "can't be asked: The connection to the server was refused." in line
    assert "`kubectl --context vaultmesh-node get namespaces,storageclasses`" in line


def test_a_server_of_another_kind_is_reported() -> None:
    (line,) = refusals(lambda _: b"<html>")
    assert "can't be asked: the server does not speak the Kubernetes API." in line


def test_problems_of_cluster_and_settings_are_reported_together() -> None:
    values = settings()
    values["vaultmesh:settings"]["prometheus"]["retention"] = "1h"
    cluster, retention = refusals(fail("Unauthorized"), values)
    assert "settings.cluster" in cluster and "settings.prometheus.retention" in retention


def test_a_missing_storage_class_is_reported_with_those_that_exist() -> None:
    cluster = FakeCluster(classes=[storage_class("gp2"), storage_class("locale")])
    (line,) = refusals(cluster)
    assert line.startswith("vaultmesh:settings.storageClass (Pulumi.")
    assert "no StorageClass `local`. It has gp2, locale. Did you mean `locale`?" in line
    (line,) = refusals(FakeCluster(classes=[]))
    assert "no StorageClass `local`. It has none. Write one that exists, or create it." in line


def test_no_storage_class_needs_a_default_one() -> None:
    values = settings()
    del values["vaultmesh:settings"]["storageClass"]
    (line,) = refusals(FakeCluster(), values)
    assert line.startswith("vaultmesh:settings.storageClass (Pulumi.")
    assert "missing, and the cluster has no default StorageClass. It has local. Set one." in line
    default = FakeCluster(classes=[storage_class("gp2", default=True)])
    assert run_values(values, cluster=default).resources


@pytest.mark.parametrize("owner", [None, "vaultmesh/other"])
def test_a_namespace_that_is_not_this_stacks_is_refused_with_the_command_that_hands_it_over(
    owner: str | None,
) -> None:
    (line,) = refusals(FakeCluster(namespace=namespace(owner)))
    assert line.startswith("vaultmesh:settings.namespace (Pulumi.")
    whose = f"belongs to the stack {owner}" if owner else "is not marked as this stack's"
    assert f"the namespace aurora-node exists and {whose}." in line
    assert (
        "`kubectl --context vaultmesh-node annotate --overwrite namespace aurora-node"
        f" vaultmesh.dev/stack={OURS}`" in line
    )


def test_the_program_marks_its_namespace_so_that_it_accepts_it_later() -> None:
    first = run_values(settings())
    (made,) = first.all("Namespace")
    again = run_values(settings(), cluster=FakeCluster(namespace=made))
    assert len(again.resources) == len(first.resources)


def test_a_namespace_that_is_being_deleted_is_refused() -> None:
    dying = namespace(OURS, deletionTimestamp="2026-11-25T00:00:00Z")
    (line,) = refusals(FakeCluster(namespace=dying))
    assert "is being deleted. Run the command again when it is gone." in line


@pytest.mark.parametrize(
    ("claim", "key"),
    [("data-prometheus-server-1", "prometheus"), ("data-alertmanager-0", "alertmanager")],
)
def test_a_volume_that_can_not_grow_to_the_size_in_the_settings_is_refused(
    claim: str, key: str
) -> None:
    cluster = FakeCluster(claims=[volume_claim(claim, "512Mi", "local")])
    (line,) = refusals(cluster)
    assert line.startswith(f"vaultmesh:settings.{key}.storage (Pulumi.")
    assert f"is more than the 512Mi of the volume claim {claim}." in line
    assert "Write 512Mi: the StorageClass local has no `allowVolumeExpansion`." in line


def test_a_volume_that_can_grow_is_grown_first() -> None:
    cluster = FakeCluster(
        classes=[storage_class("local", expands=True)],
        claims=[volume_claim("data-prometheus-server-0", "1Gi", "local")],
    )
    (line,) = refusals(cluster)
    assert "Grow the claim first" in line


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("data-prometheus-server-0", "2Gi"),
        ("data-prometheus-server-0", "2048Mi"),
        ("data-prometheus-server-0", "2147483648"),
        ("data-prometheus-server-0", "3G"),
        ("data-prometheus-server-2", "1Gi"),
        ("data-another", "1Mi"),
    ],
)
def test_volumes_that_are_large_enough_or_not_used_are_accepted(name: str, size: str) -> None:
    cluster = FakeCluster(claims=[volume_claim(name, size, "local")])
    assert run_values(settings(), cluster=cluster).resources


def test_only_a_context_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, ...]] = []

    def read(kubectl: Kubectl, path: str) -> bytes:
        asked.append(kubectl.options)
        return FakeCluster().read(path)

    from stacks.preconditions import check_cluster
    from tests.support.refusals import read_configuration

    monkeypatch.setattr("kubectl.Kubectl.read", read)
    for stack in ("local", "staging"):
        configuration = read_configuration(stack_values(stack))
        check_cluster(configuration.settings, configuration.problems)
    assert not asked
    configuration = read_configuration(stack_values("node"))
    check_cluster(configuration.settings, configuration.problems)
    assert set(asked) == {("--context", "vaultmesh-node")}
