"""The servers take the configurations that the program renders for settings that it accepts."""

import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from components.alertmanager_config import equal
from problems import Problems
from stacks.content import alertmanager_config, render_alertmanager, render_prometheus
from stacks.settings.schema import Settings
from tests.support.recording import stack_values
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
WRONG = ("30x", "0s", "^($", "nobody", "", "...", ["a"], {"a": "b"})
"""Values that few keys can have."""


@pytest.fixture(scope="module")
def production() -> Settings:
    values = json.dumps(stack_values("production")["vaultmesh:settings"])
    return Settings.model_validate_json(values, by_name=False)


@pytest.fixture(scope="module")
def accepted() -> list[Settings]:
    """Settings of stacks that preview accepts."""
    found = [settings for text in examples(stacks(), STACKS) if (settings := settings_of(text))]
    assert len(found) > STACKS / 4
    return found


def test_alertmanager_takes_its_configuration(
    accepted: list[Settings], production: Settings, compare: Comparison
) -> None:
    texts = [
        _alertmanager_yml(settings, TOPICS[number % 2]) for number, settings in enumerate(accepted)
    ]
    compare(ALERTMANAGER_YML, texts)
    compare(ALERTMANAGER_YML, _with_mistakes(_alertmanager_yml(production, TOPICS[1])))


def test_prometheus_takes_its_configuration(
    accepted: list[Settings], production: Settings, compare: Comparison
) -> None:
    compare(PROMETHEUS_YML, [_prometheus_yml(one) for one in accepted])
    compare(PROMETHEUS_YML, _with_mistakes(_prometheus_yml(production)))


def test_timeouts_of_jobs_are_judged_alike(production: Settings, compare: Comparison) -> None:
    document = yaml.safe_load(_prometheus_yml(production))
    first, *others = document["scrape_configs"]
    texts: list[str] = []
    for interval, timeout in itertools.product((None, "5s", "1m"), (None, "4s", "31s")):
        given = {"scrape_interval": interval, "scrape_timeout": timeout}
        job = first | {key: value for key, value in given.items() if value}
        texts.append(json.dumps(document | {"scrape_configs": [job, *others]}))
    compare(PROMETHEUS_YML, texts)


def _with_mistakes(text: str) -> list[str]:
    return [json.dumps(document) for document in _mistaken(yaml.safe_load(text))]


def _mistaken(value: Any) -> Iterator[Any]:
    """The value with one mistake: a part is gone, misspelled, without a name, there twice, one
    level too high or something else.

    Of items with the same keys, one has the mistakes.
    """
    if isinstance(value, dict):
        for part in value.values():
            lower = [item for item in part if isinstance(item, dict)] if type(part) is list else []
            for item in lower:
                yield from ({**value, key: item[key]} for key in item.keys() - value.keys())
        for key, part in value.items():
            others = {name: other for name, other in value.items() if name != key}
            yield from (others, *({**others, name: part} for name in (f"{key}l", "")))
            yield from ({**value, key: other} for other in (*WRONG, *_mistaken(part)))
    elif isinstance(value, list):
        for part in {str([*part]): part for part in value}.values():
            others = [other for other in value if other is not part]
            yield from (others, [*value, part])
            yield from ([other, *others] for other in (*WRONG, *_mistaken(part)))


def _alertmanager_yml(settings: Settings, topic: str | None) -> str:
    return render_alertmanager(alertmanager_config(settings, rulebook(), topic), Problems())


def _prometheus_yml(settings: Settings) -> str:
    return render_prometheus(settings, rulebook(), tuple(rule_files()), Problems())


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
