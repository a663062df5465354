"""Times of the day and of the week, on the wall clocks of a time zone."""

import difflib
from functools import cache
from typing import Annotated
from zoneinfo import available_timezones

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from components.alertmanager_times import WEEKDAYS, Weekday
from stacks.sections import Section


@cache
def _zones() -> set[str]:
    return available_timezones()


def _known(zone: str) -> str:
    """A time zone by its name in the tz database; ValueError otherwise."""
    if zone not in _zones():
        near = difflib.get_close_matches(zone, _zones(), n=1)
        advice = f"did you mean {near[0]}?" if near else "write one such as Europe/Dublin"
        raise ValueError(f"there is no time zone {zone!r}; {advice}")
    return zone


TimeZone = Annotated[str, AfterValidator(_known)]
Start = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
End = Annotated[str, StringConstraints(pattern=r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$")]


class Window(Section):
    """The time `from` HH:MM `to` HH:MM, until the next day where that is not after its beginning.

    `weekdays` are those on which it begins. Times follow the zone's wall clocks, so that a night in
    which they are put forward or back is an hour shorter or longer.
    """

    time_zone: TimeZone
    weekdays: tuple[Weekday, ...] = WEEKDAYS
    from_: Start = Field(alias="from")
    to: End

    @model_validator(mode="after")
    def _is_not_empty(self) -> "Window":
        if not self.weekdays:
            raise ValueError("no weekdays is no time at all; for all of them leave weekdays out")
        if self.from_ == self.to:
            raise ValueError(
                f"from {self.from_} to {self.to} is no time at all; for a whole day write"
                ' from: "00:00", to: "24:00"'
            )
        return self
