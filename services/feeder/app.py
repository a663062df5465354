"""One run of the feeder: its settings, and the log line that reports its outcome."""

import logging
import time
from functools import partial
from typing import Annotated, ClassVar

from pydantic import Field

from services.feeder.feeding import feed, resolve
from services.shell import Address, Addresses, Settings

log = logging.getLogger(__name__)


class FeederSettings(Settings):
    """Read from FEEDER_TARGET and so on.

    `target`: addresses of the pods, `host:port`, separated by commas; a name stands for all its
    addresses. At least `min_pods` must be fed. A pod that is unreachable or not ready is tried
    again for `timeout_seconds`. Runs within the same `period_seconds` of the clock send the same
    feeding, which counts once.
    """

    service: ClassVar[str] = "feeder"

    target: Annotated[Addresses, Field(min_length=1)] = (Address("psi-field-headless", 8000),)
    min_pods: Annotated[int, Field(ge=1, le=1000)] = 1
    timeout_seconds: Annotated[float, Field(gt=0, le=300)] = 20
    period_seconds: Annotated[int, Field(ge=1, le=86400)] = 60
    apply_guardian: bool = False


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
