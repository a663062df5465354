"""The settings of Alertmanager: who is told of what, and when."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StringConstraints, model_validator
from pydantic.alias_generators import to_camel

from components.values import DnsLabel, Duration, Gibibytes
from promql.durations import parse_duration
from stacks.sections import Resources, Section
from stacks.windows import Window

Channel = Literal["pagerduty", "slack", "webhook"]


class Route(Section):
    """Where a severity goes: its channel, at any time or `during` the hours of that name."""

    channel: Channel
    during: str | None = None


class Routes(Section):
    """The route of each severity; the fields are the severities, least severe first.

    The name of a channel alone stands for that channel at any time.
    """

    warning: Route
    critical: Route

    @model_validator(mode="before")
    @classmethod
    def _a_name_is_a_channel(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        return {
            severity: {"channel": route} if isinstance(route, str) else route
            for severity, route in values.items()
        }

    @model_validator(mode="after")
    def _critical_reaches_somebody_at_any_time(self) -> "Routes":
        if self.critical.during is not None:
            raise ValueError("critical must reach somebody at any time: remove its `during`")
        return self

    def by_severity(self) -> dict[str, Route]:
        """The routes by severity, least severe first."""
        return {severity: getattr(self, severity) for severity in type(self).model_fields}

    def channels(self) -> set[Channel]:
        """The channels that are used."""
        return {route.channel for route in self.by_severity().values()}


class Webhook(Section):
    """The workload that takes notifications over HTTP, and the path it takes them at."""

    workload: DnsLabel
    path: Annotated[str, StringConstraints(pattern=r"^/\S*$")]


def _long_enough(text: str) -> str:
    """A duration of a minute or more; ValueError otherwise."""
    if parse_duration(text) < 60_000:
        raise ValueError(f"{text} is too short for a heartbeat; write 1m or more")
    return text


class Heartbeat(Section):
    """The alert that always fires: who waits for it raises the alarm after `timeout` without it.

    That is the webhook's workload and, with `outside`, the address in the secret heartbeatUrl.
    """

    timeout: Annotated[Duration, AfterValidator(_long_enough)] = "5m"
    outside: bool = False

    @property
    def timeout_seconds(self) -> int:
        """The timeout, in whole seconds."""
        return parse_duration(self.timeout) // 1000

    @property
    def interval_seconds(self) -> int:
        """How often it is sent: so often that two beats in a row can be lost without an alarm."""
        return self.timeout_seconds // 3


class IdleWindow(Window):
    """A time in which no treaty traffic is expected."""

    name: DnsLabel


class Alertmanager(Section):
    """Alertmanager: its replicas, its disk for silences, and where each severity goes and when."""

    replicas: int = Field(default=1, ge=1, le=5)
    storage: Gibibytes = "1Gi"
    routes: Routes
    hours: dict[DnsLabel, Window] = Field(default_factory=dict)
    idle_windows: tuple[IdleWindow, ...] = ()
    heartbeat: Heartbeat = Heartbeat()
    slack_channel: Annotated[str, StringConstraints(pattern=r"^[#@]\S+$")] | None = None
    webhook: Webhook | None = None
    resources: Resources = Resources()

    @model_validator(mode="after")
    def _channels_are_addressed(self) -> "Alertmanager":
        used = self.routes.channels()
        if "slack" in used and self.slack_channel is None:
            raise ValueError("a route goes to slack: set slackChannel, e.g. '#alerts'")
        if "webhook" in used and self.webhook is None:
            raise ValueError(
                "a route goes to webhook: set webhook, e.g. {workload: harbinger, path: /alerts}"
            )
        if self.webhook is None and not self.heartbeat.outside:
            raise ValueError("nobody waits for the heartbeat: set heartbeat.outside or webhook")
        return self

    @model_validator(mode="after")
    def _times_have_names_of_their_own(self) -> "Alertmanager":
        if problem := next(self._unclear_times(), None):
            raise ValueError(problem)
        return self

    def _unclear_times(self) -> Iterator[str]:
        known = ", ".join(self.hours) or "none"
        for severity, route in self.routes.by_severity().items():
            if route.during is not None and route.during not in self.hours:
                yield f"routes.{severity}.during names {route.during!r}; hours has {known}"
        taken = set(self.hours)
        for window in self.idle_windows:
            if window.name in taken:
                yield (
                    f"{to_camel('idle_windows')}: the name {window.name} is given twice in hours"
                    " and idleWindows; choose another"
                )
            taken.add(window.name)
