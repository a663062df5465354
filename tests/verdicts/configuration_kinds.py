"""What the program renders from settings, and settings that a server reads as they are."""

import json

from components.routing import SlackChannel
from components.urls import FixedPath
from tests.support.settings_strategies import refusal_by
from tests.support.verdicts import Kind, Question


def _accepted(_text: str) -> None:
    """Why we refuse a text: never, for we have rendered it."""


def _with_webhook(path: str) -> Question:
    hook = {"url": f"http://harbinger.aurora.svc:8000{path}"}
    document = {
        "route": {"receiver": "webhook"},
        "receivers": [{"name": "webhook", "webhook_configs": [hook]}],
    }
    return {"kind": "config", "text": json.dumps(document)}


ALERTMANAGER_YML = Kind(
    name="alertmanager.yml",
    server="alertmanager",
    question=lambda text: {"kind": "config", "text": text},
    refusal=_accepted,
)
PROMETHEUS_YML = Kind(
    name="prometheus.yml",
    server="prometheus",
    question=lambda text: {"kind": "config", "text": text},
    refusal=_accepted,
)
WEBHOOK_PATHS = Kind(
    name="paths of the webhook",
    server="alertmanager",
    question=_with_webhook,
    refusal=refusal_by(FixedPath),
)
SLACK_CHANNELS = Kind(
    name="channels of Slack",
    server="alertmanager",
    question=lambda text: {"kind": "template", "text": "", "execute": [text]},
    refusal=refusal_by(SlackChannel),
)
