"""Reads the state of a running platform from its servers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from ops.http_api import ApiError
from ops.live.platform import Platform
from ops.prometheus_api import ActiveAlert, Prometheus, Rule, RuleGroup, Target

EVENTS = 1000
"""Number of the latest harbinger events to read."""
_RELOADED = (
    '{__name__=~"(prometheus|alertmanager|blackbox_exporter)_config_last_reload_successful"}'
)


@dataclass(frozen=True)
class Observation:
    """The platform's state at one moment.

    `reloads`: whether the last reload of each server succeeded. `events`: harbinger's events,
    newest first. `problem`: which server can't be reached, and why.
    """

    targets: Sequence[Target] = ()
    groups: Sequence[RuleGroup] = ()
    reloads: Mapping[str, bool] = field(default_factory=dict)
    events: Sequence[Mapping[str, Any]] = ()
    problem: str | None = None

    def rules(self, kind: str = "") -> list[Rule]:
        """All rules, or those of one type: alerting or recording."""
        return [rule for group in self.groups for rule in group.rules if kind in ("", rule.type)]

    def alerts(self, state: str) -> list[tuple[Rule, ActiveAlert]]:
        """The alerts in a state (firing or pending), each with its rule."""
        return [
            (rule, alert)
            for rule in self.rules("alerting")
            for alert in rule.alerts
            if alert.state == state
        ]

    @property
    def is_up(self) -> bool:
        """Whether every target answers its scrapes."""
        return bool(self.targets) and all(target.health == "up" for target in self.targets)

    @property
    def is_evaluated(self) -> bool:
        """Whether every rule has been evaluated."""
        return bool(self.groups) and all(rule.health != "unknown" for rule in self.rules())


class Observer:
    """Queries a platform's Prometheus and harbinger."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._prometheus: Prometheus | None = None

    @property
    def prometheus(self) -> Prometheus:
        """The client of the platform's Prometheus; a new one after a failure."""
        if self._prometheus is None:
            (pod,) = self._platform.pods_of("prometheus-server")
            self._prometheus = Prometheus(pod.url)
        return self._prometheus

    def close(self) -> None:
        """Close the connections."""
        if self._prometheus:
            self._prometheus.close()
            self._prometheus = None

    def observe(self) -> Observation:
        """The state of the platform now; never raises."""
        try:
            prometheus = self.prometheus
            reloaded = prometheus.query(_RELOADED)
            return Observation(
                targets=prometheus.targets(),
                groups=prometheus.rules(),
                reloads={sample.metric["job"]: sample.value[1] == 1 for sample in reloaded},
                events=self.events(),
            )
        except ApiError as error:
            # A client stays unusable after a failure, but the server may come back.
            self.close()
            return Observation(problem=str(error))
        except (httpx.HTTPError, ValueError) as error:
            return Observation(problem=f"harbinger: {error}")

    def events(self) -> list[Mapping[str, Any]]:
        """Harbinger's events, newest first. Raises httpx.HTTPError or ValueError."""
        found: list[Mapping[str, Any]] = []
        for pod in self._platform.pods_of("harbinger"):
            url = f"{pod.url}/events?limit={EVENTS}"
            answer = httpx.get(url, timeout=5, trust_env=False)
            found += answer.raise_for_status().json()["events"]
        return sorted(found, key=lambda event: event["received"], reverse=True)
