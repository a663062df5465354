"""`python -m services.heartbeat`: one stretch of soak traffic.

Exit codes: 0 the treaty answered everything, 1 it did not, 2 the settings are wrong.
"""

import logging

from services.heartbeat.settings import HeartbeatSettings
from services.heartbeat.traffic import send
from services.shell import run_once

log = logging.getLogger(__name__)


async def main(settings: HeartbeatSettings) -> bool:
    """Send the traffic; whether all was answered. The outcome is one line of the log."""
    outcome = await send(settings)
    fields = {"target": settings.target, "answers": dict(outcome.answers)}
    if outcome.is_answered:
        log.info("the treaty answered", extra=fields)
    else:
        fields |= {"unanswered": outcome.unanswered, "unsent": outcome.unsent}
        fields |= {"last_error": outcome.last_error}
        log.error("the treaty did not answer as it should", extra=fields)
    return outcome.is_answered


if __name__ == "__main__":
    run_once(HeartbeatSettings, main)
