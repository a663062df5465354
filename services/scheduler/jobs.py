"""Jobs, and the times when they are due by their cron expressions."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from services.shell import HttpUrl, JsonObject

_MAX_MISSED = 1000
_MAX_SPANS = 8
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
    """The times of one job in one time zone, after `start`.

    A time starts at most one run, however the clock is set. A clock that jumps ahead leaves times
    without a run behind; once it is corrected, they are due as if it had never jumped.
    """

    next: datetime
    """When the next run is due, unless that time has started one before the clock was set back."""

    def __init__(self, cron: str, zone: ZoneInfo, start: datetime) -> None:
        self._cron = cron
        self._zone = zone
        self._start = self._now = start
        self._spans: deque[tuple[datetime, datetime]] = deque(maxlen=_MAX_SPANS)
        """(first, last) of successive times that started a run, in UTC; the latest spans."""
        self.next = next(self._times_after(start))

    def due(self, now: datetime) -> DueRun | None:
        """The run that is due at `now`, or None; advances `next` past `now`.

        After a pause, one run is due, since the latest time that passed; the earlier ones are
        missed. Counts the first thousand times only.
        """
        if now < self._now:  # The clock was set back.
            self.next = next(self._times_after(now))
        self._now = now
        if self.next > now:
            return None
        passed = [self.next]
        for time in islice(self._times_after(self.next), _MAX_MISSED):
            if time > now:
                break
            passed.append(time)
        self.next = next(self._times_after(now))
        if any(first <= passed[-1] <= last for first, last in self._spans):
            return None
        self._remember(passed[-1])
        return DueRun(since=passed[-1], missed=len(passed) - 1)

    def latest_before(self, time: datetime) -> datetime | None:
        """The latest time before `time`; None if the timetable begins after it."""
        latest = next(CronSim(self._cron, time.astimezone(self._zone), reverse=True))
        return latest if latest > self._start else None

    def _remember(self, time: datetime) -> None:
        # In UTC, because Python compares times of one zone without regard to the repeated hour.
        first = time = time.astimezone(UTC)
        if self._spans and next(self._times_after(self._spans[-1][1])) == time:
            first, _ = self._spans.pop()
        self._spans.append((first, time))

    def _times_after(self, time: datetime) -> Iterator[datetime]:
        return CronSim(self._cron, time.astimezone(self._zone))
