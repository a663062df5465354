"""Every pod runs on nodes for which there are images, and follows the settings under `pods`."""

from typing import Any

import pytest

from stacks.settings.layers import merged
from tests.support.recording import run_values, stack_values
from tests.support.refusals import refusals


def with_pods(**pods: Any) -> dict[str, Any]:
    """Staging's configuration with these settings for all pods."""
    values = stack_values("staging")
    values["vaultmesh:settings"] = merged(values["vaultmesh:settings"], {"pods": pods})
    return values


def pod_specs(values: dict[str, Any]) -> list[dict[str, Any]]:
    """The specification of every pod of the servers, workloads and cron jobs."""
    platform = run_values(values)
    return [template["spec"] for _, template in (*platform.pods(), *platform.tasks())]


def architectures(spec: dict[str, Any]) -> list[str]:
    """The architectures of the nodes that may run a pod."""
    required = spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    [term] = required["nodeSelectorTerms"]
    [expression] = term["matchExpressions"]
    assert (expression["key"], expression["operator"]) == ("kubernetes.io/arch", "In")
    return expression["values"]


def test_pods_run_on_linux_of_both_architectures_by_default(platform: Any) -> None:
    for name, template in (*platform.pods(), *platform.tasks()):
        assert template["spec"]["nodeSelector"] == {"kubernetes.io/os": "linux"}, name
        assert architectures(template["spec"]) == ["amd64", "arm64"], name


def test_all_pods_follow_the_settings() -> None:
    specs = pod_specs(
        with_pods(
            architectures=["arm64"],
            nodeSelector={"karpenter.sh/nodepool": "observability"},
            tolerations=[
                {"key": "dedicated", "value": "observability", "effect": "NoSchedule"},
                {"key": "spot"},
            ],
            priorityClass="observability",
            pullSecrets=["registry", "mirror.example"],
        )
    )
    assert len(specs) == 11
    for spec in specs:
        assert architectures(spec) == ["arm64"]
        assert spec["nodeSelector"] == {
            "kubernetes.io/os": "linux",
            "karpenter.sh/nodepool": "observability",
        }
        assert spec["tolerations"] == [
            {
                "key": "dedicated",
                "operator": "Equal",
                "value": "observability",
                "effect": "NoSchedule",
            },
            {"key": "spot", "operator": "Exists"},
        ]
        assert spec["priorityClassName"] == "observability"
        assert spec["imagePullSecrets"] == [{"name": "registry"}, {"name": "mirror.example"}]


def test_a_label_or_taint_may_have_an_empty_value() -> None:
    infra = {"node-role.kubernetes.io/infra": ""}
    tolerations = [{"key": "spot", "value": ""}, {"key": "dedicated"}]
    for spec in pod_specs(with_pods(nodeSelector=infra, tolerations=tolerations)):
        assert spec["nodeSelector"]["node-role.kubernetes.io/infra"] == ""
        assert spec["tolerations"] == [
            {"key": "spot", "operator": "Equal", "value": ""},
            {"key": "dedicated", "operator": "Exists"},
        ]


@pytest.mark.parametrize(
    ("pods", "expected"),
    [
        ({"architectures": []}, "pods.architectures: empty. Write at least one entry."),
        ({"architectures": ["x86"]}, "pods.architectures.0: `x86` is not allowed here. Write 'amd"),
        ({"nodeSelector": {"kubernetes.io/os": "windows"}}, "os is set for all pods. Remove it"),
        ({"nodeSelector": {"spot!": "a"}}, "`spot!` is not the key of a label. Write one such as"),
        ({"nodeSelector": {"spot": "a b"}}, "spot: `a b` is not the value of a label. Write one"),
        ({"tolerations": [{"key": "spot", "effect": "Never"}]}, "0.effect: `Never` is not allowed"),
        ({"priorityClass": "High"}, "pods.priorityClass: `High` is not the name of an object"),
        ({"pullSecrets": "registry"}, "pods.pullSecrets: `registry` is not a list. Write [a, b]."),
        ({"pullSecrets": ["a", "b", "a"]}, "pods.pullSecrets: `a` is there twice. Remove one."),
        ({"pullSecret": ["x"]}, "pods.pullSecret: unknown key. Did you mean `pullSecrets`?"),
    ],
)
def test_a_wrong_setting_is_named(pods: dict[str, Any], expected: str) -> None:
    (line,) = refusals(with_pods(**pods))
    place, _, text = line.partition(": ")
    assert expected in f"{place.partition(' (')[0]}: {text}"
