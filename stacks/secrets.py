"""The secrets that a stack can have.

This module and `components.channels` import only the standard library, so that tools can use them
without importing Pulumi.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from components.channels import CHANNELS

PROJECT = "vaultmesh"
"""The project's name in Pulumi.yaml, which is also the prefix of its configuration keys."""

ADMIN_PASSWORD = "grafanaAdminPassword"
METRICS_PASSWORD = "grafanaMetricsPassword"
CLIENT_SECRET = "grafanaClientSecret"
CREDENTIALS = {
    channel.credential.key: channel.credential
    for channel in CHANNELS.values()
    if channel.credential
}
"""The credential of each channel, by its configuration key."""
OUTSIDE_ALARM = "outsideAlarmEndpoint"
SECRETS = {
    ADMIN_PASSWORD: "Grafana's admin signs in with it",
    METRICS_PASSWORD: "Prometheus reads with it the metrics of a Grafana behind a load balancer",
    CLIENT_SECRET: "Grafana proves with it to the OpenID Connect provider who it is",
    OUTSIDE_ALARM: "alarms of CloudWatch go to it",
    **{key: credential.reason for key, credential in CREDENTIALS.items()},
}
"""Configuration key of every secret -> why a stack needs it, for the message if it is missing."""

MADE_UP = "made-up-"
"""Prefix of placeholder values, with which a stack can be rehearsed without real secrets."""


def program_secrets(settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(configuration key, reason) of each secret that a workload or cron job mounts.

    Takes settings as parsed but not validated; what is malformed has no secrets.
    """
    for section in ("workloads", "cronJobs"):
        for name, program in _mapping(settings.get(section)).items():
            for file, key in _mapping(_mapping(program).get("secrets")).items():
                if isinstance(key, str):
                    yield key, f"{section}.{name} mounts it as {file}"


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def plain_text_message(key: str) -> str:
    """The message for a secret that a stack's file holds unencrypted."""
    return f"is stored in plain text. Run `pulumi config set --secret {key}` and rotate the value."
