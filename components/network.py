"""NetworkPolicies: one for all allowed connections from one workload to another.

Inside the namespace, policies restrict ingress: each edge opens one port of its target to its
source only. Egress to other pods of the namespace and to port 53 is open to all pods; every other
destination needs a `Departure`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi import ResourceOptions
from pulumi_kubernetes.meta import v1 as meta
from pulumi_kubernetes.networking import v1 as networking

from components.pods import selector

DNS_PORT = 53
HTTPS_PORT = 443
ALL_PODS, CLIENTS = "pods", "clients"
"""What policies that are not about one pod's connections call their source."""


@dataclass(frozen=True, kw_only=True)
class Edge:
    """Pods called `source` may reach `port` of the pods called `target`."""

    source: str
    target: str
    port: int
    protocols: tuple[str, ...] = ("TCP",)


@dataclass(frozen=True, kw_only=True)
class Departure:
    """Pods called `source` may connect to `destination`, outside the namespace.

    `networks` are its addresses in CIDR notation. Without any, they change, and the policy allows
    `ports` of any address.
    """

    source: str
    destination: str
    ports: tuple[int, ...] = (HTTPS_PORT,)
    networks: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """Clients in `source_ranges` (CIDR) may reach `port` of the pods called `target`."""

    target: str
    port: int
    source_ranges: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class NetworkArgs:
    """The allowed connections; all others are denied."""

    namespace: pulumi.Input[str]
    edges: Sequence[Edge]
    departures: Sequence[Departure]
    arrivals: Sequence[Arrival]


class Network(pulumi.ComponentResource):
    """Exceptions to the namespace's default-deny policy."""

    def __init__(self, args: NetworkArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("vaultmesh:observability:Network", "network", None, opts)
        child = ResourceOptions(parent=self)
        specs = {
            # Any address: NodeLocal DNSCache and EKS Auto Mode answer on the node, not in pods, and
            # no policy can select a node.
            f"{ALL_PODS}-to-dns": _egress({}, _ports([DNS_PORT], ("UDP", "TCP"))),
            f"{ALL_PODS}-to-pods": networking.NetworkPolicySpecArgs(
                pod_selector=meta.LabelSelectorArgs(),
                policy_types=["Egress"],
                egress=[networking.NetworkPolicyEgressRuleArgs(to=[_pods({})])],
            ),
        }
        opened: dict[tuple[str, str], list[networking.NetworkPolicyPortArgs]] = {}
        for edge in args.edges:
            ports = opened.setdefault((edge.source, edge.target), [])
            ports += _ports([edge.port], edge.protocols)
        for (source, target), ports in opened.items():
            specs[policy_name(source, target)] = _ingress(target, [_pods(selector(source))], ports)
        for departure in args.departures:
            specs[policy_name(departure.source, departure.destination)] = _egress(
                selector(departure.source),
                _ports(departure.ports, ("TCP",)),
                _networks(departure.networks) or None,
            )
        for arrival in args.arrivals:
            specs[f"{CLIENTS}-to-{arrival.target}"] = _ingress(
                arrival.target, _networks(arrival.source_ranges), _ports([arrival.port], ("TCP",))
            )
        for name, spec in specs.items():
            networking.NetworkPolicy(
                name,
                metadata=meta.ObjectMetaArgs(name=name, namespace=args.namespace),
                spec=spec,
                opts=child,
            )
        self.register_outputs({})


def policy_name(source: str, target: str) -> str:
    """The name of the policy for connections from `source` to `target`; no other pair has it."""
    name = f"{source}-to-{target}"
    # "a-to-to-b" could be from a or from a-to, and pods and clients have policies of their own.
    # Neither name contains a dot.
    if len(re.findall("(?=-to-)", name)) > 1 or source in (ALL_PODS, CLIENTS):
        return f"{source}.to.{target}"
    return name


def _pods(match_labels: dict[str, str]) -> networking.NetworkPolicyPeerArgs:
    return networking.NetworkPolicyPeerArgs(
        pod_selector=meta.LabelSelectorArgs(match_labels=match_labels)
    )


def _networks(ranges: Sequence[str]) -> list[networking.NetworkPolicyPeerArgs]:
    return [
        networking.NetworkPolicyPeerArgs(ip_block=networking.IPBlockArgs(cidr=cidr))
        for cidr in ranges
    ]


def _ports(
    numbers: Sequence[int], protocols: Sequence[str]
) -> list[networking.NetworkPolicyPortArgs]:
    return [
        networking.NetworkPolicyPortArgs(port=number, protocol=protocol)
        for number in numbers
        for protocol in protocols
    ]


def _ingress(
    target: str,
    origins: list[networking.NetworkPolicyPeerArgs],
    ports: list[networking.NetworkPolicyPortArgs],
) -> networking.NetworkPolicySpecArgs:
    return networking.NetworkPolicySpecArgs(
        pod_selector=meta.LabelSelectorArgs(match_labels=selector(target)),
        policy_types=["Ingress"],
        ingress=[networking.NetworkPolicyIngressRuleArgs(from_=origins, ports=ports)],
    )


def _egress(
    source: dict[str, str],
    ports: list[networking.NetworkPolicyPortArgs],
    destinations: list[networking.NetworkPolicyPeerArgs] | None = None,
) -> networking.NetworkPolicySpecArgs:
    """Pods with the labels `source` may connect to these ports; without destinations, anywhere."""
    return networking.NetworkPolicySpecArgs(
        pod_selector=meta.LabelSelectorArgs(match_labels=source),
        policy_types=["Egress"],
        egress=[networking.NetworkPolicyEgressRuleArgs(to=destinations, ports=ports)],
    )
