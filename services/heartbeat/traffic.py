"""Traffic for the treaty: some requests at a bounded rate, for a bounded time."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from uuid import uuid4

import httpx

from services.heartbeat.settings import HeartbeatSettings

PROVENANCE = "heartbeat"
PAUSE_SECONDS = 0.5
"""Between two looks at whether the treaty is ready."""

_DROPPED = (502, 503, 504)


@dataclass
class Outcome:
    """What became of the requests; `answers` holds how many had each HTTP status."""

    answers: Counter[int] = field(default_factory=Counter)
    unanswered: int = 0
    unsent: int = 0
    last_error: str | None = None

    @property
    def is_answered(self) -> bool:
        """Whether the treaty answered everything. Dropping a request is an answer of a treaty."""
        odd = [status for status in self.answers if status != 200 and status not in _DROPPED]
        return not (self.unanswered or self.unsent or odd)


def has_provenance(number: int, share: float) -> bool:
    """Whether the request of this number, from 0, carries provenance.

    Of the first n requests n x `share` do, rounded down, whatever n is.
    """
    return int((number + 1) * share) > int(number * share)


async def send(settings: HeartbeatSettings) -> Outcome:
    """Send the requests once the treaty is ready, one after the other and none before its time.

    A slow treaty gets fewer of them: those that no longer fit into the duration are unsent.
    """
    outcome = Outcome()
    clock = asyncio.get_running_loop().time
    end = clock() + settings.duration_seconds
    run = uuid4().hex[:8]
    target = settings.target.rstrip("/")
    # Proxies are for the world outside; the time is that of the whole exchange, see below.
    async with httpx.AsyncClient(timeout=None, trust_env=False) as http:  # noqa: S113
        try:
            async with asyncio.timeout_at(end):
                await _until_ready(http, target, settings.timeout_seconds, outcome)
        except TimeoutError:
            outcome.unsent = settings.requests
            return outcome
        start = clock()
        for number in range(settings.requests):
            await asyncio.sleep(start + number / settings.per_second - clock())
            if clock() >= end:
                outcome.unsent = settings.requests - number
                break
            body = {"id": f"heartbeat-{run}-{number}"}
            if has_provenance(number, settings.provenance_share):
                body["provenance"] = PROVENANCE
            try:
                async with asyncio.timeout(settings.timeout_seconds):
                    answer = await http.post(f"{target}/requests", json=body)
            except (httpx.HTTPError, TimeoutError) as error:
                outcome.unanswered += 1
                outcome.last_error = _said(error)
            else:
                outcome.answers[answer.status_code] += 1
    return outcome


async def _until_ready(
    http: httpx.AsyncClient, target: str, timeout_seconds: float, outcome: Outcome
) -> None:
    """Wait for /ready; a new pod's first packets may be dropped until the network knows it."""
    while True:
        try:
            async with asyncio.timeout(timeout_seconds):
                answer = await http.get(f"{target}/ready")
        except (httpx.HTTPError, TimeoutError) as error:
            outcome.last_error = _said(error)
        else:
            # Anything else comes from a server that is up; the requests show what it is worth.
            if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                outcome.last_error = None
                return
            outcome.last_error = f"not ready: {answer.text[:200]}"
        await asyncio.sleep(PAUSE_SECONDS)


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".rstrip(": ")
