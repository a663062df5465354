"""One run of the heartbeat: requests to the treaty at a limited rate, for a limited time."""

import asyncio
import logging
from collections import Counter
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Annotated, ClassVar
from uuid import uuid4

from pydantic import AfterValidator, Field, model_validator

from services.shell import HttpClient, HttpUrl, NoAnswerError, Settings

PROVENANCE = "heartbeat"
PAUSE_SECONDS = 0.5
"""Pause between two readiness checks of the treaty."""

_DROPPED = (502, 503, 504)

log = logging.getLogger(__name__)


def _check_target(text: str) -> str:
    if "?" in text or "#" in text:
        raise ValueError("has a query or a fragment. Write http://name:8000/path.")
    return text


class HeartbeatSettings(Settings):
    """Read from HEARTBEAT_TARGET and so on.

    `target` is the treaty's URL. The heartbeat sends `requests` requests, at most `per_second`.
    A share of them, `provenance_share` (0 to 1), has provenance. `timeout_seconds` limits each
    request. Nothing is sent after `duration_seconds`.
    """

    service: ClassVar[str] = "heartbeat"

    target: Annotated[HttpUrl, AfterValidator(_check_target)] = "http://aurora-treaty:8000"
    requests: Annotated[int, Field(ge=1, le=1_000_000)] = 100
    per_second: Annotated[float, Field(gt=0, le=1000)] = 2
    provenance_share: Annotated[float, Field(ge=0, le=1)] = 0.95
    timeout_seconds: Annotated[float, Field(gt=0, le=60)] = 5
    duration_seconds: Annotated[float, Field(gt=0, le=3600)] = 55

    @model_validator(mode="after")
    def _check_that_requests_fit(self) -> "HeartbeatSettings":
        needed = (self.requests - 1) / self.per_second
        if needed >= self.duration_seconds:
            raise ValueError(
                f"HEARTBEAT_REQUESTS at HEARTBEAT_PER_SECOND take {needed:g} s, "
                "longer than HEARTBEAT_DURATION_SECONDS. Change one of the three."
            )
        return self


@dataclass
class Outcome:
    """Counts of requests: `answers` by HTTP status, `unanswered`, and `unsent` for lack of time."""

    answers: Counter[int] = field(default_factory=Counter)
    unanswered: int = 0
    unsent: int = 0
    last_error: str | None = None

    @property
    def is_success(self) -> bool:
        """Whether the treaty answered every request, including those that it reports as dropped."""
        unexpected = [status for status in self.answers if status not in (200, *_DROPPED)]
        return not (self.unanswered or self.unsent or unexpected)


async def run_heartbeat(settings: HeartbeatSettings) -> bool:
    """Send the traffic and log the outcome. Returns whether the treaty answered every request."""
    outcome = await send_traffic(settings)
    fields = {"target": settings.target, "answers": dict(outcome.answers)}
    if outcome.is_success:
        log.info("the treaty answered", extra=fields)
    else:
        fields |= {"unanswered": outcome.unanswered, "unsent": outcome.unsent}
        fields |= {"last_error": outcome.last_error}
        log.error("the treaty did not answer as it should", extra=fields)
    return outcome.is_success


async def send_traffic(settings: HeartbeatSettings) -> Outcome:
    """Wait until the treaty is ready, then send the requests one at a time, none early.

    A slow treaty gets fewer requests: those that no longer fit into the duration stay unsent.
    """
    outcome = Outcome()
    clock = asyncio.get_running_loop().time
    end = clock() + settings.duration_seconds
    run = uuid4().hex[:8]
    target = settings.target.rstrip("/")
    async with aclosing(HttpClient()) as client:
        try:
            # Any status but 503 comes from a running server, so the requests can be sent. The
            # network may drop a new pod's first packets.
            await client.send_until_taken(
                "GET",
                f"{target}/ready",
                seconds=settings.timeout_seconds,
                total_seconds=settings.duration_seconds,
                pause_seconds=PAUSE_SECONDS,
            )
        except NoAnswerError as error:
            outcome.unsent = settings.requests
            outcome.last_error = f"not ready: {error}"
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
                reply = await client.send(
                    "POST", f"{target}/requests", seconds=settings.timeout_seconds, body=body
                )
            except NoAnswerError as error:
                outcome.unanswered += 1
                outcome.last_error = str(error)
            else:
                outcome.answers[reply.status] += 1
    return outcome


def has_provenance(number: int, share: float) -> bool:
    """Whether the request `number`, counted from 0, carries provenance.

    For every n, n x `share` of the first n requests do, rounded down.
    """
    return int((number + 1) * share) > int(number * share)
