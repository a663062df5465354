"""The document of `alertmanager.yml`: routes, receivers, time intervals, inhibitions."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from components.channels import EVENTS_URLS, Delivery, heartbeat_receiver, receiver
from components.hours import closed_spans, spans_interval, time_interval
from components.routing import SEVERITIES, Routing

CONFIG_FOLDER = "/etc/alertmanager"
CONFIG_FILE = "alertmanager.yml"
TEMPLATES_FILE = "notifications.tmpl"
HEARTBEAT, OUTSIDE = "heartbeat", "heartbeat-outside"
WEBHOOK, ALL_CHANNELS = "webhook", "all-channels"
"""Names of receivers, besides those of severities."""
REPEAT_MINUTES = 4 * 60
CLOCK_CHANGE_MINUTES = 60
"""By how many minutes a span may be longer in the night in which the clocks change."""

Route = dict[str, Any]
Matchers = Sequence[str]


class Inhibition(NamedTuple):
    """While an alert that matches `source` fires, those that match `target` are muted.

    Only if the labels `equal` have the same values.
    """

    source: Matchers
    target: Matchers
    equal: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class AlertmanagerConfig:
    """The parameters of `alertmanager.yml`.

    `heartbeat` matches the alert that always fires, and with `outside` the one of its instances
    that leaves the cluster. `through_all` matches alerts about lost notifications, and `page_lost`
    the one of a channel that fails, whose name is in its label `integration`. `idle` is (name,
    severity) of the alert that idle windows mute. `heartbeat_topic` is the ARN of the SNS topic
    that gets the heartbeat too.
    """

    environment: str
    routing: Routing
    webhook_url: str | None
    heartbeat_topic: str | None
    heartbeat: Matchers
    outside: Matchers
    through_all: Matchers
    page_lost: Matchers
    idle: tuple[str, str]
    inhibitions: Sequence[Inhibition]


def equal(label: str, value: str) -> str:
    """The matcher of a label's value, which Alertmanager reads as Go does a quoted string."""
    return f"{label}={json.dumps(value, ensure_ascii=False)}"


def alertmanager_document(config: AlertmanagerConfig) -> dict[str, Any]:
    """The document of the configuration file.

    Every notification goes to the webhook, at any time, and by a route of its own. An alert without
    a matching route goes to the receiver of the highest severity, so that it is not lost.
    """
    routing = config.routing
    region = EVENTS_URLS.get(routing.pagerduty_region)
    return {
        **({"global": {"pagerduty_url": region}} if region else {}),
        # Relative to this file, so that both files can be moved together.
        "templates": [TEMPLATES_FILE],
        "route": {
            "receiver": _fallback(routing),
            # Not by pod: one cause that affects many pods should be one notification.
            "group_by": ["alertname", "namespace", "job", "workload"],
            "group_wait": "30s",
            "group_interval": "5m",
            "repeat_interval": f"{REPEAT_MINUTES // 60}h",
            "routes": [*_heartbeat_routes(config), *_routes(config)],
        },
        "inhibit_rules": [
            {
                "source_matchers": list(one.source),
                "target_matchers": list(one.target),
                "equal": list(one.equal),
            }
            for one in (*config.inhibitions, *_outside_inhibition(config))
        ],
        "receivers": list(receivers(config)),
        "time_intervals": [
            *(time_interval(name, window) for name, window in routing.hours.items()),
            *_closed_intervals(routing),
            *(time_interval(window.name, window) for window in routing.idle_windows),
        ],
    }


def _leaves_cluster(config: AlertmanagerConfig) -> bool:
    return config.routing.heartbeat.outside or config.heartbeat_topic is not None


def _heartbeat_routes(config: AlertmanagerConfig) -> Iterator[Route]:
    interval = config.routing.heartbeat.interval_seconds
    timing = {
        "group_wait": "0s",
        "group_interval": f"{interval}s",
        # Shorter than the interval. If they were equal, a repetition would come due just after a
        # flush and wait for the next one, so every second heartbeat would be skipped.
        "repeat_interval": f"{interval // 2}s",
    }
    if _leaves_cluster(config):
        matchers = [*config.heartbeat, *config.outside]
        yield {"receiver": OUTSIDE, "matchers": matchers, **timing}
    yield {"receiver": HEARTBEAT, "matchers": list(config.heartbeat), **timing}


def _outside_inhibition(config: AlertmanagerConfig) -> Iterator[Inhibition]:
    """No heartbeat goes outside while pages are lost, so that somebody outside notices."""
    paging = config.routing.paging
    if paging and _leaves_cluster(config):
        source = [*config.page_lost, f'integration=~"{"|".join(paging)}"']
        yield Inhibition(source, [*config.heartbeat, *config.outside], ())


def _channels(routing: Routing) -> dict[str, dict[str | None, list[str]]]:
    """Severity -> name of the hours, None for any time -> channels; without the webhook."""
    found: dict[str, dict[str | None, list[str]]] = {}
    for severity, routes in routing.routes.by_severity().items():
        found[severity] = {}
        for route in routes:
            if route.channel != WEBHOOK:
                found[severity].setdefault(route.during, []).append(route.channel)
    return found


def _name(severity: str, during: str | None) -> str:
    return f"{severity}-{during}" if during else severity


