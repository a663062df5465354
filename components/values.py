"""The kinds of value that settings are made of."""

import ipaddress
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from promql.durations import parse_duration

DnsLabel = Annotated[str, StringConstraints(pattern=r"^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$")]
Quantity = Annotated[str, StringConstraints(pattern=r"^[0-9]+(\.[0-9]+)?(m|Ki|Mi|Gi|Ti)?$")]
Gibibytes = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]*Gi$")]
Text = Annotated[str, StringConstraints(min_length=1)]
DomainName = Annotated[
    str, StringConstraints(pattern=r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?\.)+[a-z]+$")
]
Image = Annotated[
    str,
    StringConstraints(
        pattern=r"^[a-z0-9][a-z0-9._/-]*(:\d+/[a-z0-9._/-]+)?"
        r"(:[\w][\w.-]*|@sha256:[0-9a-f]{64}|:[\w][\w.-]*@sha256:[0-9a-f]{64})$"
    ),
]
Schedule = Annotated[str, StringConstraints(pattern=r"^(\S+ ){4}\S+$")]
Port = Annotated[int, Field(ge=1024, le=65535)]
HttpsUrl = Annotated[str, StringConstraints(pattern=r"^https://[^\s/]+(/\S*[^\s/])?$")]


def _narrow(network: str) -> str:
    """An IP network no wider than a /8; ValueError otherwise."""
    if ipaddress.ip_network(network).prefixlen < 8:
        raise ValueError(f"{network} is too wide; name the networks that are meant")
    return network


def _period(text: str) -> str:
    """A Prometheus duration that is longer than nothing; ValueError otherwise."""
    if parse_duration(text) == 0:
        raise ValueError("a period of 0 keeps nothing; write one such as 15d")
    return text


RESERVED = frozenset(
    {
        "alertmanager",
        "blackbox-exporter",
        "grafana",
        "heartbeat",
        "kube-state-metrics",
        "kubernetes-api",
        "pagerduty",
        "prometheus-server",
        "slack",
        "webhook",
    }
)
"""Names that objects and edges of the platform itself have."""


def _own(name: str) -> str:
    """A name that is not the platform's; ValueError otherwise."""
    if name in RESERVED:
        raise ValueError(f"{name} is a part of the platform itself; choose another name")
    return name


WATCHDOG_TIMEOUT = "HARBINGER_WATCHDOG_TIMEOUT_SECONDS"
"""The variable by which harbinger knows how long the heartbeat may stay away."""


def _free(name: str) -> str:
    """A variable that the program does not set itself; ValueError otherwise."""
    if name in ("HOST", "PORT", "POD_NAME", WATCHDOG_TIMEOUT):
        raise ValueError(f"{name} follows from the other settings; remove it")
    return name


VariableName = Annotated[
    str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]*$"), AfterValidator(_free)
]
Duration = Annotated[str, AfterValidator(_period)]
Network = Annotated[str, AfterValidator(_narrow)]
WorkloadName = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z]([-a-z0-9]{0,52}[a-z0-9])?$"),
    AfterValidator(_own),
]
"""A DNS label with room for the suffix of its headless Service."""
