"""One run of the feeder: the same step, sent to every psi-field pod at the same time."""

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import Annotated, ClassVar

from pydantic import Field

from services.shell import Address, Addresses, HttpClient, NoAnswerError, Settings, look_up

PAUSE_SECONDS = 0.5
"""Pause between two attempts to feed a pod."""

TRY_SECONDS = 4
"""Time limit for an attempt, which is several times what a step takes: if an answer is lost, others
follow within the time for all attempts."""

LOOKUP_SECONDS = 10
"""Time limit for looking up a target. A resolver that loses a packet asks again after 5 s."""

SIZE = 16
"""Numbers in a step."""

_FEEDINGS_PER_TURN = 60

log = logging.getLogger(__name__)


class FeederSettings(Settings):
    """Read from FEEDER_TARGET and so on.

    `target`: comma-separated `host:port` addresses of the pods; a name means all its addresses. At
    least `min_pods` must be fed. The feeder retries a pod that is unreachable or not ready for
    `timeout_seconds`. Runs within the same period of `period_seconds` send the same step under the
    same key, so that it counts once.
    """

    service: ClassVar[str] = "feeder"

    target: Annotated[Addresses, Field(min_length=1)] = (Address("psi-field-headless", 8000),)
    min_pods: Annotated[int, Field(ge=1, le=1000)] = 1
    timeout_seconds: Annotated[float, Field(gt=0, le=300)] = 20
    period_seconds: Annotated[int, Field(ge=1, le=86400)] = 60
    apply_guardian: bool = False


@dataclass(frozen=True)
class Outcome:
    """The pods that took the step, and the reason why each other pod missed it."""

    fed: Sequence[Address]
    missed: Mapping[Address, str]


async def feed_once(settings: FeederSettings) -> bool:
    """Feed every pod and log the outcome. Returns whether enough pods were fed and none missed."""
    number = int(time.time() // settings.period_seconds)
    outcome = await feed(
        partial(resolve, settings.target),
        number,
        period_seconds=settings.period_seconds,
        apply_guardian=settings.apply_guardian,
        timeout_seconds=settings.timeout_seconds,
    )
    fed, missed = len(outcome.fed), len(outcome.missed)
    fields = {"feeding": number, "fed": [str(pod) for pod in outcome.fed]}
    if missed:
        fields["missed"] = {str(pod): reason for pod, reason in outcome.missed.items()}
        log.error("%d of %d pods missed the step", missed, fed + missed, extra=fields)
    elif fed < settings.min_pods:
        fields["target"] = [str(target) for target in settings.target]
        log.error("fed %d pods, fewer than %d", fed, settings.min_pods, extra=fields)
    else:
        log.info("fed %d pods", fed, extra=fields)
    return not missed and fed >= settings.min_pods


def vector(number: int) -> list[float]:
    """The 16 numbers of a feeding: x[i] = sin(2 pi (number / 60 + i / 16)).

    One period of a sine, -1 to 1, that rotates once in 60 feedings: once an hour if fed every
    minute. Rounded to 6 digits, so that every machine writes the same text.
    """
    turn = number % _FEEDINGS_PER_TURN / _FEEDINGS_PER_TURN
    return [round(math.sin(math.tau * (turn + i / SIZE)), 6) for i in range(SIZE)]


async def resolve(targets: Iterable[Address]) -> list[Address]:
    """Look up the addresses of the targets, without duplicates; see `look_up`.

    If the pods behind a name have addresses of IPv6 and of IPv4, one kind is enough to reach each
    pod once.
    """
    found: set[Address] = set()
    for target in targets:
        answers = await look_up(target, LOOKUP_SECONDS)
        if not answers:
            log.warning("a target resolves to nothing", extra={"target": str(target)})
        # The system's preference comes first.
        found |= {one for one in answers if (":" in one.host) == (":" in answers[0].host)}
    return sorted(found)


async def feed(
    find_pods: Callable[[], Awaitable[Sequence[Address]]],
    number: int,
    *,
    period_seconds: int,
    apply_guardian: bool,
    timeout_seconds: float,
) -> Outcome:
    """Send the step of feeding `number` to all pods that `find_pods` returns, concurrently.

    All pods, and all repetitions of a feeding, get the same Idempotency-Key: pods pass steps on to
    each other, and the key makes the step count once. A pod that is unreachable or not ready is
    retried for `timeout_seconds`; any other refusal is final.

    Afterwards, the pods are looked up again, because a rollout may have replaced some: a pod that
    is gone does not count as missed, and a new pod is fed, again within `timeout_seconds`.
    """
    headers = {"Idempotency-Key": f"feeder-{period_seconds}-{number}"}
    step = {"x": vector(number), "apply_guardian": apply_guardian}
    async with aclosing(HttpClient()) as client:

        async def feed_one(pod: Address) -> str | None:
            """Feed one pod. Returns the reason why it missed the step, or None."""
            try:
                reply = await client.send_until_taken(
                    "POST",
                    f"http://{pod}/step",
                    seconds=TRY_SECONDS,
                    total_seconds=timeout_seconds,
                    pause_seconds=PAUSE_SECONDS,
                    body=step,
                    headers=headers,
                )
            except NoAnswerError as error:
                return str(error)
            return None if reply.is_success else str(reply)

        async def feed_all(pods: Sequence[Address]) -> dict[Address, str | None]:
            reasons = await asyncio.gather(*map(feed_one, pods))
            return dict(zip(pods, reasons, strict=True))

        before = await find_pods()
        reasons = await feed_all(before)
        # An empty look-up says nothing about the pods: while DNS fails, every miss counts.
        after = await find_pods() or before
        reasons |= await feed_all([pod for pod in after if pod not in reasons])
    return Outcome(
        fed=[pod for pod, reason in reasons.items() if reason is None],
        missed={pod: reason for pod, reason in reasons.items() if reason and pod in after},
    )
