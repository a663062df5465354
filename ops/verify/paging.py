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
_COUNTER = re.compile(
    r"^alertmanager_notification_requests(_failed)?_total\{(.*)\} (\S+)$", re.MULTILINE
)
"""Counters of requests that have ended: those of notifications count one that is under way too."""
_INTEGRATION = re.compile(r'integration="(\w+)"')
_REMEDY = "docs/runbooks/AlertmanagerNotificationsFailing.md"


class _Event(Answer):
    """A notification that harbinger received."""

    labels: dict[str, str]


class _Harbinger(HttpApi):
    name = "harbinger"

    def severities(self, job: str) -> set[str]:
        """The severities of the test alerts of this job of which it was notified."""
        answer = self.call("GET", "/events", params={"alert": ALERT, "limit": "1000"})
        events = self.parse(list[_Event], answer, "events")
        return {one.labels["severity"] for one in events if one.labels.get("job") == job}


@dataclass(frozen=True, kw_only=True)
class Route:
    """A receiver of a severity; `integrations` are Alertmanager's words for its ways."""

    severity: str
    receiver: str
    integrations: Sequence[str]


@dataclass(frozen=True)
class _Outcome:
    """What has become of the test alerts so far.

    `taken` and `failed` count requests by integration; `arrived` are the severities of which
    harbinger heard; `muted` maps (severity, receiver) to the time intervals that mute them now.
    """

    taken: Counter[str]
    failed: Counter[str]
    arrived: set[str]
    muted: Mapping[tuple[str, str], str]


def routes(manifests: Manifests) -> list[Route]:
    """The receivers of each severity, from the stack's alertmanager.yml."""
    config = load_yaml(manifests.config_maps[ALERTMANAGER]["alertmanager.yml"])
    receivers = {one["name"]: one for one in config["receivers"]}
    nodes = config["route"]["routes"]
    texts = [" ".join(node.get("matchers", ())) for node in nodes]
    severities = dict.fromkeys(match[1] for text in texts if (match := _SEVERITY.fullmatch(text)))
    found = []
    for severity in severities:
        names: dict[str, None] = {}
        for node, text in zip(nodes, texts, strict=True):
            if text in ("", f'severity="{severity}"'):
                names[node["receiver"]] = None
                if not node.get("continue"):
                    break
        for name in names:
            ways = [key.removesuffix("_configs") for key in receivers[name] if key != "name"]
            found.append(Route(severity=severity, receiver=name, integrations=tuple(ways)))
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
        before = _requests(clients)
        severities = dict.fromkeys(one.severity for one in wanted)
        alerts = [_alert(manifests, one, job, sender, limit) for one in severities]
        # To each, as Prometheus does: peers share what they have sent, but not the alerts.
        for client in clients:
            client.post_alerts(alerts)
        deadline = time.monotonic() + limit
        while True:
            now = _requests(clients)
            outcome = _Outcome(
                taken=now[0] - before[0],
                failed=now[1] - before[1],
                arrived={one for listener in listeners for one in listener.severities(job)},
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
            "description": f"{sender} tests who is notified of {severity} alerts, with a"
            " test page. It ends by itself.",
        },
        "startsAt": now.isoformat(),
        "endsAt": (now + timedelta(seconds=seconds)).isoformat(),
    }


def _requests(clients: Sequence[Alertmanager]) -> tuple[Counter[str], Counter[str]]:
    """How many requests for notifications of all Alertmanagers have succeeded and failed."""
    every, failed = Counter[str](), Counter[str]()
    for client in clients:
        for kind, labels, value in _COUNTER.findall(client.text("GET", "/metrics")):
            [integration] = _INTEGRATION.findall(labels)
            (failed if kind else every)[integration] += round(float(value))
    return every - failed, failed


def _muted(clients: Sequence[Alertmanager], job: str) -> dict[tuple[str, str], str]:
    """The time intervals that mute the test alerts now, by severity and receiver."""
    of_this_test = [Matcher(name="job", value=job)]
    return {
        (alert.labels["severity"], group.receiver.name): ", ".join(alert.status.muted_by)
        for client in clients
        for group in client.groups(of_this_test)
        for alert in group.alerts
        if alert.status.muted_by
    }


def _judge(wanted: Sequence[Route], outcome: _Outcome, *, listens: bool) -> Iterator[Row]:
    quiet = {(one.severity, one.receiver) for one in wanted} & outcome.muted.keys()
    loud = [one for one in wanted if (one.severity, one.receiver) not in quiet]
    needed = Counter(way for route in loud for way in route.integrations)
    for route in wanted:
        for way in route.integrations:
            subject = f"{route.severity} by {way}"
            if route not in loud:
                reason = outcome.muted[route.severity, route.receiver]
                yield untried(CHECK, subject, f"muted by {reason}: nobody is notified now")
                continue
            if way == "webhook" and listens:
                # Others use this integration all the time, so its counter proves nothing.
                heard = route.severity in outcome.arrived
                problem = None if heard else "harbinger did not get it"
            else:
                missing = outcome.taken[way] < needed[way]
                problem = f"{outcome.taken[way]} of {needed[way]} were taken" if missing else None
            if problem and outcome.failed[way]:
                problem += f", {outcome.failed[way]} requests failed"
            yield judge(CHECK, subject, "took it", problem, _REMEDY)
