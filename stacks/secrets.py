"""The secrets that a stack can have.

This module and `components.channels` import the standard library alone, so that tools can read
them without starting Pulumi.
"""

from components.channels import CHANNELS

PROJECT = "vaultmesh"
"""The project's name in Pulumi.yaml, and so the namespace of its configuration."""

ADMIN_PASSWORD = "grafanaAdminPassword"
CREDENTIALS = {
    channel.credential.key: channel.credential
    for channel in CHANNELS.values()
    if channel.credential
}
"""The credential of each channel, by its configuration key."""
SECRETS = {
    ADMIN_PASSWORD: "Grafana's admin signs in with it",
    **{key: credential.reason for key, credential in CREDENTIALS.items()},
}
"""Every secret by its configuration key, and why a stack that lacks it needs it."""

MADE_UP = "made-up-"
"""Prefix of the values that are made up to rehearse a stack."""
