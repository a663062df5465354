"""A psi-field pod in this process, and functions that send steps and entries to it."""

import asyncio
import math
from typing import Any

import httpx

from services.psi_field.app import PsiFieldSettings, build
from services.psi_field.engine import METRICS
from services.shell import Address
from tests.support.services.asgi import Call, serving, wait_until_ready

X = [round(math.sin(i), 3) for i in range(16)]
STEP = {"x": X, "apply_guardian": False}
ALONE = PsiFieldSettings(pod_name="psi-0", peers=())
CALLED_BY_PEER = PsiFieldSettings(
    pod_name="psi-0", peers=(Address("127.0.0.1", 9),), takeover_seconds=0
)
"""A pod whose one peer is the caller, who can't be called."""

GET_METRICS: Call = ("GET", "/metrics", {})
GET_HISTORY: Call = ("GET", "/window", {})


def ask(*calls: Call, settings: PsiFieldSettings = ALONE) -> list[httpx.Response]:
    """Start a pod, make the calls one at a time once it is ready, and return the answers."""

    async def make_calls() -> list[httpx.Response]:
        async with serving(build(settings)) as client:
            await wait_until_ready(client)
            return [await client.request(method, path, **kw) for method, path, kw in calls]

    return asyncio.run(make_calls())


def post_step(body: Any = STEP, **headers: str) -> Call:
    return ("POST", "/step", {"json": body, "headers": headers})


def post_entries(*entries: dict[str, Any]) -> Call:
    return ("POST", "/window", {"json": {"entries": entries}})


def entry_json(counter: object = 1, **changes: Any) -> dict[str, Any]:
    own = {"counter": counter, "pod": "psi-1", "incarnation": "0" * 16, "key": None}
    return own | {"x": X, "apply_guardian": False} | changes


def field_metrics(text: str) -> dict[str, float]:
    """The field's seven metrics from the text of /metrics."""
    lines = (line.split() for line in text.splitlines() if line and line[0] != "#")
    found = {name.removeprefix("psi_field_"): float(value) for name, value in lines}
    return {name: found[name] for name in METRICS}


def without_request_counts(text: str) -> list[str]:
    """The lines of /metrics except the request counters."""
    return [line for line in text.splitlines() if "step_requests_total{" not in line]
