"""Sending one step to every pod."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from services.feeder.pods import Address
from services.feeder.vector import vector

PAUSE_SECONDS = 0.5
"""Between two tries at a pod."""


@dataclass(frozen=True)
class Fed:
    """The pods that took the step, and those that missed it, each with the reason."""

    fed: Sequence[Address]
    missed: Mapping[Address, str]


async def feed(
    find: Callable[[], Awaitable[Sequence[Address]]],
    number: int,
    *,
    period_seconds: int,
    apply_guardian: bool,
    timeout_seconds: float,
) -> Fed:
    """Send a feeding to every pod that `find` finds, to all at the same time.

    All pods get the same Idempotency-Key, as does a second feeding of the same number: pods pass
    their steps on to each other, and so they take it once. A pod that can't be reached or is not
    ready is tried again until `timeout_seconds` are over; any other refusal is final.

    Then the pods are found again, because a rollout may replace them meanwhile: a pod that is gone
    has missed nothing, and a new one is fed, for `timeout_seconds` too.
    """
    headers = {"Idempotency-Key": f"feeder-{period_seconds}-{number}"}
    step = {"x": vector(number), "apply_guardian": apply_guardian}
    # Proxies are for the world outside; the time is that of all tries together, see below.
    async with httpx.AsyncClient(headers=headers, timeout=None, trust_env=False) as http:  # noqa: S113

        async def outcomes(pods: Sequence[Address]) -> dict[Address, str | None]:
            reasons = await asyncio.gather(
                *(_feed_one(http, pod, step, timeout_seconds) for pod in pods)
            )
            return dict(zip(pods, reasons, strict=True))

        before = await find()
        reasons = await outcomes(before)
        # No answer at all says nothing about the pods: a miss stays one while DNS is away.
        after = await find() or before
        reasons |= await outcomes([pod for pod in after if pod not in reasons])
    return Fed(
        fed=[pod for pod, reason in reasons.items() if reason is None],
        missed={pod: reason for pod, reason in reasons.items() if reason and pod in after},
    )


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
