"""Volumes that are not, or can't become, what the settings say are refused at preview."""

import pytest

from tests.support.cluster import FakeCluster, stateful_set, storage_class, volume_claim
from tests.support.recording import run_values, stack_values
from tests.support.refusals import changed_stack, cluster_refusals


def test_a_missing_storage_class_is_reported_with_those_that_exist() -> None:
    values = changed_stack(storageClass="local")
    cluster = FakeCluster(classes=[storage_class("gp2"), storage_class("locale")])
    (line,) = cluster_refusals(cluster, values)
    assert line.startswith("vaultmesh:settings.storageClass (Pulumi.")
    assert "no StorageClass `local`. It has gp2, locale. Did you mean `locale`?" in line
    (line,) = cluster_refusals(FakeCluster(classes=[]), values)
    assert "no StorageClass `local`. It has none. Write one that exists, or create it." in line


def test_no_storage_class_needs_a_default_one() -> None:
    values = changed_stack()
    (line,) = cluster_refusals(FakeCluster(classes=[storage_class("local")]), values)
    assert line.startswith("vaultmesh:settings.storageClass (Pulumi.")
    assert "missing, and the cluster has no default StorageClass. It has local. Set one." in line
    default = FakeCluster(classes=[storage_class("gp2", default=True)])
    assert run_values(values, cluster=default).resources


@pytest.mark.parametrize(
    ("claim", "key"),
    [("data-prometheus-server-1", "prometheus"), ("data-alertmanager-0", "alertmanager")],
)
def test_a_volume_that_can_not_grow_to_the_size_in_the_settings_is_refused(
    claim: str, key: str
) -> None:
    cluster = FakeCluster(claims=[volume_claim(claim, "512Mi", "local")])
    (line,) = cluster_refusals(cluster)
    assert line.startswith(f"vaultmesh:settings.{key}.storage (Pulumi.")
    assert f"is more than the 512Mi of the volume claim {claim}." in line
    assert "Write 512Mi: the StorageClass local has no `allowVolumeExpansion`." in line


def test_a_volume_that_can_grow_is_grown_first() -> None:
    cluster = FakeCluster(
        classes=[storage_class("local", expands=True, default=True)],
        claims=[volume_claim("data-prometheus-server-0", "1Gi", "local")],
    )
    (line,) = cluster_refusals(cluster)
    assert "Grow the claim first" in line


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("data-prometheus-server-0", "3Gi"),
        ("data-prometheus-server-0", "3072Mi"),
        ("data-prometheus-server-0", "3221225472"),
        ("data-prometheus-server-0", "4G"),
        ("data-prometheus-server-2", "1Gi"),
        ("data-another", "1Mi"),
    ],
)
def test_volumes_that_are_large_enough_or_not_used_are_accepted(name: str, size: str) -> None:
    cluster = FakeCluster(claims=[volume_claim(name, size, "local")])
    assert run_values(changed_stack(), cluster=cluster).resources


def test_a_volume_that_has_not_grown_to_its_claim_is_not_counted_on() -> None:
    claim = volume_claim("data-prometheus-server-0", "3Gi", "local", there="1Gi")
    (line,) = cluster_refusals(FakeCluster(claims=[claim]))
    assert line.startswith("vaultmesh:settings.prometheus.storage (Pulumi.")
    assert "has 1Gi and has not grown to 3Gi yet. Wait, or write 1Gi." in line
    grown = volume_claim("data-prometheus-server-0", "3Gi", "local", there="3Gi")
    assert run_values(changed_stack(), cluster=FakeCluster(claims=[grown])).resources


@pytest.mark.parametrize(
    ("changed", "place", "difference"),
    [
        (
            stateful_set("prometheus-server", "1Gi", "local"),
            "prometheus.storage",
            "prometheus-server is for volumes of 1Gi,",
        ),
        (
            stateful_set("alertmanager", "1Gi", "slow"),
            "storageClass",
            "alertmanager is for volumes of the StorageClass slow,",
        ),
    ],
)
def test_preview_refuses_what_would_replace_a_stateful_set_and_up_does_it(
    changed: dict[str, object], place: str, difference: str
) -> None:
    cluster = FakeCluster(stateful_sets=[changed])
    (line,) = cluster_refusals(cluster, preview=True)
    assert line.startswith(f"vaultmesh:settings.{place} (Pulumi.")
    assert f"the StatefulSet {difference} and Kubernetes can't change that." in line
    assert '"Grow a volume" in docs/how-to.md' in line
    assert run_values(changed_stack(), cluster=cluster).resources


def test_preview_accepts_the_stateful_sets_that_the_program_makes() -> None:
    sets = run_values(changed_stack()).all("StatefulSet")
    broken = FakeCluster(stateful_sets=sets, version="v1.0.0")
    (line,) = cluster_refusals(broken, preview=True)
    assert "podSecurityVersion" in line


@pytest.mark.parametrize(
    ("policy", "expands", "flaw"),
    [("Delete", True, "deletes a volume with its claim"), ("Retain", False, "can't grow")],
)
def test_production_needs_a_class_that_keeps_volumes_and_lets_them_grow(
    policy: str, expands: bool, flaw: str
) -> None:
    classes = [storage_class("gp3", policy=policy, expands=expands, default=True)]
    production = changed_stack("production", ebsVolumes=None)
    named = changed_stack("production", ebsVolumes=None, storageClass="gp3")
    for values in (production, named):
        (line,) = cluster_refusals(FakeCluster(classes=classes), values)
        assert f"the StorageClass gp3 has volumes that {flaw}" in line or (
            f"the StorageClass gp3 {flaw}, and the stack is production" in line
        )
    staging = changed_stack("staging", ebsVolumes=None, storageClass="gp3")
    assert run_values(staging, cluster=FakeCluster(classes=classes)).resources


def test_production_accepts_a_class_of_somebody_else_that_keeps_its_volumes() -> None:
    classes = [storage_class("gp3", policy="Retain", expands=True)]
    values = changed_stack("production", ebsVolumes=None, storageClass="gp3")
    assert run_values(values, cluster=FakeCluster(classes=classes)).resources


def test_volumes_of_ebs_need_its_driver() -> None:
    (line,) = cluster_refusals(FakeCluster(drivers=[]), stack_values("staging"))
    assert line.startswith("vaultmesh:settings.ebsVolumes (Pulumi.")
    assert "no CSI driver ebs.csi.aws.com. Install the EKS add-on aws-ebs-csi-driver." in line
    auto = changed_stack("staging", ebsVolumes={"driver": "ebs.csi.eks.amazonaws.com"})
    assert run_values(auto, cluster=FakeCluster(drivers=[])).resources
