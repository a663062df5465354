"""Harbinger over HTTP: Alertmanager posts to /alerts, users read /events."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request

from services.harbinger.events import AlertName, Events, Notification, Status, event_of
from services.harbinger.watchdog import ALERT, Moment, Watchdog
from services.shell import Answer, ServerSettings, Service, one_line, read_body

NOTIFICATION_LIMIT = 1024 * 1024
"""Maximum bytes of a notification. Generous, because a notification holds all alerts of a group,
and Alertmanager does not resend a refused one."""

MAX_RECEIVING = 16
"""Number of notifications that are received at a time, so that slow and large ones fill no memory.
Alertmanager sends one that is answered with 503 again."""

CHECK_SECONDS = 1


class HarbingerSettings(ServerSettings):
    """Read from HARBINGER_MAX_EVENTS and so on.

    Harbinger keeps the latest `max_events` events, and counts the first `max_alert_names` alerts by
    name. Alerting counts as broken if no Watchdog notification arrives for
    `watchdog_timeout_seconds`: set it to more than twice Alertmanager's repeat interval for the
    Watchdog.
    """

    service: ClassVar[str] = "harbinger"

    max_events: Annotated[int, Field(ge=1, le=100_000)] = 1000
    max_alert_names: Annotated[int, Field(ge=1, le=1000)] = 100
    watchdog_timeout_seconds: Annotated[float, Field(gt=0, le=86400)] = 300


class _Query(BaseModel):
    """The query parameters of /events."""

    model_config = ConfigDict(extra="forbid")

    limit: Annotated[int, Field(ge=1, le=1000)] = 100
    alert: AlertName | None = None
    status: Status | None = None


def _now() -> Moment:
    return Moment(time.monotonic(), datetime.now(UTC))


def build(settings: HarbingerSettings, now: Callable[[], Moment] = _now) -> Service:
    """The service; `now` is its clock."""
    service = Service(settings.service)
    events = Events(service.registry, capacity=settings.max_events, names=settings.max_alert_names)
    watchdog = Watchdog(events, settings.watchdog_timeout_seconds, now())
    service.registry.register(watchdog)

    receiving = 0

    async def receive_alerts(request: Request) -> Answer:
        nonlocal receiving
        if receiving >= MAX_RECEIVING:
            reason = f"{receiving} notifications are being received; try again later."
            raise HTTPException(503, reason, {"Retry-After": "1"})
        receiving += 1
        try:
            notification = await read_body(request, Notification, limit=NOTIFICATION_LIMIT)
        finally:
            receiving -= 1
        moment = now()
        received = moment.utc.isoformat(timespec="milliseconds")
        for alert in notification.alerts:
            # A firing Watchdog is counted but not kept: hundreds a day would push out all others.
            if alert.name == ALERT and alert.status == "firing":
                watchdog.record(moment)
                events.count(alert.name, alert.status)
            else:
                events.add(event_of(alert, notification.receiver, received))
        return {"alerts": len(notification.alerts)}

    async def list_events(request: Request) -> Answer:
        try:
            query = _Query.model_validate(dict(request.query_params))
        except ValidationError as error:
            raise HTTPException(400, one_line(error)) from None
        found = events.latest(query.limit, alertname=query.alert, status=query.status)
        return {"events": found}

    async def check_watchdog() -> None:
        watchdog.check(now())

    service.route("POST", "/alerts", receive_alerts)
    service.route("GET", "/events", list_events)
    service.repeat("watchdog", CHECK_SECONDS, check_watchdog)
    return service
