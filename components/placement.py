"""Where the pods of an environment run: on which nodes, and how they are pulled and preempted."""

from __future__ import annotations

from typing import Annotated, Literal

from pulumi_kubernetes.core import v1 as core
from pydantic import AfterValidator, Field

from components.values import NOT_EMPTY, SUBDOMAIN, ObjectName, Value, matching

OS_LABEL, ARCHITECTURE_LABEL = "kubernetes.io/os", "kubernetes.io/arch"
"""Labels that each kubelet gives to its node."""


def _refuse_derived(label: str) -> str:
    if label in (OS_LABEL, ARCHITECTURE_LABEL):
        raise ValueError(f"{label} is set for all pods. Remove it, and write `architectures`.")
    return label


def _refuse_repeated(names: tuple[str, ...]) -> tuple[str, ...]:
    if repeated := [name for name in names if names.count(name) > 1]:
        raise ValueError(f"`{repeated[0]}` is there twice. Remove one.")
    return names


_NAME = r"[A-Za-z0-9]([-._A-Za-z0-9]{0,61}[A-Za-z0-9])?"
_LABEL = matching(rf"({SUBDOMAIN}/)?{_NAME}", "the key of a label", "dedicated")
LabelKey = Annotated[str, _LABEL]
NodeLabel = Annotated[str, _LABEL, AfterValidator(_refuse_derived)]
LabelValue = Annotated[str, matching(f"({_NAME})?", "the value of a label", "observability")]


class Toleration(Value):
    """Lets pods run on nodes with the taint `key`; without `value` or `effect`, with any such."""

    key: LabelKey
    value: LabelValue | None = None
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None


class Placement(Value):
    """What all pods say about nodes.

    `architectures` are those for which the images are built, `node_selector` the labels that a node
    must have. The PriorityClass and the Secrets with the registries' credentials (of type
    kubernetes.io/dockerconfigjson, in the namespace) must exist.
    """

    architectures: Annotated[tuple[Literal["amd64", "arm64"], ...], NOT_EMPTY] = ("amd64", "arm64")
    node_selector: dict[NodeLabel, LabelValue] = Field(default_factory=dict)
    tolerations: tuple[Toleration, ...] = ()
    priority_class: ObjectName | None = None
    pull_secrets: Annotated[tuple[ObjectName, ...], AfterValidator(_refuse_repeated)] = ()


def affinity(placement: Placement) -> core.AffinityArgs:
    """The affinity that keeps pods away from nodes for which there is no image."""
    known = core.NodeSelectorRequirementArgs(
        key=ARCHITECTURE_LABEL, operator="In", values=list(placement.architectures)
    )
    return core.AffinityArgs(
        node_affinity=core.NodeAffinityArgs(
            required_during_scheduling_ignored_during_execution=core.NodeSelectorArgs(
                node_selector_terms=[core.NodeSelectorTermArgs(match_expressions=[known])]
            )
        )
    )


def tolerations(placement: Placement) -> list[core.TolerationArgs]:
    """The tolerations of a pod."""
    return [
        core.TolerationArgs(
            key=taint.key,
            operator="Exists" if taint.value is None else "Equal",
            value=taint.value,
            effect=taint.effect,
        )
        for taint in placement.tolerations
    ]
