"""The StorageClass of a stack: encrypted gp3 volumes that can grow, under a name of its own."""

from typing import Any

import pytest

from tests.support.recording import Recording, run_values
from tests.support.refusals import changed_stack, refusals

KEY = "arn:aws:kms:eu-west-1:000000000000:key/ID"


def with_volumes(stack: str = "node", **volumes: str) -> dict[str, Any]:
    """A stack's configuration that switches the StorageClass on."""
    return changed_stack(stack, storageClass=None, ebsVolumes=volumes)


def storage_class(platform: Recording) -> dict[str, Any]:
    (found,) = platform.all("StorageClass")
    return found


def test_the_class_makes_encrypted_gp3_volumes_where_the_pod_runs_and_lets_them_grow() -> None:
    found = storage_class(run_values(with_volumes()))
    assert found["provisioner"] == "ebs.csi.aws.com"
    assert found["parameters"] == {"type": "gp3", "encrypted": "true"}
    assert found["volumeBindingMode"] == "WaitForFirstConsumer"
    assert found["allowVolumeExpansion"] is True
    assert found["reclaimPolicy"] == "Retain"


def test_policy_driver_and_key_follow_the_settings() -> None:
    given = {"driver": "ebs.csi.eks.amazonaws.com", "reclaimPolicy": "Delete", "kmsKey": KEY}
    found = storage_class(run_values(with_volumes(**given)))
    assert found["provisioner"] == given["driver"]
    assert found["reclaimPolicy"] == "Delete"
    assert found["parameters"]["kmsKeyId"] == KEY


def test_volumes_are_of_the_class_whose_name_no_other_stack_of_the_cluster_has(
    recordings: dict[str, Recording],
) -> None:
    names: list[str] = []
    for platform in recordings.values():
        for made in platform.all("StorageClass"):
            names.append(made["metadata"]["name"])
            for owner in platform.all("StatefulSet"):
                (claim,) = owner["spec"]["volumeClaimTemplates"]
                assert claim["spec"]["storageClassName"] == names[-1]
    assert len(names) == len(set(names)) >= 2, "staging and production"


def test_a_class_that_somebody_else_makes_is_only_named() -> None:
    platform = run_values(changed_stack(storageClass="local"))
    assert platform.all("StorageClass") == []
    (claim,) = platform.one("StatefulSet", "alertmanager")["spec"]["volumeClaimTemplates"]
    assert claim["spec"]["storageClassName"] == "local"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (changed_stack("staging", storageClass="gp3"), "settings.storageClass (Pulumi."),
        (with_volumes(kmsKey="alias/mine"), "ebsVolumes.kmsKey (Pulumi."),
        (
            with_volumes("production", reclaimPolicy="Delete"),
            "ebsVolumes.reclaimPolicy (Pulumi.",
        ),
    ],
)
def test_contradictions_are_refused(values: dict[str, Any], expected: str) -> None:
    (line,) = refusals(values)
    assert line.startswith("vaultmesh:") and expected in line
