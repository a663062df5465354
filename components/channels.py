"""The table of channels through which Alertmanager notifies people and programs.

Standard library only, because tools read the secrets' names from here without importing Pulumi.
Message texts are in rules/notifications.tmpl. Credentials are in files, which Alertmanager reads
for each notification.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

SECRET_FOLDER = "/etc/alertmanager-credentials"
RUNBOOK = "{{ .CommonAnnotations.runbook_url }}"
DASHBOARD = "{{ .CommonAnnotations.dashboard_url }}"


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """Addresses of notifications that are not secret.

    `slack_channel` is needed only if a route goes to slack, and `webhook_url` only if something
    goes to the webhook. If `heartbeat_topic`, the ARN of an SNS topic, is set, it receives the
    heartbeat.
    """

    environment: str
    slack_channel: str | None
    webhook_url: str | None
    heartbeat_topic: str | None = None


@dataclass(frozen=True, kw_only=True)
class Credential:
    """A secret that a channel needs: its configuration key, and its file in SECRET_FOLDER.

    `reason` completes the sentence "The secret is missing, and ...".
    """

    key: str
    file: str
    reason: str
    is_url: bool = False

    @property
    def path(self) -> str:
        """The path of the file for Alertmanager's configuration."""
        return f"{SECRET_FOLDER}/{self.file}"


@dataclass(frozen=True, kw_only=True)
class Channel:
    """A way to notify. Channels that leave the cluster have a credential.

    `reaches` says who gets the notifications: people with a pager, people who read, or programs.
    `receive` returns the fields of an Alertmanager receiver for a delivery and a severity. It is
    None for the heartbeat, to which no severity can be routed.
    """

    reaches: Literal["pagers", "readers", "programs"]
    credential: Credential | None
    receive: Callable[[Delivery, str], dict[str, Any]] | None


def receiver(
    name: str, channels: Sequence[str], severity: str, delivery: Delivery
) -> dict[str, Any]:
    """The receiver that notifies of a severity through all of these channels of ROUTABLE."""
    found: dict[str, Any] = {"name": name}
    for channel in channels:
        if receive := CHANNELS[channel].receive:
            found |= receive(delivery, severity)
    return found


def heartbeat_receiver(
    name: str, delivery: Delivery, *, outside: bool = False, by_url: bool = False
) -> dict[str, Any]:
    """The receiver of the heartbeat: the webhook, or what is outside the cluster.

    It sends no `resolved`: only a missing heartbeat matters.
    """
    if not outside:
        url = delivery.webhook_url
        return {"name": name, **_heartbeat_hook({"url": url} if url is not None else None)}
    hook = _heartbeat_hook({"url_file": _HEARTBEAT_URL.path} if by_url else None)
    return {"name": name, **hook, **_heartbeat_topic(delivery)}


def _heartbeat_hook(target: dict[str, str] | None) -> dict[str, Any]:
    return {"webhook_configs": [{**target, "send_resolved": False}]} if target else {}


def _heartbeat_topic(delivery: Delivery) -> dict[str, Any]:
    topic = delivery.heartbeat_topic
    if topic is None:
        return {}
    # Messages are counted, not read. The credentials are those of the pod's IAM role.
    sns = {
        "topic_arn": topic,
        "sigv4": {"region": topic.split(":")[3]},
        "subject": f"Heartbeat of {delivery.environment}",
        "message": "{{ .CommonLabels.alertname }}",
        "send_resolved": False,
    }
    return {"sns_configs": [sns]}


def _title(delivery: Delivery) -> str:
    return f'[{delivery.environment}] {{{{ template "vaultmesh.title" . }}}}'


def _pagerduty(delivery: Delivery, severity: str) -> dict[str, Any]:
    return {
        "pagerduty_configs": [
            {
                "routing_key_file": ROUTING_KEY.path,
                "severity": severity,
                "description": _title(delivery),
                "source": delivery.environment,
                "client": "Dashboard",
                "client_url": DASHBOARD,
                "class": "{{ .GroupLabels.alertname }}",
                "component": "{{ or .GroupLabels.workload .GroupLabels.job }}",
                "group": delivery.environment,
                "details": {
                    "firing": '{{ template "vaultmesh.pagerduty.alerts" .Alerts.Firing }}',
                    "resolved": '{{ template "vaultmesh.pagerduty.alerts" .Alerts.Resolved }}',
                },
                "links": [
                    {"href": RUNBOOK, "text": "Runbook"},
                    {"href": DASHBOARD, "text": "Dashboard"},
                ],
                "send_resolved": True,
            }
        ]
    }


def _slack(delivery: Delivery, _severity: str) -> dict[str, Any]:
    return {
        "slack_configs": [
            {
                "api_url_file": _SLACK_URL.path,
                "channel": delivery.slack_channel,
                "color": '{{ template "vaultmesh.slack.color" . }}',
                "title": _title(delivery),
                "title_link": DASHBOARD,
                "fallback": _title(delivery),
                "text": '{{ template "vaultmesh.slack.text" . }}',
                "send_resolved": True,
            }
        ]
    }


def _webhook(delivery: Delivery, _severity: str) -> dict[str, Any]:
    if delivery.webhook_url is None:
        return {}
    return {"webhook_configs": [{"url": delivery.webhook_url, "send_resolved": True}]}


_SLACK_URL = Credential(
    key="slackApiUrl", file="slack-api-url", reason="a route goes to slack", is_url=True
)
ROUTING_KEY = Credential(
    key="pagerdutyRoutingKey", file="pagerduty-routing-key", reason="a route goes to pagerduty"
)
_HEARTBEAT_URL = Credential(
    key="heartbeatUrl", file="heartbeat-url", reason="the heartbeat goes outside", is_url=True
)

EVENTS_URLS = {"eu": "https://events.eu.pagerduty.com/v2/enqueue"}
"""PagerDuty's service region -> where it takes events, if that is not Alertmanager's default."""

CHANNELS: Mapping[str, Channel] = {
    "pagerduty": Channel(reaches="pagers", credential=ROUTING_KEY, receive=_pagerduty),
    "slack": Channel(reaches="readers", credential=_SLACK_URL, receive=_slack),
    "webhook": Channel(reaches="programs", credential=None, receive=_webhook),
    "heartbeat": Channel(reaches="programs", credential=_HEARTBEAT_URL, receive=None),
}
ROUTABLE = tuple(name for name, channel in CHANNELS.items() if channel.receive)
"""The channels that a severity can be routed to."""
