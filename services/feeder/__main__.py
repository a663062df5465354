"""`python -m services.feeder`: one feeding.

Exit codes: 0 all pods were fed, 1 one was missed or too few were fed, 2 the settings are wrong.
"""

import logging
import time
from functools import partial

from services.feeder.feeding import feed
from services.feeder.pods import find
from services.feeder.settings import FeederSettings
from services.shell import run_once

log = logging.getLogger(__name__)


async def main(settings: FeederSettings) -> bool:
    """Feed every pod; whether none was missed. The outcome is one line of the log."""
    number = int(time.time() // settings.period_seconds)
    outcome = await feed(
        partial(find, settings.addresses()),
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
        fields["target"] = settings.target
        log.error("fed %d pods, fewer than %d", fed, settings.min_pods, extra=fields)
    else:
        log.info("fed %d pods", fed, extra=fields)
    return not missed and fed >= settings.min_pods


if __name__ == "__main__":
    run_once(FeederSettings, main)
