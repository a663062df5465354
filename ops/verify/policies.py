"""The connections that a stack's NetworkPolicies allow, and whether the cluster has them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ops.manifests import NAME_LABEL, Json
from ops.verify.rows import Row, judge

TCP = "TCP"
POLICIES = "policies"


@dataclass(frozen=True, kw_only=True)
class Edge:
    """Pods called `source` may connect to the TCP port `port` of pods called `target`.

    `policy` is the NetworkPolicy that allows it.
    """

    source: str
    target: str
    port: int
    policy: str

    def __str__(self) -> str:
        return f"{self.source} -> {self.target}"


@dataclass(frozen=True, kw_only=True)
class Departure:
    """A connection that leaves or enters the namespace, as its policy is called."""

    source: str
    target: str

    def __str__(self) -> str:
        return f"{self.source} -> {self.target}"


def edges(policies: Mapping[str, Json]) -> list[Edge]:
    """Every connection between the namespace's pods."""
    return [
        Edge(
            source=source,
            target=_named(spec["podSelector"]),
            port=int(port["port"]),
            policy=name,
        )
        for name, spec in policies.items()
        for rule in spec.get("ingress") or ()
        for peer in rule.get("from") or ()
        if (source := _named(peer.get("podSelector") or {}))
        for port in rule.get("ports") or ()
        if port.get("protocol", TCP) == TCP
    ]


def departures(policies: Mapping[str, Json]) -> list[Departure]:
    """Every connection between a pod and the world outside of the namespace, but DNS."""
    return [
        Departure(source=source, target=target)
        for name, spec in policies.items()
        if _named(spec["podSelector"]) and not _comes_from_pods(spec)
        for source, _, target in [name.partition(".to." if ".to." in name else "-to-")]
    ]


def _named(selector: Json) -> str:
    """The name that a selector of pods asks for; empty if it selects all of them."""
    return (selector.get("matchLabels") or {}).get(NAME_LABEL, "")


def _comes_from_pods(spec: Json) -> bool:
    peers = [peer for rule in spec.get("ingress") or () for peer in rule.get("from") or ()]
    return any("podSelector" in peer for peer in peers)


def check_policies(wanted: Mapping[str, Json], live: Mapping[str, Json]) -> Iterator[Row]:
    """A row for each policy that the stack or the namespace has: they must be the same."""
    for name, spec in wanted.items():
        problem = None
        if name not in live:
            problem = "does not exist"
        elif _without_empty(live[name]) != _without_empty(spec):
            problem = "is not what the stack says"
        remedy = "run `pulumi refresh` and then `pulumi up`: somebody changed the cluster"
        yield judge(POLICIES, name, "as the stack says", problem, remedy)
    for name in sorted(live.keys() - wanted.keys()):
        problem = "is not the stack's; policies add up, so it may open what the stack denies"
        remedy = f"run `kubectl delete networkpolicy {name}`, or let the stack's settings allow it"
        yield judge(POLICIES, name, "", problem, remedy)


def _without_empty(value: Any) -> Any:
    """The value without null and empty parts, which the API server adds or drops."""
    if isinstance(value, Mapping):
        cleaned = {key: _without_empty(item) for key, item in value.items() if item is not None}
        return {key: item for key, item in cleaned.items() if item != []}
    if isinstance(value, list | tuple):
        return [_without_empty(item) for item in value]
    return value
