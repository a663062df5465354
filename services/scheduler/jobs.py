"""Jobs, and the times when they are due by their cron expressions."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from services.shell import HttpUrl, JsonObject

_MAX_MISSED = 1000
_ANY_TIME = datetime(2024, 1, 1)


def check_cron(cron: str) -> str:
    """Return the cron expression unchanged.

    Raises ValueError if it is invalid or never due. With five fields, the second is 0; with six,
    the first field is the second.
    """
    try:
        next(CronSim(cron, _ANY_TIME))
    except (CronSimError, StopIteration) as error:
        reason = str(error) or "it is never due"
        raise ValueError(f"{cron!r} is not a cron expression: {reason}") from None
    return cron


class Job(BaseModel):
    """A recurring HTTP call. It succeeds if the answer is 2xx within `timeout_seconds`.

    `cron` has five fields, or six with the second first. `body` is sent as JSON.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
    cron: Annotated[str, AfterValidator(check_cron)]
    url: HttpUrl
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "GET"
    body: JsonObject | None = None
    timeout_seconds: Annotated[float, Field(gt=0, le=3600)] = 30


@dataclass(frozen=True)
class DueRun:
    """A run that is due since `since`; `missed` counts earlier runs that never started."""

    since: datetime
    missed: int


class Timetable:
    """The times of one job in one time zone, after `start`."""

    next: datetime
    """When the next run is due."""

    def __init__(self, cron: str, zone: ZoneInfo, start: datetime) -> None:
        self._cron = cron
        self._zone = zone
        self.next = next(self._times_after(start))

    def due(self, now: datetime) -> DueRun | None:
        """The run that is due at `now`, or None; advances `next` past `now`.

        After a pause, one run is due, since the latest time that passed; the earlier ones are
        missed. Counts the first thousand times only.
        """
        if self.next > now:
            return None
        passed = [self.next]
        for time in islice(self._times_after(self.next), _MAX_MISSED):
            if time > now:
                break
            passed.append(time)
        self.next = next(self._times_after(now))
        return DueRun(since=passed[-1], missed=len(passed) - 1)

    def _times_after(self, time: datetime) -> Iterator[datetime]:
        return CronSim(self._cron, time.astimezone(self._zone))
