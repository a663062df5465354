"""The settings of harbinger."""

from typing import Annotated, ClassVar

from pydantic import Field

from services.shell import ServerSettings


class HarbingerSettings(ServerSettings):
    """Read from HARBINGER_MAX_EVENTS and so on.

    The last `max_events` events are kept. The first `max_alert_names` alerts are counted by name.
    Alerting counts as broken when no Watchdog came for `watchdog_timeout_seconds`: choose more
    than twice the time after which Alertmanager repeats it.
    """

    service: ClassVar[str] = "harbinger"

    max_events: Annotated[int, Field(ge=1, le=100_000)] = 1000
    max_alert_names: Annotated[int, Field(ge=1, le=1000)] = 100
    watchdog_timeout_seconds: Annotated[float, Field(gt=0, le=86400)] = 300
