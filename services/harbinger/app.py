"""The service: POST /alerts for Alertmanager, GET /events for people."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request

from services.harbinger.events import Events
from services.harbinger.notification import AlertName, Notification, Status, event
from services.harbinger.settings import HarbingerSettings
from services.harbinger.watchdog import ALERT, Moment, Watchdog
from services.shell import Answer, Service, one_line, read_body

NOTIFICATION_LIMIT = 1024 * 1024
"""Most bytes of a notification: it holds all alerts of a group, and one that is refused is lost."""

CHECK_SECONDS = 1


class _Query(BaseModel):
    """What /events can be asked for."""

    model_config = ConfigDict(extra="forbid")

    limit: Annotated[int, Field(ge=1, le=1000)] = 100
    alert: AlertName | None = None
    status: Status | None = None


def _moment() -> Moment:
    return Moment(time.monotonic(), datetime.now(UTC))


def build(settings: HarbingerSettings, now: Callable[[], Moment] = _moment) -> Service:
    """The service; `now` is its clock."""
    service = Service(settings.service)
    events = Events(service.registry, capacity=settings.max_events, names=settings.max_alert_names)
    watchdog = Watchdog(events, settings.watchdog_timeout_seconds)
    service.registry.register(watchdog)

    async def alerts(request: Request) -> Answer:
        notification = await read_body(request, Notification, limit=NOTIFICATION_LIMIT)
        moment = now()
        received = moment.utc.isoformat(timespec="milliseconds")
        for alert in notification.alerts:
            # A heartbeat in good order is no event: hundreds a day would push out all others.
            if alert.name == ALERT and alert.status == "firing":
                watchdog.hear(moment)
                events.count(alert.name, alert.status)
            else:
                events.add(event(alert, notification.receiver, received))
        return {"alerts": len(notification.alerts)}

    async def last_events(request: Request) -> Answer:
        try:
            query = _Query.model_validate(dict(request.query_params))
        except ValidationError as error:
            raise HTTPException(400, one_line(error)) from None
        found = events.last(query.limit, alertname=query.alert, status=query.status)
        return {"events": found}

    async def check() -> None:
        watchdog.check(now())

    service.route("POST", "/alerts", alerts)
    service.route("GET", "/events", last_events)
    service.repeat("watchdog", CHECK_SECONDS, check)
    return service
