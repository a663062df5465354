"""The schema of what a stack runs of its own, workloads and cron jobs, and of what they reach."""

import re
from collections.abc import Iterator, Mapping
from ipaddress import ip_address, ip_network
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from components.cron_job import CronJobSpec
from components.kit import headless_name
from components.values import DOMAIN_NAME, EMPTY, Value, WrongKeysError, is_address, matching
from components.workload import WorkloadSpec
from stacks.images import has_registry
from stacks.servers import RESERVED, SERVERS
from stacks.settings.addresses import Neighbourhood, Target, check_address, find_addresses
from stacks.settings.aws import AWS_DESTINATIONS
from stacks.settings.jobs import MODULE, scheduler_problems

WATCHDOG_TIMEOUT = "HARBINGER_WATCHDOG_TIMEOUT_SECONDS"
"""The environment variable with harbinger's timeout for the heartbeat."""
HARBINGER = "harbinger"
"""The workload whose pod keeps the notifications that it gets; an alert says if it gets none."""


def _refuse_reserved(name: str) -> str:
    if name in RESERVED | AWS_DESTINATIONS:
        raise ValueError(f"{name} is reserved for the platform itself. Choose another name.")
    return name


def _refuse_derived(name: str) -> str:
    if name in ("HOST", "PORT", "POD_NAME", WATCHDOG_TIMEOUT):
        raise ValueError(f"{name} is computed from other settings. Remove it.")
    return name


def _refuse_odd_image(image: str) -> str:
    name, _, digest = image.partition("@")
    path = name.partition("/")[2] if has_registry(image) else name
    repository, _, tag = path.partition(":")
    if path == name and "/" not in repository:
        repository = f"library/{repository}"
    if not (tag or digest) or len(repository) > LONGEST_REPOSITORY or _HASH.fullmatch(name):
        raise ValueError(f"`{image}` is not {IMAGE}. Write one such as {EXAMPLE_IMAGE}.")
    return image


def _refuse_dots(name: str) -> str:
    if name in (".", "..") or name.startswith(".."):
        raise ValueError(f"`{name}` is not the name of a file. Write one such as api-token.")
    return name


def _canonical(host: str) -> str:
    """The host; an IPv6 address in the one form that programs compare."""
    return str(ip_address(host)) if is_address(host) else host


_PATH = r"[a-z0-9]+(([._]|__|-+)[a-z0-9]+)*"
_DOMAIN = r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?"
_DIGEST = "sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128}"
_HASH = re.compile("[0-9a-f]{64}")
LONGEST_REPOSITORY = 255
IMAGE, EXAMPLE_IMAGE = (
    "an image with a tag or digest",
    "registry.example.com/vaultmesh/services:0.1.0",
)
Image = Annotated[
    str,
    # The grammar of github.com/distribution/reference, by which the kubelet reads it.
    matching(
        rf"(({_DOMAIN}(\.{_DOMAIN})*|\[[a-fA-F0-9:]+\])(:[0-9]+)?/)?{_PATH}(/{_PATH})*"
        rf"(:[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}})?(@({_DIGEST}))?",
        IMAGE,
        EXAMPLE_IMAGE,
    ),
    AfterValidator(_refuse_odd_image),
]
VariableName = Annotated[
    str,
    # What Kubernetes takes, lower case too: programs read http_proxy.
    matching(r"[ -<>-~]+", "the name of a variable", "LOG_LEVEL"),
    AfterValidator(_refuse_derived),
]
WorkloadName = Annotated[
    str,
    # A Service's name.
    matching(
        r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?",
        "a name of at most 63 lower-case letters, digits and hyphens, with a letter first",
        "psi-field",
    ),
    AfterValidator(_refuse_reserved),
]
CronJobName = Annotated[
    str,
    # Kubernetes adds the time to it for the name of each run.
    matching(
        r"[a-z0-9]([-a-z0-9]{0,50}[a-z0-9])?",
        "a name of at most 52 lower-case letters, digits and hyphens",
        "nightly-report",
    ),
    AfterValidator(_refuse_reserved),
]


def _known_host(host: str) -> str:
    if not is_address(host) and not re.fullmatch(DOMAIN_NAME, host):
        raise ValueError(
            f"`{host}` is not a domain name or an address. Write one such as api.example.com."
        )
    return host


Host = Annotated[str, AfterValidator(_known_host), AfterValidator(_canonical)]
FileName = Annotated[
    str,
    matching(r"[-._A-Za-z0-9]{1,253}", "the name of a file", "api-token"),
    AfterValidator(_refuse_dots),
]
SecretKey = Annotated[
    str, matching(r"[a-z][A-Za-z0-9]*", "the key of a secret in the configuration", "akashToken")
]


class Outside(Value):
    """A host outside the namespace that a program connects to, and the port where it listens.

    Policies can't name a domain, whose addresses change, so they allow the port of any address; a
    `host` that is an address is allowed alone.
    """

    host: Host
    port: Annotated[int, Field(ge=1, le=65535)]

    @property
    def networks(self) -> tuple[str, ...]:
        """The address in CIDR notation; empty for a domain."""
        return (str(ip_network(self.host)),) if is_address(self.host) else ()


class Program(Value):
    """A program of the stack: its image, what it reaches, and what it is told.

    `calls` names the workloads that it connects to, and `outside` other destinations, by names of
    its own. `secrets` maps names of files to the configuration keys of their contents.
    """

    image: Image | None = None
    calls: tuple[str, ...] = ()
    outside: dict[WorkloadName, Outside] = Field(default_factory=dict)
    environment: dict[VariableName, str] = Field(default_factory=dict)
    secrets: dict[FileName, SecretKey] = Field(default_factory=dict)


class Workload(WorkloadSpec, Program):
    """A service that runs all the time."""

    @model_validator(mode="after")
    def _a_scheduler_starts(self) -> "Workload":
        found = scheduler_problems(self.environment) if MODULE in self.command else ()
        if wrong := {f"environment.{place}": text for place, text in found}:
            raise WrongKeysError(wrong)
        return self


class CronJob(CronJobSpec, Program):
    """A service that runs on a schedule."""

    @model_validator(mode="after")
    def _connects_to_something(self) -> "CronJob":
        if not (self.calls or self.outside):
            raise WrongKeysError({"calls": EMPTY})
        return self


def neighbourhood(namespace: str, workloads: Mapping[str, Workload]) -> Neighbourhood:
    """Every Service of a namespace with these workloads and the servers."""
    services = {
        service: Target(port=port, workload=None)
        for server in SERVERS
        for service, port in (
            (server.name, server.service_port),
            (headless_name(server.name), server.port),
        )
    }
    for name, workload in workloads.items():
        target = Target(port=workload.port, workload=name)
        services |= {name: target} | ({headless_name(name): target} if workload.headless else {})
    return Neighbourhood(namespace=namespace, services=services)


def reach_problems(program: Program, near: Neighbourhood) -> Iterator[tuple[str, str]]:
    """(key, message) for each destination and each address that no policy would allow."""
    for name, destination in program.outside.items():
        if name in near.services:
            yield f"outside.{name}", "this is the name of a Service here. Choose another name."
        if not destination.networks and near.service(destination.host):
            text = f"{destination.host} is inside the namespace. Name its workload in `calls`."
            yield f"outside.{name}.host", text
    outside = {(destination.host, destination.port) for destination in program.outside.values()}
    for variable, text in program.environment.items():
        for address in find_addresses(text):
            if reason := check_address(address, near, program.calls, outside):
                yield f"environment.{variable}", reason
