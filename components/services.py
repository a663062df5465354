"""The Services in front of the pods: one address for all of them, or one for each."""

from collections.abc import Mapping

import pulumi
from pulumi_kubernetes.core import v1 as core
from pulumi_kubernetes.meta import v1 as meta

from components.pods import HTTP, labels, metadata, selector


def cluster_ip(
    name: str, namespace: pulumi.Input[str], port: int, opts: pulumi.ResourceOptions
) -> core.Service:
    """One address in the cluster for the pods called `name`: `port` leads to their HTTP port."""
    return core.Service(
        name,
        metadata=metadata(name, namespace),
        spec=core.ServiceSpecArgs(
            type="ClusterIP",
            selector=selector(name),
            ports=[core.ServicePortArgs(name=HTTP, port=port, target_port=HTTP)],
        ),
        opts=opts,
    )


def headless(
    name: str, namespace: pulumi.Input[str], ports: Mapping[str, int], opts: pulumi.ResourceOptions
) -> core.Service:
    """A DNS name for each pod called `name`, ready or not, so that peers find each other at start.

    `ports` maps the name of a TCP port to its number.
    """
    full_name = headless_name(name)
    return core.Service(
        full_name,
        metadata=meta.ObjectMetaArgs(name=full_name, namespace=namespace, labels=labels(name)),
        spec=core.ServiceSpecArgs(
            type="ClusterIP",
            cluster_ip="None",
            publish_not_ready_addresses=True,
            selector=selector(name),
            ports=[
                core.ServicePortArgs(name=port_name, port=port, target_port=port_name)
                for port_name, port in ports.items()
            ],
        ),
        opts=opts,
    )


def headless_name(name: str) -> str:
    """Name of the headless Service of the pods called `name`."""
    return f"{name}-headless"
