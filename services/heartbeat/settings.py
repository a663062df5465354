"""The settings of the heartbeat."""

from typing import Annotated, ClassVar

from pydantic import Field, model_validator

from services.fields import HttpUrl
from services.shell import Settings


class HeartbeatSettings(Settings):
    """Read from HEARTBEAT_TARGET and so on.

    `target`: the treaty's URL. `requests` are sent, `per_second` at most, of which
    `provenance_share` (0 to 1) carry provenance; each may take `timeout_seconds`. Nothing is sent
    after `duration_seconds`.
    """

    service: ClassVar[str] = "heartbeat"

    target: HttpUrl = "http://aurora-treaty:8000"
    requests: Annotated[int, Field(ge=1, le=1_000_000)] = 100
    per_second: Annotated[float, Field(gt=0, le=1000)] = 2
    provenance_share: Annotated[float, Field(ge=0, le=1)] = 0.95
    timeout_seconds: Annotated[float, Field(gt=0, le=60)] = 5
    duration_seconds: Annotated[float, Field(gt=0, le=3600)] = 55

    @model_validator(mode="after")
    def _the_requests_fit(self) -> "HeartbeatSettings":
        needed = (self.requests - 1) / self.per_second
        if needed >= self.duration_seconds:
            raise ValueError(
                f"HEARTBEAT_REQUESTS at HEARTBEAT_PER_SECOND take {needed:g} s, "
                "longer than HEARTBEAT_DURATION_SECONDS; change one of the three"
            )
        return self
