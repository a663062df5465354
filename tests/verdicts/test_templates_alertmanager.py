"""Alertmanager loads and executes the notifications that we accept, and fails at the others."""

import re
from pathlib import Path

import pytest

from components.channels import ROUTABLE, Delivery, heartbeat_receiver, receiver
from rules.notifications import FILE, receivers_texts
from templates.alertmanager import FUNCTIONS, stand_ins
from templates.builtins import BUILTINS
from tests.support import template_texts
from tests.support.recording import ROOT
from tests.support.server_tests import source
from tests.support.template_texts import templates
from tests.support.verdicts import Comparison
from tests.verdicts.template_kinds import ALERTMANAGER, Notifications

TEXTS = (Path(__file__).parent / "templates" / "alertmanager.txt").read_text(encoding="utf-8")
OWN = (ROOT / FILE).read_text(encoding="utf-8")
HELPERS = """\
{{ define "x.helper" }}{{ .Status | toUpper }}{{ end }}
{{ define "x.alert" }}{{ .StartsAt.Year }}{{ end }}
{{ define "x.loop" }}{{ template "x.loop" . }}{{ end }}
"""
DELIVERY = Delivery(
    environment="staging",
    slack_channel="#alerts",
    webhook_url="http://harbinger:8000/",
    heartbeat_topic="arn:aws:sns:eu-west-1:000000000000:heartbeat",
)


def receivers() -> tuple[str, ...]:
    """What the receivers that the program writes let Alertmanager execute."""
    written = [
        receiver("people", ROUTABLE, "critical", DELIVERY),
        heartbeat_receiver("outside", DELIVERY, outside=True, by_url=True),
    ]
    return tuple(receivers_texts(written))


def test_the_notifications_of_this_repository(compare: Comparison) -> None:
    compare(ALERTMANAGER, [Notifications(OWN, receivers())])


def test_texts_of_receivers(compare: Comparison) -> None:
    compare(ALERTMANAGER, [Notifications(HELPERS, (text,)) for text in TEXTS.splitlines()])


def test_texts_from_the_grammar_with_and_without_mistakes(compare: Comparison) -> None:
    texts = templates(template_texts.ALERTMANAGER, 2000)
    compare(ALERTMANAGER, [Notifications("", (text,)) for text in texts])


def test_texts_in_and_around_definitions(compare: Comparison) -> None:
    inside = '{{ define "x.title" }}'
    title, around = '{{ template "x.title" . }}', '{{ template "notifications.tmpl" . }}'
    texts = TEXTS.splitlines()
    compare(
        ALERTMANAGER,
        [
            *(Notifications(f"{HELPERS}{inside}{text}{{{{ end }}}}", (title,)) for text in texts),
            *(Notifications(text + HELPERS, ()) for text in texts),
            *(Notifications(HELPERS + text, (around,)) for text in texts),
        ],
    )


@pytest.mark.parametrize("name", ["vaultmesh.title", "vaultmesh.slack.text", "vaultmesh.subject"])
def test_the_repositorys_notifications_with_each_text_in_a_template(
    name: str, compare: Comparison
) -> None:
    begin = f'{{{{ define "{name}" -}}}}'
    assert begin in OWN
    changed = [OWN.replace(begin, begin + text) for text in TEXTS.splitlines()]
    compare(ALERTMANAGER, [Notifications(text, receivers()) for text in changed])


def test_the_repositorys_notifications_without_one_token(compare: Comparison) -> None:
    tokens = re.findall(r"\{\{-?|-?\}\}|[\w.$]+|\"[^\"]*\"|\s+|.", OWN)
    shorter = ("".join(tokens[:at] + tokens[at + 1 :]) for at in range(len(tokens)))
    compare(ALERTMANAGER, [Notifications(text, receivers()) for text in shorter])


def test_the_functions_are_those_of_the_server(compare: Comparison) -> None:
    [verdict] = compare.ask("alertmanager", [{"kind": "functions"}])
    assert FUNCTIONS.keys() - BUILTINS.keys() == verdict.more["functions"].keys()


def test_the_servers_own_templates_are_known() -> None:
    folder = source("alertmanager", "template")
    texts = [file.read_text(encoding="utf-8") for file in folder.glob("*.tmpl")]
    names = {name for text in texts for name in re.findall(r'define "([^"]*)"', text)}
    assert len(names) > 50 and stand_ins().keys() == names


@pytest.mark.parametrize("data", [".", ".Alerts", ".CommonLabels", "", "(index .Alerts 0)", "nil"])
def test_the_servers_own_templates_take_what_they_take_there(
    data: str, compare: Comparison
) -> None:
    calls = [f'{{{{ template "{name}" {data} }}}}' for name in stand_ins()]
    compare(ALERTMANAGER, [Notifications("", (call,)) for call in calls])
