"""Value types that components and a stack's settings share."""

import ipaddress
import re
from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

from promql.durations import parse_duration
from quantities import amount


class Value(BaseModel):
    """A group of values: immutable, and without unknown keys.

    Python code uses the fields' own names, settings use camelCase. Validate settings with
    `by_name=False`, so that they accept only the camelCase spelling.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_camel, validate_by_name=True
    )


class WrongKeysError(ValueError):
    """Keys that contradict each other. `found` maps paths below the value to messages."""

    def __init__(self, found: Mapping[str, str]) -> None:
        self.found = found
        super().__init__(" ".join(f"{key}: {text}" for key, text in found.items()))


def matching(pattern: str, kind: str, example: str) -> AfterValidator:
    """A validator: the whole text must match `pattern`. The message uses `kind` and `example`."""

    def check(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(f"`{text}` is not {kind}. Write one such as {example}.")
        return text

    return AfterValidator(check)


def _filled(entries: tuple[str, ...]) -> tuple[str, ...]:
    if not entries:
        raise ValueError(EMPTY)
    return entries


def _narrow_network(network: str) -> str:
    if ipaddress.ip_network(network).prefixlen < 8:
        raise ValueError(f"{network} is too wide. Name the networks that you mean.")
    return network


def _nonzero_duration(text: str) -> str:
    if parse_duration(text) == 0:
        raise ValueError(f"`{text}` is zero. Write a duration such as 30s or 15d.")
    return text


EMPTY = "empty. Write at least one entry."
"""What is wrong with a list or a mapping without entries."""
NOT_EMPTY = AfterValidator(_filled)
"""A validator that sees valid entries alone: `min_length` would report invalid ones as missing."""
DNS_LABEL = r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?"
DnsLabel = Annotated[
    str, matching(DNS_LABEL, "a DNS label (lower case, digits and hyphens)", "aurora-staging")
]
ObjectName = Annotated[
    str,
    matching(
        r"[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?",
        "the name of an object (lower case, digits, hyphens and dots)",
        "registry-credentials",
    ),
]
Quantity = Annotated[
    str, matching(r"[0-9]+(\.[0-9]+)?(m|Ki|Mi|Gi|Ti)?", "a quantity", "500m, 2 or 256Mi")
]
Gibibytes = Annotated[str, matching(r"[1-9][0-9]*Gi", "a size in whole gibibytes", "50Gi")]
Text = Annotated[str, StringConstraints(min_length=1)]
DOMAIN_NAME = r"([a-z0-9]([-a-z0-9]*[a-z0-9])?\.)+[a-z]+"
DomainName = Annotated[str, matching(DOMAIN_NAME, "a domain name", "grafana.example.com")]
Region = Annotated[str, matching(r"[a-z]+(-[a-z]+)+-[0-9]", "a region of AWS", "eu-west-1")]
Port = Annotated[int, Field(ge=1024, le=65535)]
Duration = Annotated[str, AfterValidator(_nonzero_duration)]
"""A Prometheus duration above zero."""
Network = Annotated[str, AfterValidator(_narrow_network)]
"""A network in CIDR notation, /8 at the widest."""


LOG_STORAGE = "50Mi"
"""What the log of one container may take of its ephemeral storage: the kubelet keeps 5 files
(`containerLogMaxFiles`) of 10Mi (`containerLogMaxSize`), its defaults, which EKS does not change.
A pod that exceeds its limit is evicted."""


def _room_for_logs(quantity: str) -> str:
    if amount(quantity) < amount(LOG_STORAGE):
        raise ValueError(f"`{quantity}` is less than a log may take. Write {LOG_STORAGE} or more.")
    return quantity


class Resources(Value):
    """Requests and limits of a container, as Kubernetes quantities; CPU has no limit.

    `ephemeral_storage` is for the container's log, and for what it writes into an emptyDir.
    """

    cpu: Quantity = "50m"
    memory: Quantity = "128Mi"
    memory_limit: Quantity = "256Mi"
    ephemeral_storage: Annotated[Quantity, AfterValidator(_room_for_logs)] = "64Mi"
