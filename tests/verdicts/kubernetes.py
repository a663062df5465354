"""The values on which we and Kubernetes must agree, and those that we refuse on purpose."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace

from components.cron_job import Schedule
from tests.support.manifests import setting
from tests.support.settings_strategies import refusal_by
from tests.support.verdicts import Kind, OnPurpose

CORES = setting("CPU of a workload", "1037m")
MEMORY = setting("memory of a workload", "1037Mi", "2037Mi")
MEMORY_LIMIT = setting("memory limit", "2037Mi")
EPHEMERAL_STORAGE = setting("ephemeral storage", "3037Mi")
SCRATCH = setting("scratch", "61Mi")
QUANTITIES = (
    CORES,
    MEMORY,
    setting("memory request", "1037Mi"),
    MEMORY_LIMIT,
    EPHEMERAL_STORAGE,
    SCRATCH,
    setting("storage", "7037Gi"),
    setting("CPU of the quota", "4037"),
    setting("memory of the quota", "5037Gi"),
    setting("memory limit of the quota", "6037Gi"),
)
SCHEDULES = replace(setting("schedule", "37 4 5 6 *"), refusal=refusal_by(Schedule))
NAMESPACE = setting("namespace", "marknamespace")
WORKLOAD = setting("workload", "markworkload")
CRON_JOB = setting("cron job", "markjob")
OBJECT_NAMES = (
    setting("StorageClass", "markclass"),
    setting("PriorityClass", "markpriority"),
    setting("pull secret", "markpull"),
)
NAMES = (NAMESPACE, WORKLOAD, CRON_JOB, *OBJECT_NAMES)
LABELS = (
    setting("label of a node", "marknode"),
    setting("value of a label", "markvalue"),
    setting("taint", "marktaint"),
    setting("value of a taint", "markeffect"),
)
IMAGES = setting("image", "mark.example.com/mark:1")
NETWORKS = setting("network", "10.37.0.0/16")
FILES = setting("file of a secret", "markfile")
VARIABLES = setting("variable", "MARKVARIABLE")
VERSIONS = setting("version of Pod Security", "v1.137")


OBJECTS = Kind(
    name="object of a stack",
    server="kubernetes",
    question=lambda text: {"kind": "objects", "objects": [json.loads(text)]},
    refusal=lambda text: None,
)


def _refused(kinds: Iterable[Kind], says: str, because: str, example: str) -> Iterator[OnPurpose]:
    for kind in kinds:
        yield OnPurpose(kind=kind, says=says, because=because, example=example)


_REQUESTS = tuple(kind for kind in QUANTITIES if kind is not MEMORY_LIMIT)
"""A limit below the request is refused for that."""
_SIZES = tuple(kind for kind in _REQUESTS if "CPU" not in kind.name)
ON_PURPOSE = (
    *_refused(
        (kind for kind in QUANTITIES if kind.name != "memory request"),
        "is too large to count",
        "The kubelet counts in 64 bits, and reads another number.",
        "10E",
    ),
    *_refused(
        (kind for kind in _REQUESTS if kind.name != "storage"),
        "has no number",
        "Kubernetes takes a unit alone for zero.",
        "M",
    ),
    *_refused(
        _SIZES,
        "is hardly a size in bytes",
        "A thousandth of a byte is a slip: the API server warns of it, and the kubelet rounds up.",
        "512m",
    ),
    *_refused(
        (MEMORY,),
        "is too little for any program",
        "The container would be killed before its program starts.",
        "512Ki",
    ),
    *_refused(
        (EPHEMERAL_STORAGE,),
        "is less than a log may take",
        "The kubelet would evict the pod for its log.",
        "49Mi",
    ),
    *_refused(
        (SCRATCH,),
        "has no room for",
        "The kubelet would evict the pod before its folder is full.",
        "3Gi",
    ),
    *_refused(
        (EPHEMERAL_STORAGE,),
        "has no room for",
        "The kubelet would evict the pod before its folder is full.",
        "99Mi",
    ),
    *_refused(
        (SCHEDULES,),
        "so it would never run",
        "Kubernetes takes a day that no month has, and never starts a run.",
        "0 0 31 2 *",
    ),
    *_refused(
        (NAMESPACE,),
        "is reserved for Kubernetes itself",
        "A quota and policies would break what runs there, and `destroy` would delete it.",
        "kube-public",
    ),
    *_refused(
        (WORKLOAD, CRON_JOB),
        "is reserved for the platform itself",
        "Something of the platform has the name already.",
        "grafana",
    ),
    *_refused(
        OBJECT_NAMES,
        "is not the name of an object",
        "Nothing can have such a name, so nothing would be found. Without a name, remove the key.",
        "",
    ),
    *_refused(
        (IMAGES,),
        "is not an image with a tag or digest",
        "Without them, it would be whatever is newest.",
        "registry.example.com/services",
    ),
    *_refused((NETWORKS,), "is too wide", "It would open most of the internet.", "10.0.0.0/7"),
    *_refused(
        (NETWORKS,),
        "is an address inside a network",
        "The server warns that it may mean the address or the network.",
        "10.0.0.1/8",
    ),
    *_refused(
        (NETWORKS,),
        "has a leading zero",
        "Kubernetes reads it as decimal, and other programs as octal.",
        "010.0.0.0/8",
    ),
    *_refused(
        (VARIABLES,),
        "is computed from other settings",
        "The platform sets it.",
        "PORT",
    ),
    *_refused(
        (VERSIONS,),
        "is not a version of Kubernetes",
        "The level would change with an upgrade of the cluster.",
        "latest",
    ),
)