def _fallback(routing: Routing) -> str:
    severity = SEVERITIES[-1]
    channels = _channels(routing)[severity]
    return severity if None in channels or not channels else WEBHOOK


def _routes(config: AlertmanagerConfig) -> Iterator[Route]:
    routing, channels = config.routing, _channels(config.routing)
    tells_people = any(channels.values())
    if tells_people:
        yield {"receiver": ALL_CHANNELS, "matchers": list(config.through_all)}
    for severity in SEVERITIES:
        if not channels[severity]:
            yield {"receiver": severity, "matchers": [f'severity="{severity}"']}
    if tells_people and config.webhook_url is not None:
        yield {"receiver": WEBHOOK, "continue": True}
    for severity in SEVERITIES:
        nodes = [
            node
            for during in channels[severity]
            for node in _severity_routes(config, severity, during)
        ]
        for node in nodes[:-1]:
            node["continue"] = True
        yield from nodes
    # The route to the webhook matches everything, so the root's receiver is not reached.
    if None in channels[SEVERITIES[-1]]:
        yield {"receiver": _fallback(routing)}


def _severity_routes(
    config: AlertmanagerConfig, severity: str, during: str | None
) -> Iterator[Route]:
    """The route of channels with the same hours, and its siblings that send `resolved` after hours.

    Outside the hours, Alertmanager drops every notification that comes due. Routes with the same
    matchers, grouping and receiver share one notification log. So a sibling has no hours, and its
    `group_wait` is as long as they stay closed: it sends no new alert, but does send `resolved` for
    alerts in the log. Nor does it send repeats: an entry is renewed or forgotten before it is as
    old as the sibling's `repeat_interval`. There is one for each length of closed span (a night, a
    weekend), muted in longer ones, because a weekend's wait would be too long for a night.
    """
    base: Route = {"receiver": _name(severity, during), "matchers": [f'severity="{severity}"']}
    if during is None:
        yield _with_idle_windows(config, severity, base)
        return
    window = config.routing.hours[during]
    lengths = sorted({length for _, length in closed_spans(window)})
    repeat_minutes = REPEAT_MINUTES
    if lengths:
        # The log forgets an entry after two of these: one until a repeat comes due, perhaps just
        # after the closing, and one until the opening.
        repeat_minutes = max(REPEAT_MINUTES, lengths[-1] + 2 * CLOCK_CHANGE_MINUTES)
        base["repeat_interval"] = f"{repeat_minutes}m"
    yield _with_idle_windows(
        config, severity, {**base, "active_time_intervals": [during]}, hours=[during]
    )
    for length in lengths:
        muted = [_closed_name(during, other) for other in lengths if other > length]
        route = {
            **base,
            "group_wait": f"{length + CLOCK_CHANGE_MINUTES}m",
            "repeat_interval": f"{2 * repeat_minutes}m",
        }
        if muted:
            route["mute_time_intervals"] = muted
        yield _with_idle_windows(config, severity, route, muted=muted)


def _with_idle_windows(
    config: AlertmanagerConfig,
    severity: str,
    route: Route,
    *,
    hours: Sequence[str] = (),
    muted: Sequence[str] = (),
) -> Route:
    """The route with a child that mutes one alert in the idle windows, if it is of the severity."""
    alert, alert_severity = config.idle
    windows = config.routing.idle_windows
    if not windows or alert_severity != severity:
        return route
    child = {
        "matchers": [equal("alertname", alert)],
        # A route does not inherit its parent's time intervals.
        **({"active_time_intervals": list(hours)} if hours else {}),
        "mute_time_intervals": [*muted, *(window.name for window in windows)],
    }
    return {**route, "routes": [child]}


def _closed_name(during: str, length: int) -> str:
    return f"{during}-closed-for-{length}m"


def _closed_intervals(routing: Routing) -> Iterator[Mapping[str, Any]]:
    """The spans of the week in which some route's hours are closed for longer than in others."""
    used = {during for one in _channels(routing).values() for during in one if during}
    for name in sorted(used):
        window = routing.hours[name]
        spans = closed_spans(window)
        for length in sorted({length for _, length in spans})[1:]:
            same = [span for span in spans if span[1] == length]
            yield spans_interval(_closed_name(name, length), window.time_zone, same)


def receivers(config: AlertmanagerConfig) -> Iterator[dict[str, Any]]:
    """The receivers, as the configuration file has them."""
    routing = config.routing
    delivery = Delivery(
        environment=config.environment,
        slack_channel=routing.slack_channel,
        webhook_url=config.webhook_url,
        heartbeat_topic=config.heartbeat_topic,
    )
    yield heartbeat_receiver(HEARTBEAT, delivery)
    if _leaves_cluster(config):
        yield heartbeat_receiver(OUTSIDE, delivery, outside=True, by_url=routing.heartbeat.outside)
    if any(_channels(routing).values()):
        yield receiver(WEBHOOK, [WEBHOOK], SEVERITIES[-1], delivery)
        every = dict.fromkeys((*routing.channels, WEBHOOK))
        yield receiver(ALL_CHANNELS, [*every], SEVERITIES[-1], delivery)
    for severity, by_hours in _channels(routing).items():
        if not by_hours:
            yield receiver(severity, [WEBHOOK], severity, delivery)
        for during, channels in by_hours.items():
            yield receiver(_name(severity, during), channels, severity, delivery)
