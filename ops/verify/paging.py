"""Sends a test alert of each severity through Alertmanager, and asks which integrations took it."""

import re
import secrets
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from ops.alertmanager_api import Alertmanager, Matcher
from ops.http_api import Answer, ApiError, HttpApi
from ops.manifests import Manifests, load_yaml
from ops.verify.rows import Row, judge, red, untried
from ops.verify.servers import ALERTMANAGER, PROMETHEUS, webhook_workload
from promql.durations import parse_duration

CHECK = "test page"
ALERT = "TestPage"
PEER_SECONDS = 15
"""How long each further Alertmanager waits for the one before it (its default peer timeout)."""
GRACE_SECONDS = 30
PAUSE_SECONDS = 1.0
_SEVERITY = re.compile(r'severity="(\w+)"')
_COUNTER = re.compile(r"^alertmanager_notifications(_failed)?_total\{(.*)\} (\S+)$", re.MULTILINE)
_INTEGRATION = re.compile(r'integration="(\w+)"')
_REMEDY = "docs/runbooks/AlertmanagerNotificationsFailing.md"


class _Event(Answer):
    """A notification that harbinger received."""

    receiver: str | None
    labels: dict[str, str]


class _Harbinger(HttpApi):
    name = "harbinger"

    def receivers(self, job: str) -> set[str]:
        """The receivers whose notifications of the test alerts of this job it got."""
        answer = self.call("GET", "/events", params={"alert": ALERT, "limit": "1000"})
        events = self.parse(list[_Event], answer, "events")
        return {one.receiver or "" for one in events if one.labels.get("job") == job}


@dataclass(frozen=True, kw_only=True)
class Route:
    """Where alerts of a severity go; `integrations` are Alertmanager's words for the ways."""

    severity: str
    receiver: str
    integrations: Sequence[str]


@dataclass(frozen=True)
class _Outcome:
    """What has become of the test alerts so far.

    `taken` and `failed` count notifications by integration; `arrived` are the receivers of which
    harbinger heard; `muted` maps severities to the time intervals that mute them now.
    """

    taken: Counter[str]
    failed: Counter[str]
    arrived: set[str]
    muted: Mapping[str, str]


def routes(manifests: Manifests) -> list[Route]:
    """The route of each severity, from the stack's alertmanager.yml."""
    config = load_yaml(manifests.config_maps[ALERTMANAGER]["alertmanager.yml"])
    receivers = {one["name"]: one for one in config["receivers"]}
    found = []
    for route in config["route"]["routes"]:
        match = _SEVERITY.fullmatch(" ".join(route["matchers"]))
        if match:
            name = route["receiver"]
            ways = [key.removesuffix("_configs") for key in receivers[name] if key != "name"]
            found.append(Route(severity=match[1], receiver=name, integrations=tuple(ways)))
    return found


def send_test_page(
    manifests: Manifests, alertmanagers: Sequence[str], harbingers: Sequence[str], sender: str
) -> Iterator[Row]:
    """A row for each severity and integration; takes a minute.

    `alertmanagers` and `harbingers` are the URLs of all pods. `sender` stands in the alerts.
    """
    try:
        yield from _send(manifests, alertmanagers, harbingers, sender)
    except ApiError as error:
        yield red(CHECK, ALERT, str(error), _REMEDY)


def _send(
    manifests: Manifests, alertmanagers: Sequence[str], harbingers: Sequence[str], sender: str
) -> Iterator[Row]:
    wanted, job = routes(manifests), f"verify-{secrets.token_hex(3)}"
    clients = [Alertmanager(address) for address in alertmanagers]
    listeners = [_Harbinger(address) for address in harbingers]
    config = load_yaml(manifests.config_maps[ALERTMANAGER]["alertmanager.yml"])
    wait = parse_duration(config["route"]["group_wait"]) / 1000
    limit = wait + PEER_SECONDS * len(clients) + GRACE_SECONDS
    try:
        before = _notifications(clients)
        alerts = [_alert(manifests, one.severity, job, sender, limit) for one in wanted]
        # To each, as Prometheus does: peers share what they have sent, but not the alerts.
        for client in clients:
            client.post_alerts(alerts)
        deadline = time.monotonic() + limit
        while True:
            now = _notifications(clients)
            outcome = _Outcome(
                taken=now[0] - before[0],
                failed=now[1] - before[1],
                arrived={one for listener in listeners for one in listener.receivers(job)},
                muted=_muted(clients, job),
            )
            rows = list(_judge(wanted, outcome, listens=webhook_workload(manifests) is not None))
            if not any(row.is_red for row in rows) or time.monotonic() > deadline:
                break
            time.sleep(PAUSE_SECONDS)
        yield from rows
    finally:
        for client in (*clients, *listeners):
            client.close()


def _alert(
    manifests: Manifests, severity: str, job: str, sender: str, seconds: float
) -> dict[str, Any]:
    """The test alert of a severity, which ends by itself once everybody had time to send it."""
    config = load_yaml(manifests.config_maps[PROMETHEUS]["prometheus.yml"])
    environment = config["global"]["external_labels"]["environment"]
    now = datetime.now(UTC)
    return {
        "labels": {
            "alertname": ALERT,
            "severity": severity,
            "environment": environment,
            "namespace": manifests.namespace,
            # Alerts are grouped by job: each test is a group of its own, and is sent at once.
            "job": job,
        },
        "annotations": {
            "summary": "TEST: nothing is wrong, and nobody needs to act",
            "description": f"{sender} tests who is notified of {severity} alerts, with"
            " `make verify`. It ends by itself.",
        },
        "startsAt": now.isoformat(),
        "endsAt": (now + timedelta(seconds=seconds)).isoformat(),
    }


def _notifications(clients: Sequence[Alertmanager]) -> tuple[Counter[str], Counter[str]]:
    """How many notifications all Alertmanagers have sent without and with a failure."""
    every, failed = Counter[str](), Counter[str]()
    for client in clients:
        for kind, labels, value in _COUNTER.findall(client.text("GET", "/metrics")):
            [integration] = _INTEGRATION.findall(labels)
            (failed if kind else every)[integration] += round(float(value))
    return every - failed, failed


def _muted(clients: Sequence[Alertmanager], job: str) -> dict[str, str]:
    """The time intervals that mute the test alert of a severity now, by severity."""
    of_this_test = [Matcher(name="job", value=job)]
    groups = [group for client in clients for group in client.groups(of_this_test)]
    found = [alert for group in groups for alert in group.alerts]
    return {
        alert.labels["severity"]: ", ".join(alert.status.muted_by)
        for alert in found
        if alert.status.muted_by
    }


def _judge(wanted: Sequence[Route], outcome: _Outcome, *, listens: bool) -> Iterator[Row]:
    loud = [route for route in wanted if route.severity not in outcome.muted]
    needed = Counter(way for route in loud for way in route.integrations)
    for route in wanted:
        for way in route.integrations:
            subject = f"{route.severity} by {way}"
            if route not in loud:
                reason = f"muted by {outcome.muted[route.severity]}: nobody is notified now"
                yield untried(CHECK, subject, reason)
                continue
            if way == "webhook" and listens:
                # Others use this integration all the time, so its counter proves nothing.
                problem = None if route.receiver in outcome.arrived else "harbinger did not get it"
            else:
                missing = outcome.taken[way] < needed[way]
                problem = f"{outcome.taken[way]} of {needed[way]} were taken" if missing else None
            if problem and outcome.failed[way]:
                problem += f", {outcome.failed[way]} notifications failed"
            yield judge(CHECK, subject, "took it", problem, _REMEDY)
