"""What the program renders from settings, and settings that a server reads as they are."""

import json
from collections.abc import Callable

import yaml
from pydantic import BaseModel

from components.routing import SlackChannel
from components.urls import FixedPath
from problems import Problems
from stacks.server_schemas import AlertmanagerYml, PrometheusYml, checked_yaml
from tests.support.settings_strategies import refusal_by
from tests.support.verdicts import Kind, Question


def _refused_by(schema: type[BaseModel]) -> Callable[[str], tuple[str, ...]]:
    """Why preview refuses a configuration that the program has written."""

    def refusal(text: str) -> tuple[str, ...]:
        problems = Problems()
        checked_yaml(schema, "components", yaml.load(text, yaml.CSafeLoader), problems)
        return problems.lines()

    return refusal


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
    refusal=_refused_by(AlertmanagerYml),
)
PROMETHEUS_YML = Kind(
    name="prometheus.yml",
    server="prometheus",
    question=lambda text: {"kind": "config", "text": text},
    refusal=_refused_by(PrometheusYml),
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
