"""The settings and text of `alertmanager.yml`: routes, receivers, time intervals, inhibitions."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal, get_args
from zoneinfo import available_timezones

import yaml
from pydantic import AfterValidator, Field, model_validator

from components.channels import CHANNELS, ROUTABLE, Delivery, heartbeat_receiver, receiver
from components.values import DnsLabel, Duration, Path, Value, WrongKeysError, matching
from problems import did_you_mean
from promql.durations import parse_duration

CONFIG_FOLDER = "/etc/alertmanager"
CONFIG_FILE = "alertmanager.yml"
TEMPLATES_FILE = "notifications.tmpl"
HEARTBEAT_RECEIVER = "heartbeat"

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)
MIDNIGHT, DAYS_END = "00:00", "24:00"


@cache
def _time_zones() -> set[str]:
    return available_timezones()


def _known_time_zone(zone: str) -> str:
    if zone not in _time_zones():
        advice = did_you_mean(zone, _time_zones(), "Write one such as Europe/Dublin.")
        raise ValueError(f"`{zone}` is not a time zone. {advice}")
    return zone


def _known_channel(name: str) -> str:
    if name not in ROUTABLE:
        advice = did_you_mean(name, ROUTABLE, f"Write one of {', '.join(ROUTABLE)}.")
        raise ValueError(f"`{name}` is not a channel. {advice}")
    return name


def _long_enough(text: str) -> str:
    if parse_duration(text) < 60_000:
        raise ValueError(f"`{text}` is too short for the heartbeat. Write 1m or more.")
    return text


_HOUR = "([01][0-9]|2[0-3]):[0-5][0-9]"
Start = Annotated[str, matching(_HOUR, "a time of the day", '"08:00"')]
End = Annotated[str, matching(f"{_HOUR}|24:00", "a time of the day", '"18:00" or "24:00"')]


class Window(Value):
    """A daily time window, `from` HH:MM `to` HH:MM, that begins on each of `weekdays`.

    If `to` is not later than `from`, the window ends the next day. Times are local to the time
    zone, so a night in which the clocks change is an hour shorter or longer.
    """

    time_zone: Annotated[str, AfterValidator(_known_time_zone)]
    weekdays: tuple[Weekday, ...] = WEEKDAYS
    start: Start = Field(validation_alias="from")
    end: End = Field(validation_alias="to")

    @model_validator(mode="after")
    def _is_not_empty(self) -> "Window":
        if not self.weekdays:
            raise ValueError("`weekdays` is empty. Name at least one day or remove the key.")
        if self.start == self.end:
            raise ValueError(
                f"from {self.start} to {self.end} is empty. For a whole day write from:"
                ' "00:00", to: "24:00".'
            )
        return self


class IdleWindow(Window):
    """A window in which nobody expects treaty traffic."""

    name: DnsLabel


class Route(Value):
    """The channel of a severity; `during` limits it to the window of that name in `hours`."""

    channel: Annotated[str, AfterValidator(_known_channel)]
    during: str | None = None


class Routes(Value):
    """The route of each severity; the fields are the severities, least severe first.

    A route may be just the name of a channel, which then applies at any time.
    """

    warning: Route
    critical: Route

    @model_validator(mode="before")
    @classmethod
    def _expand_names_of_channels(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        return {
            severity: {"channel": route} if isinstance(route, str) else route
            for severity, route in values.items()
        }

    @model_validator(mode="after")
    def _check_critical_is_unlimited(self) -> "Routes":
        if self.critical.during is not None:
            raise WrongKeysError(
                {"critical.during": "critical alerts must always reach somebody. Remove the key."}
            )
        return self

    def by_severity(self) -> dict[str, Route]:
        """The routes by severity, least severe first."""
        return {severity: getattr(self, severity) for severity in SEVERITIES}


SEVERITIES = tuple(Routes.model_fields)
"""The severities that have a route, least severe first."""


class Webhook(Value):
    """The workload that receives every notification over HTTP, at `path`."""

    workload: DnsLabel
    path: Path


class Heartbeat(Value):
    """The always-firing alert Watchdog; a receiver raises an alarm after `timeout` without it.

    The receivers are the webhook's workload and, with `outside`, the URL in the secret
    heartbeatUrl.
    """

    timeout: Annotated[Duration, AfterValidator(_long_enough)] = "5m"
    outside: bool = False

    @property
    def timeout_seconds(self) -> int:
        """The timeout in whole seconds, rounded down."""
        return parse_duration(self.timeout) // 1000

    @property
    def interval_seconds(self) -> int:
        """How often it is sent. Two notifications in a row can be lost without an alarm."""
        return self.timeout_seconds // 3


class Routing(Value):
    """Who is notified of each severity, and when; `hours` are the windows that routes refer to."""

    routes: Routes
    hours: dict[DnsLabel, Window] = Field(default_factory=dict)
    idle_windows: tuple[IdleWindow, ...] = ()
    heartbeat: Heartbeat = Heartbeat()
    slack_channel: (
        Annotated[str, matching(r"[#@]\S+", "a channel or user of Slack", "'#alerts'")] | None
    ) = None
    webhook: Webhook | None = None

    @property
    def channels_outside(self) -> tuple[str, ...]:
        """The channels in use that leave the cluster, without duplicates."""
        used = [route.channel for route in self.routes.by_severity().values()]
        if self.heartbeat.outside:
            used.append("heartbeat")
        return tuple(name for name in dict.fromkeys(used) if CHANNELS[name].credential)

    @model_validator(mode="after")
    def _is_consistent(self) -> "Routing":
        wrong = dict([*self._channels_without_address(), *self._invalid_times()])
        if wrong:
            raise WrongKeysError(wrong)
        return self

    def _channels_without_address(self) -> Iterator[tuple[str, str]]:
        used = {route.channel for route in self.routes.by_severity().values()}
        if "slack" in used and self.slack_channel is None:
            yield "slackChannel", "missing, and a route goes to slack. Write e.g. '#alerts'."
        if self.webhook is not None:
            return
        if "webhook" in used:
            yield (
                "webhook",
                "missing, and a route goes to webhook. Write e.g."
                " {workload: harbinger, path: /alerts}.",
            )
        elif not self.heartbeat.outside:
            yield "heartbeat", "nobody receives the heartbeat. Set heartbeat.outside or webhook."

    def _invalid_times(self) -> Iterator[tuple[str, str]]:
        for severity, route in self.routes.by_severity().items():
            if route.during is not None and route.during not in self.hours:
                known = ", ".join(self.hours) or "none yet"
                advice = did_you_mean(route.during, self.hours, f"`hours` has {known}.")
                yield f"routes.{severity}.during", f"`{route.during}` is not in `hours`. {advice}"
        taken = set(self.hours)
        for number, window in enumerate(self.idle_windows):
            if window.name in taken:
                yield (
                    f"idleWindows.{number}.name",
                    f"`{window.name}` is the name of another window too. Choose another name.",
                )
            taken.add(window.name)


@dataclass(frozen=True, kw_only=True)
class AlertmanagerConfig:
    """The parameters of `alertmanager.yml`.

    `heartbeat` is (name, severity) of the alert that always fires; no other alert has its severity.
    `idle` is (name, severity) of the alert that idle windows mute. Each of `inhibitions` is
    (source, target, labels): while `source` fires, `target` with equal labels is muted.
    `heartbeat_topic` is the ARN of the SNS topic that gets the heartbeat too.
    """

    environment: str
    routing: Routing
    webhook_url: str | None
    heartbeat_topic: str | None
    heartbeat: tuple[str, str]
    idle: tuple[str, str]
    inhibitions: Sequence[tuple[str, str, Sequence[str]]]


def alertmanager_yml(config: AlertmanagerConfig) -> str:
    """The configuration file, as YAML.

    Each severity has its own receiver. An alert without a matching route goes to the receiver of
    the highest severity, so that it is not lost.
    """
    routing = config.routing
    routes = routing.routes.by_severity()
    delivery = Delivery(
        environment=config.environment,
        slack_channel=routing.slack_channel,
        webhook_url=config.webhook_url,
        heartbeat_topic=config.heartbeat_topic,
    )
    document = {
        # Relative to this file, so that both files can be moved together.
        "templates": [TEMPLATES_FILE],
        "route": {
            "receiver": SEVERITIES[-1],
            # Not by pod: one cause that affects many pods should be one notification.
            "group_by": ["alertname", "namespace", "job", "workload"],
            "group_wait": "30s",
            "group_interval": "5m",
            "repeat_interval": "4h",
            "routes": [
                _heartbeat_route(config),
                *(_route(config, severity, route) for severity, route in routes.items()),
            ],
        },
        "inhibit_rules": [
            {
                "source_matchers": [f'alertname="{source}"'],
                "target_matchers": [f'alertname="{target}"'],
                "equal": list(equal),
            }
            for source, target, equal in config.inhibitions
        ],
        "receivers": [
            heartbeat_receiver(HEARTBEAT_RECEIVER, delivery, outside=routing.heartbeat.outside),
            *(receiver(severity, route.channel, delivery) for severity, route in routes.items()),
        ],
        "time_intervals": [
            *(time_interval(name, window) for name, window in routing.hours.items()),
            *(time_interval(window.name, window) for window in routing.idle_windows),
        ],
    }
    return yaml.safe_dump(document, sort_keys=False)


def _heartbeat_route(config: AlertmanagerConfig) -> dict[str, Any]:
    alert, severity = config.heartbeat
    interval = config.routing.heartbeat.interval_seconds
    return {
        "receiver": HEARTBEAT_RECEIVER,
        "matchers": [f'alertname="{alert}"', f'severity="{severity}"'],
        "group_wait": "0s",
        "group_interval": f"{interval}s",
        # Shorter than the interval. If they were equal, a repetition would come due just after a
        # flush and wait for the next one, so every second heartbeat would be skipped.
        "repeat_interval": f"{interval // 2}s",
    }


def _route(config: AlertmanagerConfig, severity: str, route: Route) -> dict[str, Any]:
    active = {"active_time_intervals": [route.during]} if route.during else {}
    found = {"receiver": severity, "matchers": [f'severity="{severity}"'], **active}
    idle, idle_severity = config.idle
    if config.routing.idle_windows and idle_severity == severity:
        found["routes"] = [
            {
                "matchers": [f'alertname="{idle}"'],
                # A route does not inherit its parent's time intervals.
                **active,
                "mute_time_intervals": [window.name for window in config.routing.idle_windows],
            }
        ]
    return found


def time_interval(name: str, window: Window) -> Mapping[str, Any]:
    """An entry of `time_intervals`; a window that crosses midnight becomes two ranges."""
    if window.start < window.end:
        parts = [(window.weekdays, window.start, window.end)]
    else:
        parts = [
            (window.weekdays, window.start, DAYS_END),
            ([_next_day(day) for day in window.weekdays], MIDNIGHT, window.end),
        ]
    return {
        "name": name,
        "time_intervals": [
            {
                "weekdays": sorted(days, key=WEEKDAYS.index),
                "times": [{"start_time": start, "end_time": end}],
                "location": window.time_zone,
            }
            for days, start, end in parts
            if start != end
        ],
    }


def _next_day(weekday: Weekday) -> Weekday:
    return WEEKDAYS[(WEEKDAYS.index(weekday) + 1) % len(WEEKDAYS)]
