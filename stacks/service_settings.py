"""The settings of the services: those that run all the time, and those that run at set times."""

from pydantic import Field, model_validator

from components.values import Image, Port, Schedule, VariableName
from stacks.sections import Resources, Section


class Workload(Section):
    """A service of the platform: HTTP on `port` with /health, /ready and /metrics."""

    image: Image | None = None
    command: tuple[str, ...] = Field(min_length=1)
    replicas: int = Field(default=1, ge=1)
    port: Port = 8000
    headless: bool = False
    never_twice: bool = False
    calls: tuple[str, ...] = ()
    environment: dict[VariableName, str] = Field(default_factory=dict)
    resources: Resources = Resources()

    @model_validator(mode="after")
    def _once_means_one(self) -> "Workload":
        if self.never_twice and self.replicas > 1:
            raise ValueError("neverTwice and more than one replica contradict each other")
        return self


class CronJob(Section):
    """A service that runs at set times (cron, UTC) and is cut off after `deadline_seconds`."""

    image: Image | None = None
    command: tuple[str, ...] = Field(min_length=1)
    schedule: Schedule
    suspend: bool = False
    deadline_seconds: int = Field(ge=1, le=3600)
    calls: tuple[str, ...] = Field(min_length=1)
    environment: dict[VariableName, str] = Field(default_factory=dict)
    resources: Resources = Resources()
