"""The text of `blackbox.yml`: how the exporter asks for each probe, and what a good answer is."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

CONFIG_FOLDER = "/etc/blackbox-exporter"
CONFIG_FILE = "blackbox.yml"
LONGEST_ANSWER = "1MB"
"""An answer that is longer is a failure, not a reason to use up the exporter's memory."""


@dataclass(frozen=True, kw_only=True)
class Probe:
    """One request to `url`, which the pods of `workload` answer.

    A good answer has one of the `statuses` and, if `contains` is set, that text in it.
    """

    name: str
    workload: str
    url: str
    method: str
    headers: Mapping[str, str]
    body: str | None
    statuses: Sequence[int]
    contains: str | None


def blackbox_yml(probes: Sequence[Probe], timeout: str) -> str:
    """The configuration file, as YAML: a module for each probe, under the probe's name."""
    modules = {probe.name: _module(probe, timeout) for probe in probes}
    return yaml.safe_dump({"modules": modules}, sort_keys=False)


def _module(probe: Probe, timeout: str) -> dict[str, Any]:
    request: dict[str, Any] = {
        "method": probe.method,
        # A cluster whose services have IPv6 addresses alone is asked there.
        "preferred_ip_protocol": "ip4",
        "ip_protocol_fallback": True,
        "follow_redirects": False,
        "valid_status_codes": list(probe.statuses),
        "body_size_limit": LONGEST_ANSWER,
    }
    if probe.headers:
        request["headers"] = dict(probe.headers)
    if probe.body is not None:
        request["body"] = probe.body
    if probe.contains is not None:
        request["fail_if_body_not_matches_regexp"] = [re.escape(probe.contains)]
    return {"prober": "http", "timeout": timeout, "http": request}
