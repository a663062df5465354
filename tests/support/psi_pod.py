"""A psi-field pod without peers, and ways to ask it."""

import asyncio
import math
from typing import Any

import httpx

from services.psi_field.app import build
from services.psi_field.engine import METRICS
from services.psi_field.settings import PsiFieldSettings
from tests.support.asgi import serving

X = [round(math.sin(i), 3) for i in range(16)]
STEP = {"x": X, "apply_guardian": False}
JSON = {"Content-Type": "application/json"}
ALONE = PsiFieldSettings(pod_name="psi-0", peers=())

Call = tuple[str, str, dict[str, Any]]


def ask(*calls: Call) -> list[httpx.Response]:
    """The answers of a new pod that has no peers."""

    async def all_of_them() -> list[httpx.Response]:
        async with serving(build(ALONE)) as client:
            await asyncio.sleep(0.01)
            return [await client.request(method, path, **kw) for method, path, kw in calls]

    return asyncio.run(all_of_them())


def step(body: Any = STEP, **headers: str) -> Call:
    return ("POST", "/step", {"json": body, "headers": headers})


METRICS_CALL: Call = ("GET", "/metrics", {})
WINDOW_CALL: Call = ("GET", "/window", {})


def shown(text: str) -> dict[str, float]:
    """The seven metrics as /metrics shows them."""
    lines = (line.split() for line in text.splitlines() if line and line[0] != "#")
    found = {name.removeprefix("psi_field_"): float(value) for name, value in lines}
    return {name: found[name] for name in METRICS}


def uncounted(text: str) -> list[str]:
    """The lines of /metrics but those that count requests by status code."""
    return [line for line in text.splitlines() if "step_requests_total{" not in line]


def entry(counter: object = 1, **changes: Any) -> dict[str, Any]:
    own = {"counter": counter, "pod": "psi-1", "incarnation": "0" * 16, "key": None}
    return own | {"x": X, "apply_guardian": False} | changes
