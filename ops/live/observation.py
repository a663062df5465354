"""What a running platform says about itself, asked of its own APIs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from ops.http_api import ApiError
from ops.live.platform import Platform
from ops.prometheus_api import ActiveAlert, Prometheus, Rule, RuleGroup, Target

RELOADED = "config_last_reload_successful"
_RELOADS = f'{{__name__=~"(prometheus|alertmanager|blackbox_exporter)_{RELOADED}"}}'
EVENTS = 1000


@dataclass(frozen=True)
class Observation:
    """One moment; `reloads` says of each server whether its last reload succeeded.

    `events` are what harbinger has received, newest first. `problem` says who could not be asked.
    """

    targets: Sequence[Target] = ()
    groups: Sequence[RuleGroup] = ()
    reloads: Mapping[str, bool] = field(default_factory=dict)
    events: Sequence[Mapping[str, Any]] = ()
    problem: str | None = None

    def rules(self, kind: str = "") -> list[Rule]:
        """All rules, or those of a type: alerting or recording."""
        return [rule for group in self.groups for rule in group.rules if kind in ("", rule.type)]

    def alerts(self, state: str) -> list[tuple[Rule, ActiveAlert]]:
        """The alerts in a state (firing or pending), by rule."""
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


class Observer:
    """Asks a platform's Prometheus and harbinger."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._prometheus: Prometheus | None = None

    @property
    def prometheus(self) -> Prometheus:
        """The client of the platform's Prometheus; a new one after a failure."""
        if self._prometheus is None:
            (pod,) = self._platform.of("prometheus-server")
            self._prometheus = Prometheus(pod.url)
        return self._prometheus

    def close(self) -> None:
        """Let go of the connections."""
        if self._prometheus:
            self._prometheus.close()
            self._prometheus = None

    def look(self) -> Observation:
        """The platform now; never raises."""
        try:
            asked = self.prometheus
            return Observation(
                targets=asked.targets(),
                groups=asked.rules(),
                reloads={
                    sample.metric["job"]: sample.value[1] == 1 for sample in asked.query(_RELOADS)
                },
                events=self.events(),
            )
        except ApiError as error:
            # It never asks again after a failure, and the server may well come back.
            self.close()
            return Observation(problem=str(error))
        except (httpx.HTTPError, ValueError) as error:
            return Observation(problem=f"harbinger: {error}")

    def events(self) -> list[Mapping[str, Any]]:
        """What harbinger has received, newest first; raises httpx.HTTPError or ValueError."""
        found: list[Mapping[str, Any]] = []
        for pod in self._platform.of("harbinger"):
            url = f"{pod.url}/events?limit={EVENTS}"
            answer = httpx.get(url, timeout=5, trust_env=False)
            found += answer.raise_for_status().json()["events"]
        return sorted(found, key=lambda event: event["received"], reverse=True)
