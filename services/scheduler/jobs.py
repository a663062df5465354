"""When a job is due, by its cron expression."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

_COUNTED = 1000
_ANY_TIME = datetime(2024, 1, 1)


@dataclass(frozen=True)
class Due:
    """A run that is due since `since`; `missed` are those before it that nobody started."""

    since: datetime
    missed: int


def checked(cron: str) -> str:
    """The cron expression as it is; raises ValueError if it is none, or its time never comes.

    Five fields mean second 0; six begin with the second.
    """
    try:
        next(CronSim(cron, _ANY_TIME))
    except (CronSimError, StopIteration) as error:
        raise ValueError(
            f"{cron!r} is no cron expression: {str(error) or 'its time never comes'}"
        ) from None
    return cron


class Timetable:
    """The times of one job, in one time zone; it begins at `start`, which is not one of them."""

    next: datetime
    """When the next run is due."""

    def __init__(self, cron: str, zone: ZoneInfo, start: datetime) -> None:
        self._cron = cron
        self._zone = zone
        self.next = next(self._after(start))

    def due(self, now: datetime) -> Due | None:
        """The run that is due by `now`, if one is; the timetable goes on after `now`.

        After a pause one run is due, since the last of the times that passed, and the others are
        missed; of more than a thousand only the first thousand are looked at.
        """
        if self.next > now:
            return None
        passed = [self.next]
        for time in islice(self._after(self.next), _COUNTED):
            if time > now:
                break
            passed.append(time)
        self.next = next(self._after(now))
        return Due(since=passed[-1], missed=len(passed) - 1)

    def _after(self, time: datetime) -> Iterator[datetime]:
        return CronSim(self._cron, time.astimezone(self._zone))
