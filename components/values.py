"""Value types that components and a stack's settings share."""

import ipaddress
import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)
from pydantic.alias_generators import to_camel

from promql.durations import parse_duration
from quantities import exact


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


def _starts_a_program(command: tuple[str, ...]) -> tuple[str, ...]:
    if not command:
        raise ValueError(EMPTY)
    if not command[0]:
        raise ValueError("begins with an empty text. Write the name of the program first.")
    return command


def _narrow_network(text: str) -> str:
    address, slash, length = text.partition("/")
    if (plain := re.sub(r"(?<![0-9A-Fa-f:])0+(?=[0-9])", "", text)) != text:
        text = f"`{text}` has a leading zero, which some programs read as octal"
        raise ValueError(f"{text}. Write {plain}.")
    try:
        found = ipaddress.ip_interface(text) if re.fullmatch("0|[1-9][0-9]*", length) else None
    except ValueError:
        found = None
    if found is None or "%" in text:
        advice = f"Write {address}/{'128' if ':' in address else '32'} for one address."
        if slash or not is_address(address):
            advice = "Write one such as 192.0.2.0/24."
        raise ValueError(f"`{text}` is not a network with the length of its prefix. {advice}")
    network = found.network
    if network.prefixlen < 8:
        raise ValueError(f"`{text}` is too wide. Name the networks that you mean.")
    if found.ip != network.network_address:
        text = f"`{text}` is an address inside a network. Write {network}, or {found.ip}/"
        raise ValueError(f"{text}{found.max_prefixlen} for this address alone.")
    return text


def is_address(text: str) -> bool:
    """Whether the text is an IPv4 or IPv6 address, without a zone."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return "%" not in text


def _as_text(value: Any) -> Any:
    """A number of YAML as its text, which the API takes as well."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _cpu(text: str) -> str:
    if exact(text) < 0:
        raise ValueError(f"`{text}` is negative. Write one such as 500m or 2.")
    return text


def _bytes(text: str) -> str:
    size = exact(text)
    if size < 0:
        raise ValueError(f"`{text}` is negative. Write one such as 256Mi.")
    if 0 < size < exact(LEAST_MEMORY) and (unit := text.strip(" ")[-1]) in "num":
        raise ValueError(
            f"`{text}` is hardly a size in bytes, of which {unit} is a part. Write one such as"
            f" {text.strip(' num')}Mi."
        )
    return text


def _above_zero(text: str) -> str:
    if exact(text) == 0:
        raise ValueError(f"`{text}` is zero. Write one such as 50Gi.")
    return text


def _nonzero_duration(text: str) -> str:
    if parse_duration(text) == 0:
        raise ValueError(f"`{text}` is zero. Write a duration such as 30s or 15d.")
    return text


LEAST_MEMORY = "1Mi"
"""A container with a lower limit is killed before its program starts."""
EMPTY = "empty. Write at least one entry."
"""What is wrong with a list or a mapping without entries."""
NOT_EMPTY = AfterValidator(_filled)
"""A validator that sees valid entries alone: `min_length` would report invalid ones as missing."""
DNS_LABEL = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
SUBDOMAIN = r"(?=[^/]{1,253}(/|\Z))[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
"""For a whole text, or for what stands before a slash."""
DnsLabel = Annotated[
    str,
    matching(
        DNS_LABEL, "a DNS label (at most 63 of lower case, digits and hyphens)", "aurora-staging"
    ),
]
ObjectName = Annotated[
    str,
    matching(
        SUBDOMAIN,
        "the name of an object (lower case, digits, hyphens and dots)",
        "registry-credentials",
    ),
]
Cpu = Annotated[str, BeforeValidator(_as_text), AfterValidator(_cpu)]
"""Cores, as a quantity of Kubernetes."""
Bytes = Annotated[str, BeforeValidator(_as_text), AfterValidator(_bytes)]
"""Bytes of memory or of a disk, as a quantity of Kubernetes."""
VolumeSize = Annotated[Bytes, AfterValidator(_above_zero)]
Command = Annotated[tuple[str, ...], AfterValidator(_starts_a_program)]
Replicas = Annotated[int, Field(ge=1, le=2**31 - 1)]
Text = Annotated[str, StringConstraints(min_length=1)]
DOMAIN_NAME = r"([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\.)+[a-z]([-a-z0-9]{0,61}[a-z0-9])?"
DomainName = Annotated[str, matching(DOMAIN_NAME, "a domain name", "grafana.example.com")]
EksName = Annotated[
    str, matching("[A-Za-z0-9][A-Za-z0-9_-]{0,99}", "the name of an EKS cluster", "aurora-staging")
]
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
    if exact(quantity) < exact(LOG_STORAGE):
        raise ValueError(f"`{quantity}` is less than a log may take. Write {LOG_STORAGE} or more.")
    return quantity


def _room_to_start(quantity: str) -> str:
    if exact(quantity) < exact(LEAST_MEMORY):
        raise ValueError(f"`{quantity}` is too little for any program. Write one such as 256Mi.")
    return quantity


class Resources(Value):
    """Requests and limits of a container, as Kubernetes quantities; CPU has no limit.

    `ephemeral_storage` is for the container's log, and for what it writes into an emptyDir.
    """

    cpu: Cpu = "50m"
    memory: Bytes = "128Mi"
    memory_limit: Annotated[Bytes, AfterValidator(_room_to_start)] = "256Mi"
    ephemeral_storage: Annotated[Bytes, AfterValidator(_room_for_logs)] = "64Mi"

    @model_validator(mode="after")
    def _request_is_within_the_limit(self) -> "Resources":
        if exact(self.memory) > exact(self.memory_limit):
            limit = f"Write {self.memory_limit} or less."
            raise WrongKeysError({"memory": f"`{self.memory}` is more than memoryLimit. {limit}"})
        return self
