"""The secrets that a stack can have. Imports nothing, so that tools can ask for them cheaply."""

PROJECT = "vaultmesh"
"""The project's name in Pulumi.yaml, and so the namespace of its configuration."""

SECRETS = {
    "grafanaAdminPassword": "Grafana's admin signs in with it",
    "slackApiUrl": "a route goes to slack",
    "pagerdutyRoutingKey": "a route goes to pagerduty",
    "heartbeatUrl": "the heartbeat goes outside",
}
"""Every secret by its configuration key, and why a stack that lacks it needs it."""

URLS = ("slackApiUrl", "heartbeatUrl")
"""The secrets that are addresses."""

MADE_UP = "made-up-"
"""What the value of a secret begins with that was made up to rehearse a stack."""
