"""Settings with a marker in the place of each value, and the objects in which the markers end."""

import copy
import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

from pydantic import ValidationError

from problems import Problems
from stacks.names import check_names
from stacks.settings.layers import merged
from stacks.settings.messages import explain
from stacks.settings.schema import Settings
from tests.support.recording import SECRETS, Recording, run_values, stack_values
from tests.support.verdicts import Kind

WORKLOAD = {
    "image": "mark.example.com/mark:1",
    "command": ["mark"],
    "replicas": 7,
    "scratch": "61Mi",
    "resources": {
        "cpu": "1037m",
        "memory": "1037Mi",
        "memoryLimit": "2037Mi",
        "ephemeralStorage": "3037Mi",
    },
    "environment": {"MARKVARIABLE": "x"},
    "secrets": {"markfile": "markSecret"},
}
MARKED: dict[str, Any] = {
    # No cluster is asked.
    "cluster": {"eks": None, "render": "out"},
    "namespace": "marknamespace",
    "podSecurityVersion": "v1.137",
    "ebsVolumes": None,
    "aws": None,
    "storageClass": "markclass",
    "pods": {
        "nodeSelector": {"marknode": "markvalue"},
        "tolerations": [{"key": "marktaint", "value": "markeffect"}],
        "priorityClass": "markpriority",
        "pullSecrets": ["markpull"],
    },
    "quota": {"cpu": "4037", "memory": "5037Gi", "memoryLimit": "6037Gi"},
    "prometheus": {"storage": "7037Gi"},
    "grafana": {
        "exposure": "load-balancer",
        "sourceRanges": ["10.37.0.0/16"],
        "subnetRanges": ["10.37.0.0/16"],
        "certificateArn": "arn:aws:acm:eu-west-1:000000000000:certificate/x",
        "domain": "grafana.example.com",
    },
    "workloads": {
        "markworkload": WORKLOAD,
        "another": {"command": ["x"], "calls": ["markworkload"]},
    },
    "cronJobs": {
        "markjob": {
            "command": ["x"],
            "schedule": "37 4 5 6 *",
            "deadlineSeconds": 60,
            "calls": ["markworkload"],
        }
    },
}
"""Settings of staging with a value that stands nowhere else for each that ends in an object."""


@cache
def marked_settings() -> dict[str, Any]:
    """All settings, as data."""
    return merged(stack_values("staging")["vaultmesh:settings"], MARKED)


@cache
def marked_manifests() -> tuple[dict[str, Any], ...]:
    """The objects of these settings; without ConfigMaps, whose names no setting chooses."""
    secrets = dict.fromkeys((*SECRETS, "vaultmesh:markSecret"), "made-up-secret")
    values = stack_values("staging") | {"vaultmesh:settings": marked_settings()}
    return tuple(
        one for one in manifests(run_values(values, secrets)) if one["kind"] != "ConfigMap"
    )


def manifests(platform: Recording) -> Iterator[dict[str, Any]]:
    """What the API server gets for each declared object."""
    for resource in platform.resources:
        if resource.type.startswith("kubernetes:") and resource.kind != "Provider":
            found = json.loads(json.dumps(dict(resource.inputs)), parse_float=_whole)
            version = resource.type.split(":")[1].removeprefix("core/")
            found |= {"apiVersion": version, "kind": resource.kind}
            if resource.kind == "Secret":
                found["stringData"] = found["stringData"]["value"]
            yield found


def _whole(text: str) -> int | float:
    """Mocks make floats of all numbers."""
    return int(float(text)) if float(text).is_integer() else float(text)


def replaced(value: Any, marker: str, text: str) -> Any:
    """The value with the text in the place of the marker, in keys too."""
    if isinstance(value, str):
        return value.replace(marker, text)
    if isinstance(value, list | tuple):
        return [replaced(one, marker, text) for one in value]
    if isinstance(value, Mapping):
        return {replaced(k, marker, text): replaced(v, marker, text) for k, v in value.items()}
    return value


def setting(name: str, *markers: str) -> Kind:
    """The kind of a setting: whether Kubernetes takes a text in the place of its markers."""
    marker, *others = markers

    def ask(text: str) -> dict[str, Any]:
        objects = [copy.copy(one) for one in _objects_with(marker)]
        for one in (marker, *others):
            objects = replaced(objects, one, text)
        return {"kind": "objects", "objects": objects}

    def refusal(text: str) -> str | None:
        settings = marked_settings()
        for one in (marker, *others):
            settings = replaced(settings, one, text)
        return refused_settings(settings)

    return Kind(name=name, server="kubernetes", question=ask, refusal=refusal)


@cache
def _objects_with(marker: str) -> tuple[dict[str, Any], ...]:
    found = tuple(one for one in marked_manifests() if marker in json.dumps(one))
    assert found, f"no object holds {marker}"
    return found


def refused_settings(settings: Mapping[str, Any]) -> str | None:
    """The first reason to refuse these settings; None if there is none."""
    try:
        checked = Settings.model_validate_json(json.dumps(settings), by_name=False)
    except ValidationError as error:
        reasons: Iterable[str] = (text for _, text in explain(Settings, error, file="a file"))
        return next(iter(reasons))
    problems = Problems()
    check_names(checked, problems)
    return next(iter(problems.lines()), None)
