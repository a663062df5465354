"""The text of `alertmanager.yml`: which severity reaches whom, and which alert hides which."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

CONFIG_FOLDER = "/etc/alertmanager"
CONFIG_FILE = "alertmanager.yml"
SECRET_FOLDER = "/etc/alertmanager-credentials"
SLACK_FILE = "slack-api-url"
PAGERDUTY_FILE = "pagerduty-routing-key"

SUMMARY = "{{ .CommonAnnotations.summary }}"
ONE_LINE_EACH = (
    "{{ range .Alerts }}{{ .Annotations.description }} {{ .Annotations.runbook_url }}\n{{ end }}"
)


@dataclass(frozen=True, kw_only=True)
class Inhibition:
    """While alert `source` fires, alert `target` with the same `equal` labels stays silent."""

    source: str
    target: str
    equal: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class AlertmanagerConfig:
    """`channels` maps each severity, least severe first, to pagerduty, slack or webhook.

    `slack_channel` is needed only where a channel uses it. Every notification goes to `webhook_url`
    as well, if there is one.
    """

    environment: str
    channels: Mapping[str, str]
    inhibitions: Sequence[Inhibition]
    slack_channel: str | None
    webhook_url: str | None


def alertmanager_yml(config: AlertmanagerConfig) -> str:
    """The configuration file, as YAML.

    Each severity has a receiver of its own. An alert whose severity no route knows goes to the
    receiver of the most severe, so that none is lost.
    """
    *_, most_severe = config.channels
    document = {
        "route": {
            "receiver": most_severe,
            "group_by": ["alertname", "namespace", "job"],
            "group_wait": "30s",
            "group_interval": "5m",
            "repeat_interval": "4h",
            "routes": [
                {"receiver": severity, "matchers": [f'severity="{severity}"']}
                for severity in config.channels
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
            {"name": severity, **_webhook(config), **_CHANNELS[channel](config, severity)}
            for severity, channel in config.channels.items()
        ],
    }
    return yaml.safe_dump(document, sort_keys=False)


def _pagerduty(config: AlertmanagerConfig, severity: str) -> dict[str, Any]:
    return {
        "pagerduty_configs": [
            {
                "routing_key_file": f"{SECRET_FOLDER}/{PAGERDUTY_FILE}",
                "severity": severity,
                "description": f"[{config.environment}] {SUMMARY}",
                "details": {"alerts": ONE_LINE_EACH},
                "send_resolved": True,
            }
        ]
    }


def _slack(config: AlertmanagerConfig, _severity: str) -> dict[str, Any]:
    return {
        "slack_configs": [
            {
                "api_url_file": f"{SECRET_FOLDER}/{SLACK_FILE}",
                "channel": config.slack_channel,
                "title": f"[{config.environment}] {{{{ .Status | toUpper }}}} {SUMMARY}",
                "text": ONE_LINE_EACH,
                "send_resolved": True,
            }
        ]
    }


def _webhook(config: AlertmanagerConfig, _severity: str = "") -> dict[str, Any]:
    if config.webhook_url is None:
        return {}
    return {"webhook_configs": [{"url": config.webhook_url, "send_resolved": True}]}


_CHANNELS: Mapping[str, Callable[[AlertmanagerConfig, str], dict[str, Any]]] = {
    "pagerduty": _pagerduty,
    "slack": _slack,
    "webhook": _webhook,
}
