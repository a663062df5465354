"""The settings of who is notified: routes by severity, hours, the heartbeat, the webhook."""

import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from components.channels import CHANNELS, ROUTABLE
from components.hours import IdleWindow, Window
from components.urls import FixedPath
from components.values import NOT_EMPTY, DnsLabel, Duration, Value, WrongKeysError, matching
from problems import did_you_mean
from promql.durations import parse_duration

_OWN_WINDOW = re.compile(r".*-closed-for-[0-9]+m")
_OWN_NAME = "the program names spans in which hours are closed so. Choose another name"


def _known_channel(name: str) -> str:
    if name not in ROUTABLE:
        advice = did_you_mean(name, ROUTABLE, f"Write one of {', '.join(ROUTABLE)}.")
        raise ValueError(f"`{name}` is not a channel. {advice}")
    return name


def _long_enough(text: str) -> str:
    if parse_duration(text) < 60_000:
        raise ValueError(f"`{text}` is too short for the heartbeat. Write 1m or more.")
    return text


SlackChannel = Annotated[
    str,
    # Alertmanager would execute it as a template.
    matching(
        r"[#@](?!.*\{\{)[^\s\x00-\x1f\x7f]+|[CDGU][A-Z0-9]{8,}",
        "a channel or user of Slack",
        "'#alerts'",
    ),
]


class Route(Value):
    """A channel of a severity; `during` limits it to the window of that name in `hours`."""

    channel: Annotated[str, AfterValidator(_known_channel)]
    during: str | None = None


class Routes(Value):
    """The routes of each severity; the fields are the severities, least severe first.

    In settings, a route may be just the name of a channel, which then applies at any time, and a
    single route needs no list.
    """

    warning: Annotated[tuple[Route, ...], NOT_EMPTY]
    critical: Annotated[tuple[Route, ...], NOT_EMPTY]

    @model_validator(mode="before")
    @classmethod
    def _expand_short_forms(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        lists = {
            severity: found if isinstance(found, list | tuple) else [found]
            for severity, found in values.items()
        }
        return {
            severity: [{"channel": one} if isinstance(one, str) else one for one in found]
            for severity, found in lists.items()
        }

    @model_validator(mode="after")
    def _check_routes(self) -> "Routes":
        wrong = {
            f"{severity}.{number}.channel": f"`{route.channel}` is there twice. Remove one."
            for severity, routes in self.by_severity().items()
            for number, route in enumerate(routes)
            if route.channel in [other.channel for other in routes[:number]]
        }
        wrong |= {
            f"{severity}.{number}.during": "the webhook has no hours. Remove the key."
            for severity, routes in self.by_severity().items()
            for number, route in enumerate(routes)
            if route.channel == "webhook" and route.during
        }
        if all(route.during for route in self.critical):
            wrong["critical.0.during"] = (
                "critical alerts must always reach somebody. Remove the key, or add a channel"
                " without it."
            )
        if wrong:
            raise WrongKeysError(wrong)
        return self

    def by_severity(self) -> dict[str, tuple[Route, ...]]:
        """The routes by severity, least severe first."""
        return {severity: getattr(self, severity) for severity in SEVERITIES}


SEVERITIES = tuple(Routes.model_fields)
"""The severities that have a route, least severe first."""


class Webhook(Value):
    """The workload that receives every notification over HTTP, at `path`."""

    workload: DnsLabel
    path: FixedPath


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
    """Who is notified of each severity, and when; `hours` are the windows that routes refer to.

    `pagerduty_region` is the service region of PagerDuty in which the routing key was made.
    """

    routes: Routes
    hours: dict[DnsLabel, Window] = Field(default_factory=dict)
    idle_windows: tuple[IdleWindow, ...] = ()
    heartbeat: Heartbeat = Heartbeat()
    slack_channel: SlackChannel | None = None
    pagerduty_region: Literal["us", "eu"] = "us"
    webhook: Webhook | None = None

    @property
    def channels(self) -> tuple[str, ...]:
        """The channels of all routes, without duplicates; those of critical alerts first."""
        routes = (*self.routes.critical, *self.routes.warning)
        return tuple(dict.fromkeys(route.channel for route in routes))

    @property
    def channels_outside(self) -> tuple[str, ...]:
        """The channels in use that leave the cluster, without duplicates."""
        used = (*self.channels, *(["heartbeat"] if self.heartbeat.outside else []))
        return tuple(name for name in used if CHANNELS[name].credential)

    @property
    def paging(self) -> tuple[str, ...]:
        """The channels on which people rely for critical alerts at any time.

        Those that page somebody; if there are none, those that somebody reads. Without either,
        critical alerts reach programs alone.
        """
        at_any_time = [route.channel for route in self.routes.critical if not route.during]
        people = [name for name in at_any_time if CHANNELS[name].reaches != "programs"]
        return tuple(name for name in people if CHANNELS[name].reaches == "pagers") or tuple(people)

    @model_validator(mode="after")
    def _is_consistent(self) -> "Routing":
        wrong = dict([*self._channels_without_address(), *self._invalid_times()])
        if wrong:
            raise WrongKeysError(wrong)
        return self

    def _channels_without_address(self) -> Iterator[tuple[str, str]]:
        if "slack" in self.channels and self.slack_channel is None:
            yield "slackChannel", "missing, and a route goes to slack. Write e.g. '#alerts'."
        if self.webhook is not None:
            return
        if "webhook" in self.channels:
            yield (
                "webhook",
                "missing, and a route goes to webhook. Write e.g."
                " {workload: harbinger, path: /alerts}.",
            )
        elif not self.heartbeat.outside:
            yield "heartbeat", "nobody receives the heartbeat. Set heartbeat.outside or webhook."

    def _invalid_times(self) -> Iterator[tuple[str, str]]:
        for severity, routes in self.routes.by_severity().items():
            for number, route in enumerate(routes):
                if route.during is not None and route.during not in self.hours:
                    known = ", ".join(self.hours) or "none yet"
                    advice = did_you_mean(route.during, self.hours, f"`hours` has {known}.")
                    text = f"`{route.during}` is not in `hours`. {advice}"
                    yield f"routes.{severity}.{number}.during", text
        for name in self.hours:
            if _OWN_WINDOW.fullmatch(name):
                yield f"hours.{name}", f"{_OWN_NAME}."
        taken = set(self.hours)
        for number, window in enumerate(self.idle_windows):
            if _OWN_WINDOW.fullmatch(window.name):
                yield f"idleWindows.{number}.name", f"`{window.name}`: {_OWN_NAME}."
            elif window.name in taken:
                yield (
                    f"idleWindows.{number}.name",
                    f"`{window.name}` is the name of another window too. Choose another name.",
                )
            taken.add(window.name)
