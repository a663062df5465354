"""Checks kubectl calls: their flags, and that the objects that they name exist in a stack."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.support.recording import Recording

NAME = "app.kubernetes.io/name="
SERVICE_NAME = "kubernetes.io/service-name="

# The flags of each verb that the pages may use, as kubectl 1.32 lists them, and whether the flag
# takes a value. `exec` is missing: the images have no shell and no tools.
_SHORT = {
    "-n": "--namespace",
    "-l": "--selector",
    "-o": "--output",
    "-c": "--container",
    "-p": "--previous",
}
_SELECTING = {"--namespace": True, "--selector": True}
_FLAGS: Mapping[str, Mapping[str, bool]] = {
    "get": _SELECTING
    | {"--output": True, "--sort-by": True, "--field-selector": True, "--label-columns": True}
    | {"--show-managed-fields": False, "--no-headers": False, "--show-labels": False},
    "describe": _SELECTING | {"--show-events": False},
    "logs": _SELECTING
    | {"--container": True, "--since": True, "--tail": True, "--limit-bytes": True}
    | {"--all-pods": False, "--all-containers": False, "--previous": False}
    | {"--prefix": False, "--timestamps": False},
    "port-forward": {"--namespace": True},
    "rollout restart": _SELECTING,
    "rollout status": _SELECTING | {"--timeout": True, "--watch": False},
    "rollout undo": _SELECTING | {"--to-revision": True},
    "rollout history": _SELECTING | {"--revision": True},
}
# The cluster creates these, so their names are unknown; a pod's name begins with its workload's.
_MADE = {"pod", "event", "replicaset", "endpointslice", "job", "persistentvolumeclaim", "node"}
_DECLARED = (
    *("Deployment", "StatefulSet", "Service", "ConfigMap", "Secret", "NetworkPolicy", "CronJob"),
    *("ServiceAccount", "ResourceQuota", "Role", "RoleBinding", "PodDisruptionBudget"),
)


class CallError(Exception):
    """kubectl would refuse the call, or it does not belong in a runbook."""


@dataclass(frozen=True)
class Call:
    """One call: verb, positional arguments, and flags by their long names."""

    verb: str
    arguments: tuple[str, ...]
    flags: Mapping[str, str]


def parse(words: Sequence[str]) -> Call:
    """Parse the arguments of one kubectl call. Raises CallError."""
    flags: dict[str, str] = {}
    plain: list[str] = []
    known = {flag: value for flags in _FLAGS.values() for flag, value in flags.items()}
    waiting = list(words)
    while waiting:
        word = waiting.pop(0)
        if not word.startswith("-"):
            plain.append(word)
            continue
        flag, given, value = word.partition("=")
        flag = _SHORT.get(flag, flag)
        if known.get(flag) and not given:
            if not waiting:
                raise CallError(f"flag needs an argument: {flag}")
            value = waiting.pop(0)
        flags[flag] = value or "true"
    size = 2 if plain[:1] == ["rollout"] else 1
    verb, arguments = " ".join(plain[:size]), tuple(plain[size:])
    if verb not in _FLAGS:
        raise CallError(f"`kubectl {verb}` does not belong in a runbook")
    for flag in flags:
        if flag not in _FLAGS[verb]:
            raise CallError(f"unknown flag: {flag} of kubectl {verb}")
    if not arguments and not (verb == "logs" and "--selector" in flags):
        raise CallError(f"kubectl {verb} names no object")
    return Call(verb, arguments, flags)


def call_problems(call: Call, stack: Recording, namespace: str) -> Iterator[str]:
    """Report a missing namespace, and every object, container and port that the stack lacks."""
    if call.flags.get("--namespace") != namespace:
        yield f'kubectl {call.verb} without -n "$NAMESPACE"'
    yield from _selector_problems(call.flags.get("--selector", ""), stack)
    arguments = list(call.arguments)
    if not arguments:
        return
    ports = [arguments.pop()] if call.verb == "port-forward" and len(arguments) > 1 else []
    kind, slash, name = arguments[0].partition("/")
    if not slash and call.verb == "logs":
        kind, name = "pod", kind
    names = [name, *arguments[1:]] if slash or call.verb == "logs" else arguments[1:]
    declared = _declared(kind)
    if declared is None and _singular(kind) not in _MADE:
        yield f"there is no kind {kind}"
    for name in names:
        if declared and name not in [found["metadata"]["name"] for found in stack.all(declared)]:
            yield f"there is no {kind} {name}"
        elif _singular(kind) == "pod" and not _workload(name, stack):
            yield f"there is no pod {name}"
        else:
            yield from _inner_problems(call, _singular(kind), name, ports, stack)


def _inner_problems(
    call: Call, kind: str, name: str, ports: Sequence[str], stack: Recording
) -> Iterator[str]:
    template = dict(stack.pods()).get((_workload(name, stack) or "") if kind == "pod" else name)
    containers: list[dict[str, Any]] = template["spec"]["containers"] if template else []
    container = call.flags.get("--container")
    if container and container not in [found["name"] for found in containers]:
        yield f"there is no container {container} in {kind} {name}"
    if call.verb != "port-forward":
        return
    if kind == "service":
        open_ports = [int(port["port"]) for port in stack.one("Service", name)["spec"]["ports"]]
    else:
        open_ports = [int(at["containerPort"]) for c in containers for at in c.get("ports", [])]
    for _, _, port in (pair.partition(":") for pair in ports):
        if port not in map(str, open_ports):
            yield f"{kind} {name} has no port {port}, but {open_ports}"


def _selector_problems(selector: str, stack: Recording) -> Iterator[str]:
    services = [found["metadata"]["name"] for found in stack.all("Service")]
    workloads = [name for name, _ in (*stack.pods(), *stack.tasks())]
    for key, known in ((SERVICE_NAME, services), (NAME, workloads)):
        if selector.startswith(key) and selector.removeprefix(key) not in known:
            yield f"there is nothing with the label {selector}"


def _workload(pod: str, stack: Recording) -> str | None:
    """The workload of a pod: the longest workload name that the pod's name begins with."""
    names = [name for name, _ in stack.pods() if pod.startswith(f"{name}-")]
    return max(names, key=len, default=None)


def _declared(kind: str) -> str | None:
    return next((name for name in _DECLARED if name.lower() == _singular(kind)), None)


def _singular(kind: str) -> str:
    word = kind.lower().partition(".")[0]
    if word.endswith("ies"):
        return f"{word[:-3]}y"
    return word.removesuffix("s")
