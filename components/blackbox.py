"""The blackbox exporter: sends requests like a user's, whenever Prometheus scrapes it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import pulumi
from pulumi import ResourceOptions
from pulumi_kubernetes.core import v1 as core
from pydantic import AfterValidator, Field, JsonValue, model_validator

from components.kit import (
    ReloadedConfig,
    Server,
    reloaded_config,
    served_deployment,
    service_account,
)
from components.network import HTTPS_PORT
from components.placement import Placement
from components.pods import HTTP, container, http_probe, template
from components.urls import Path, ProbedUrl
from components.values import DnsLabel, Resources, Text, Value, matching
from promql.durations import format_duration, parse_duration
from yaml_text import dump_yaml

SERVER = Server(
    name="blackbox-exporter", port=9115, service_port=9115, has_ui=True, has_reloader=True
)
NAME = SERVER.name
CONFIG_FOLDER = "/etc/blackbox-exporter"
CONFIG_FILE = "blackbox.yml"
LONGEST_ANSWER = "1MB"
"""A larger answer counts as a failure, because the exporter would hold it in memory."""
CREDENTIALS = ("authorization", "cookie", "proxy-authorization")


def _no_credential(name: str) -> str:
    if name.lower() in CREDENTIALS:
        raise ValueError(
            f"{name} would be stored in plain text. Probe a path that needs no credential."
        )
    return name


HeaderName = Annotated[
    str,
    matching(r"[A-Za-z][A-Za-z0-9-]*", "the name of a header", "Idempotency-Key"),
    AfterValidator(_no_credential),
]
HeaderValue = Annotated[
    str, matching(r"[!-~]([ -~]*[!-~])?", "the value of a header", "application/json")
]


class Expectation(Value):
    """A good answer has one of the `statuses` and, if `contains` is set, that text in its body."""

    statuses: tuple[Annotated[int, Field(ge=100, le=599)], ...] = Field(
        default=(200,), min_length=1
    )
    contains: Text | None = None


class Probe(Value):
    """A request to a `path` of a workload's Service; `body` is sent as JSON.

    Or to a `url` outside the namespace that the workload depends on, or that leads to it.
    """

    workload: DnsLabel
    method: Literal["GET", "POST", "PUT"] = "GET"
    path: Path | None = None
    url: ProbedUrl | None = None
    headers: dict[HeaderName, HeaderValue] = Field(default_factory=dict)
    body: dict[str, JsonValue] | None = None
    expect: Expectation = Expectation()

    @model_validator(mode="after")
    def _body_fits_the_method(self) -> Probe:
        if (self.body is None) != (self.method == "GET"):
            raise ValueError(
                "a GET must have no body, a POST or PUT must have one. Correct either key."
            )
        return self

    @model_validator(mode="after")
    def _asks_one_address(self) -> Probe:
        if (self.path is None) == (self.url is None):
            raise ValueError("must have a path of the workload, or a url. Write one of them.")
        return self

    @property
    def port_outside(self) -> int | None:
        """The port that it connects to outside the namespace, if it does."""
        return (urlsplit(self.url).port or HTTPS_PORT) if self.url else None

    def address(self, service: str) -> str:
        """The address that it asks; `service` is the URL of its workload's Service."""
        return self.url or f"{service}{self.path}"


@dataclass(frozen=True, kw_only=True)
class BlackboxArgs:
    """`config` is the text of blackbox.yml."""

    namespace: pulumi.Input[str]
    placement: Placement
    rollout_seconds: int
    image: str
    reloader_image: str
    replicas: int
    resources: Resources
    config: str


class Blackbox(pulumi.ComponentResource):
    """The Deployment `blackbox-exporter`; every replica makes every probe."""

    url: pulumi.Output[str]
    """Address inside the cluster."""

    def __init__(self, args: BlackboxArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("vaultmesh:observability:Blackbox", NAME, None, opts)
        child = ResourceOptions(parent=self)
        service_account(NAME, args.namespace, child)
        config = reloaded_config(
            SERVER,
            args.namespace,
            {CONFIG_FILE: args.config},
            child,
            folder=CONFIG_FOLDER,
            reloader_image=args.reloader_image,
        )
        self.url = served_deployment(
            SERVER,
            args.namespace,
            _pod(args, config),
            child,
            rollout_seconds=args.rollout_seconds,
            replicas=args.replicas,
        )
        self.register_outputs({"url": self.url})


def _pod(args: BlackboxArgs, config: ReloadedConfig) -> core.PodTemplateSpecArgs:
    server = container(
        NAME,
        args.image,
        args.resources,
        args=[f"--config.file={CONFIG_FOLDER}/{CONFIG_FILE}"],
        ports=[core.ContainerPortArgs(name=HTTP, container_port=SERVER.port)],
        volume_mounts=[config.mount],
        startup_probe=http_probe("/-/healthy", period_seconds=2, failures=30),
        liveness_probe=http_probe("/-/healthy"),
        readiness_probe=http_probe("/-/healthy", period_seconds=5),
    )
    return template(
        NAME,
        [server, config.reloader],
        placement=args.placement,
        volumes=[config.volume],
        spread=args.replicas > 1,
    )


def blackbox_yml(probes: Mapping[str, Probe], timeout: str) -> str:
    """The configuration file, as YAML: a module for each probe, under the probe's name."""
    # The exporter reads it as Go does, which knows no days.
    readable = format_duration(parse_duration(timeout))
    modules = {name: _module(probe, readable) for name, probe in probes.items()}
    return dump_yaml({"modules": modules})


def _module(probe: Probe, timeout: str) -> dict[str, Any]:
    request: dict[str, Any] = {
        "method": probe.method,
        # Falls back to IPv6 in a cluster whose Services have only IPv6 addresses.
        "preferred_ip_protocol": "ip4",
        "ip_protocol_fallback": True,
        "follow_redirects": False,
        "valid_status_codes": list(probe.expect.statuses),
        "body_size_limit": LONGEST_ANSWER,
    }
    headers = dict(probe.headers)
    if probe.body is not None and "content-type" not in map(str.lower, headers):
        headers = {"Content-Type": "application/json", **headers}
    if headers:
        request["headers"] = headers
    if probe.body is not None:
        request["body"] = json.dumps(probe.body, sort_keys=True)
    if probe.expect.contains is not None:
        request["fail_if_body_not_matches_regexp"] = [re.escape(probe.expect.contains)]
    return {"prober": "http", "timeout": timeout, "http": request}
