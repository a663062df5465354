"""The settings of the scheduler: its jobs, and the time zone of their times."""

from typing import Annotated, ClassVar, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, Json

from services.fields import HttpUrl, JsonObject
from services.scheduler.jobs import checked
from services.shell import ServerSettings


class Job(BaseModel):
    """A recurring call over HTTP: it succeeds when the answer is 2xx within `timeout_seconds`.

    `cron` has five fields, or six, of which the first is the second. `body` is sent as JSON.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
    cron: Annotated[str, AfterValidator(checked)]
    url: HttpUrl
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "GET"
    body: JsonObject | None = None
    timeout_seconds: Annotated[float, Field(gt=0, le=3600)] = 30


def _each_name_once(jobs: tuple[Job, ...]) -> tuple[Job, ...]:
    names = [job.name for job in jobs]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"there are two jobs called {name!r}; rename one")
    return jobs


class SchedulerSettings(ServerSettings):
    """Read from SCHEDULER_JOBS, a JSON list of jobs, and SCHEDULER_TIME_ZONE, an IANA name."""

    service: ClassVar[str] = "scheduler"

    jobs: Annotated[
        Json[tuple[Job, ...]], Field(max_length=100), AfterValidator(_each_name_once)
    ] = ()
    time_zone: ZoneInfo = ZoneInfo("UTC")
