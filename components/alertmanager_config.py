"""The text of `alertmanager.yml`: which alert reaches whom and when, and which hides which."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from components.alertmanager_times import Window, time_interval
from components.channels import Addresses, heartbeat_receiver, receiver

CONFIG_FOLDER = "/etc/alertmanager"
CONFIG_FILE = "alertmanager.yml"
TEMPLATES_FILE = "notifications.tmpl"
HEARTBEAT_RECEIVER = "heartbeat"


@dataclass(frozen=True, kw_only=True)
class Inhibition:
    """While alert `source` fires, alert `target` with the same `equal` labels stays silent."""

    source: str
    target: str
    equal: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Route:
    """Where a severity goes: pagerduty, slack or webhook, at any time or in one window alone."""

    channel: str
    during: str | None = None


@dataclass(frozen=True, kw_only=True)
class Heartbeat:
    """The alert that always fires, the only one with its `severity`; sent every `interval_seconds`.

    It goes to the webhook and, if `goes_outside`, to the address in the heartbeat's secret.
    """

    alert: str
    severity: str
    interval_seconds: int
    goes_outside: bool


@dataclass(frozen=True, kw_only=True)
class Idle:
    """An alert that is expected, and so kept quiet, while one of the windows is open."""

    alert: str
    severity: str
    windows: Sequence[Window]


@dataclass(frozen=True, kw_only=True)
class AlertmanagerConfig:
    """`routes` are those of each severity, least severe first; `hours` the windows they name."""

    addresses: Addresses
    routes: Mapping[str, Route]
    hours: Sequence[Window]
    idle: Idle
    heartbeat: Heartbeat
    inhibitions: Sequence[Inhibition]


def alertmanager_yml(config: AlertmanagerConfig) -> str:
    """The configuration file, as YAML.

    Each severity has a receiver of its own. An alert whose severity no route knows goes to the
    receiver of the most severe, so that none is lost.
    """
    *_, most_severe = config.routes
    windows = [*config.hours, *config.idle.windows]
    document = {
        # Relative to this file, so that both can be moved together.
        "templates": [TEMPLATES_FILE],
        "route": {
            "receiver": most_severe,
            # Never by pod: one cause in many pods is one notification.
            "group_by": ["alertname", "namespace", "job", "workload"],
            "group_wait": "30s",
            "group_interval": "5m",
            "repeat_interval": "4h",
            "routes": [
                _heartbeat_route(config.heartbeat),
                *(_route(config, severity, route) for severity, route in config.routes.items()),
            ],
        },
        "inhibit_rules": [
            {
                "source_matchers": [f'alertname="{rule.source}"'],
                "target_matchers": [f'alertname="{rule.target}"'],
                "equal": list(rule.equal),
            }
            for rule in config.inhibitions
        ],
        "receivers": [
            heartbeat_receiver(
                HEARTBEAT_RECEIVER,
                config.addresses,
                goes_outside=config.heartbeat.goes_outside,
            ),
            *(
                receiver(severity, route.channel, config.addresses)
                for severity, route in config.routes.items()
            ),
        ],
        "time_intervals": [time_interval(window) for window in windows],
    }
    return yaml.safe_dump(document, sort_keys=False)


def _heartbeat_route(heartbeat: Heartbeat) -> dict[str, Any]:
    return {
        "receiver": HEARTBEAT_RECEIVER,
        "matchers": [f'alertname="{heartbeat.alert}"', f'severity="{heartbeat.severity}"'],
        "group_wait": "0s",
        "group_interval": f"{heartbeat.interval_seconds}s",
        # Shorter than the interval: a repetition that comes due a moment after a flush would wait
        # for the next one, and every second beat would be left out.
        "repeat_interval": f"{heartbeat.interval_seconds // 2}s",
    }


def _route(config: AlertmanagerConfig, severity: str, route: Route) -> dict[str, Any]:
    found = {"receiver": severity, "matchers": [f'severity="{severity}"'], **_active(route)}
    if config.idle.windows and config.idle.severity == severity:
        found["routes"] = [
            {
                "matchers": [f'alertname="{config.idle.alert}"'],
                # A route does not inherit its parent's times.
                **_active(route),
                "mute_time_intervals": [window.name for window in config.idle.windows],
            }
        ]
    return found


def _active(route: Route) -> dict[str, Any]:
    return {"active_time_intervals": [route.during]} if route.during else {}
