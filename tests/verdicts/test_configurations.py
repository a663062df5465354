"""The servers take the configurations that the program renders for settings that it accepts."""

import json

import pytest

from components.alertmanager_config import alertmanager_yml, equal
from stacks.content import alertmanager_config, render_prometheus
from stacks.settings.schema import Settings
from tests.support.series import rule_files, rulebook
from tests.support.settings_strategies import PATHS, SLACK, TEXTS, settings_of, stacks
from tests.support.verdicts import Comparison, examples
from tests.verdicts.configuration_kinds import (
    ALERTMANAGER_YML,
    PROMETHEUS_YML,
    SLACK_CHANNELS,
    WEBHOOK_PATHS,
)

STACKS = 120
GENERATED = 1500
TOPICS = (None, "arn:aws:sns:eu-west-1:000000000000:heartbeat")


@pytest.fixture(scope="module")
def accepted() -> list[Settings]:
    """Settings of stacks that preview accepts."""
    found = [settings for text in examples(stacks(), STACKS) if (settings := settings_of(text))]
    assert len(found) > STACKS / 4
    return found


def test_alertmanager_takes_its_configuration(
    accepted: list[Settings], compare: Comparison
) -> None:
    texts = [
        alertmanager_yml(alertmanager_config(settings, rulebook(), TOPICS[number % 2]))
        for number, settings in enumerate(accepted)
    ]
    compare(ALERTMANAGER_YML, texts)


def test_prometheus_takes_its_configuration(accepted: list[Settings], compare: Comparison) -> None:
    names = tuple(rule_files())
    compare(PROMETHEUS_YML, [render_prometheus(one, rulebook(), names) for one in accepted])


def test_the_matcher_of_any_value_is_read(compare: Comparison) -> None:
    values = examples(TEXTS, GENERATED)
    matchers = [equal("alertname", value) for value in values]
    answers = compare.ask("alertmanager", [{"kind": "matcher", "text": one} for one in matchers])
    assert [one for one, answer in zip(matchers, answers, strict=True) if not answer.valid] == []
    # For these, Go writes what JSON reads.
    canonical = {
        value: answer.more["canonical"]
        for value, answer in zip(values, answers, strict=True)
        if value.isascii() and value.isprintable()
    }
    assert canonical == {value: f"alertname={json.dumps(value)}" for value in canonical}


def test_paths_of_the_webhook_are_judged_alike(compare: Comparison) -> None:
    compare(WEBHOOK_PATHS, examples(PATHS, GENERATED))


def test_channels_of_slack_are_judged_alike(compare: Comparison) -> None:
    compare(SLACK_CHANNELS, examples(SLACK, GENERATED))
