"""Sending one step to every pod."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from services.feeder.pods import Address
from services.feeder.vector import vector

PAUSE_SECONDS = 0.5
"""Between two tries at a pod."""


async def feed(
    pods: Sequence[Address],
    number: int,
    *,
    period_seconds: int,
    apply_guardian: bool,
    timeout_seconds: float,
) -> Mapping[Address, str]:
    """Send a feeding to every pod, to all at the same time; the pods that missed it, and why.

    All pods get the same Idempotency-Key, as does a second feeding of the same number: pods pass
    their steps on to each other, and so they take it once. A pod that can't be reached or is not
    ready is tried again until `timeout_seconds` are over; any other refusal is final.
    """
    headers = {"Idempotency-Key": f"feeder-{period_seconds}-{number}"}
    step = {"x": vector(number), "apply_guardian": apply_guardian}
    # Proxies are for the world outside; the time is that of all tries together, see below.
    async with httpx.AsyncClient(headers=headers, timeout=None, trust_env=False) as http:  # noqa: S113
        reasons = await asyncio.gather(
            *(_feed_one(http, pod, step, timeout_seconds) for pod in pods)
        )
    return {pod: reason for pod, reason in zip(pods, reasons, strict=True) if reason}


async def _feed_one(
    http: httpx.AsyncClient, pod: Address, step: Mapping[str, Any], timeout_seconds: float
) -> str | None:
    reason = "no answer"
    try:
        async with asyncio.timeout(timeout_seconds):
            while True:
                try:
                    answer = await http.post(f"http://{pod}/step", json=step)
                except httpx.HTTPError as error:
                    reason = f"{type(error).__name__}: {error}"
                else:
                    if answer.is_success:
                        return None
                    reason = f"answered {answer.status_code}: {answer.text[:200]}"
                    if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                        return reason
                await asyncio.sleep(PAUSE_SECONDS)
    except TimeoutError:
        return f"{reason}, after {timeout_seconds:g} s"
