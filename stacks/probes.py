"""The probes of one environment: every workload's /health, and what the settings add."""

import json
from collections.abc import Mapping

from components.blackbox_config import Probe
from stacks import synthetics_settings
from stacks.settings.schema import Settings


def probes(settings: Settings) -> tuple[Probe, ...]:
    """Every probe, addressed to the Service of its workload."""
    wanted = {
        **synthetics_settings.health_probes(settings.workloads),
        **settings.synthetics.probes,
    }
    return tuple(
        Probe(
            name=name,
            workload=probe.workload,
            url=f"http://{probe.workload}.{settings.namespace}.svc:"
            f"{settings.workloads[probe.workload].port}{probe.path}",
            method=probe.method,
            headers=_headers(probe),
            body=None if probe.body is None else json.dumps(probe.body, sort_keys=True),
            statuses=probe.expect.statuses,
            contains=probe.expect.contains,
        )
        for name, probe in wanted.items()
    )


def _headers(probe: synthetics_settings.Probe) -> Mapping[str, str]:
    """The headers of the settings, which say what a body is if they don't say otherwise."""
    if probe.body is None or "content-type" in map(str.lower, probe.headers):
        return probe.headers
    return {"Content-Type": "application/json", **probe.headers}
