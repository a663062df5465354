"""How each channel of Alertmanager is told: Slack, PagerDuty, a webhook, the heartbeat.

The texts of messages stand in the file of templates; credentials in files, which Alertmanager reads
anew for each notification.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

SECRET_FOLDER = "/etc/alertmanager-credentials"
SLACK_FILE = "slack-api-url"
PAGERDUTY_FILE = "pagerduty-routing-key"
HEARTBEAT_FILE = "heartbeat-url"

RUNBOOK = "{{ .CommonAnnotations.runbook_url }}"
DASHBOARD = "{{ .CommonAnnotations.dashboard_url }}"


@dataclass(frozen=True, kw_only=True)
class Addresses:
    """Where notifications go, beside the credentials.

    `slack_channel` is needed only where a channel is slack. Every notification goes to
    `webhook_url` as well, if there is one.
    """

    environment: str
    slack_channel: str | None
    webhook_url: str | None


def receiver(severity: str, channel: str, addresses: Addresses) -> dict[str, Any]:
    """The receiver of a severity: `channel` is pagerduty, slack or webhook."""
    return {
        "name": severity,
        **_webhook(addresses, severity),
        **_CHANNELS[channel](addresses, severity),
    }


def heartbeat_receiver(name: str, addresses: Addresses, *, goes_outside: bool) -> dict[str, Any]:
    """The receiver of the heartbeat, for which an end is no news: its silence is."""
    targets: list[dict[str, str]] = []
    if addresses.webhook_url is not None:
        targets.append({"url": addresses.webhook_url})
    if goes_outside:
        targets.append({"url_file": f"{SECRET_FOLDER}/{HEARTBEAT_FILE}"})
    return {
        "name": name,
        "webhook_configs": [{**target, "send_resolved": False} for target in targets],
    }


def _title(addresses: Addresses) -> str:
    return f'[{addresses.environment}] {{{{ template "vaultmesh.title" . }}}}'


def _pagerduty(addresses: Addresses, severity: str) -> dict[str, Any]:
    return {
        "pagerduty_configs": [
            {
                "routing_key_file": f"{SECRET_FOLDER}/{PAGERDUTY_FILE}",
                "severity": severity,
                "description": _title(addresses),
                "source": addresses.environment,
                "client": "Dashboard",
                "client_url": DASHBOARD,
                "class": "{{ .GroupLabels.alertname }}",
                "component": "{{ or .GroupLabels.workload .GroupLabels.job }}",
                "group": addresses.environment,
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


def _slack(addresses: Addresses, _severity: str) -> dict[str, Any]:
    return {
        "slack_configs": [
            {
                "api_url_file": f"{SECRET_FOLDER}/{SLACK_FILE}",
                "channel": addresses.slack_channel,
                "color": '{{ template "vaultmesh.slack.color" . }}',
                "title": _title(addresses),
                "title_link": DASHBOARD,
                "fallback": _title(addresses),
                "text": '{{ template "vaultmesh.slack.text" . }}',
                "send_resolved": True,
            }
        ]
    }


def _webhook(addresses: Addresses, _severity: str = "") -> dict[str, Any]:
    if addresses.webhook_url is None:
        return {}
    return {"webhook_configs": [{"url": addresses.webhook_url, "send_resolved": True}]}


_CHANNELS: Mapping[str, Callable[[Addresses, str], dict[str, Any]]] = {
    "pagerduty": _pagerduty,
    "slack": _slack,
    "webhook": _webhook,
}
