"""Reads and checks a stack's configuration. Nothing else in the program reads any."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import pulumi
from pulumi.runtime import config as runtime_config
from pydantic import BaseModel, ValidationError

from problems import Problems
from rules.notifications import load_notifications
from stacks.files import ROOT, read_files
from stacks.refusal import refuse
from stacks.secrets import PROJECT, SECRETS
from stacks.settings.credentials import (
    PRODUCTION_PAGERS,
    ProductionPagers,
    check_secrets,
    needed_secrets,
)
from stacks.settings.layers import OWN, SHARED, Layers
from stacks.settings.messages import explain, unknown_key
from stacks.settings.schema import Images, Rules, Settings

IMAGES = "images"
Model = TypeVar("Model", bound=BaseModel)

KEYS = (OWN, SHARED, IMAGES, PRODUCTION_PAGERS, *SECRETS)


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """A stack's configuration: its valid settings, images, and the secrets that it has, by key.

    `layers` says where a setting comes from. `problems` holds what is wrong with secrets and other
    keys, to be refused together with what is wrong with the rules and dashboards.
    """

    settings: Settings
    images: Images
    secrets: Mapping[str, pulumi.Output[str]]
    layers: Layers
    problems: Problems


def load_configuration() -> Configuration:
    """The stack's configuration, checked.

    If settings are wrong, raises SystemExit after one line for every wrong key, and for every
    problem of the rules, dashboards and templates that shows without these settings.
    """
    values = {**runtime_config.get_config_env(), **runtime_config.CONFIG.get()}
    given = {
        key.removeprefix(f"{PROJECT}:"): value
        for key, value in values.items()
        if key.startswith(f"{PROJECT}:")
    }
    problems = Problems()
    for key in given.keys() - set(KEYS):
        problems.add(f"{PROJECT}:{key}", 0, unknown_key(key, KEYS))
    layers = Layers(
        shared=_mapping(SHARED, given, problems),
        own=_mapping(OWN, given, problems),
        stack=pulumi.get_stack(),
    )
    settings = _settings(layers, problems)
    images = _other(Images, IMAGES, given, problems)
    pagers = _other(ProductionPagers, PRODUCTION_PAGERS, given, problems)
    if settings is None or images is None:
        rules = _rules(layers.merged)
        read_files(rules.overrides, rules.runbook_base_url, problems)
        load_notifications(ROOT, (), problems)
        refuse(problems)
    check_secrets(settings, given, pagers.root if pagers else (), problems)
    config = pulumi.Config(PROJECT)
    present = [key for key in needed_secrets(settings) if given.get(key)]
    return Configuration(
        settings=settings,
        images=images,
        secrets={key: config.require_secret(key) for key in present},
        layers=layers,
        problems=problems,
    )


def _mapping(key: str, given: Mapping[str, str], problems: Problems) -> Mapping[str, Any]:
    """The structured value of a configuration key; notes one that is not a mapping."""
    try:
        value = json.loads(given.get(key, "{}"))
    except ValueError:
        value = None
    if isinstance(value, dict):
        return value
    problems.add(f"{PROJECT}:{key}", 0, "is not a mapping. Write `key: value` lines below it.")
    return {}


def _settings(layers: Layers, problems: Problems) -> Settings | None:
    try:
        text = json.dumps(layers.merged, sort_keys=True)
        return Settings.model_validate_json(text, by_name=False)
    except ValidationError as error:
        for path, problem in explain(Settings, error, file=layers.file):
            problems.add(layers.place(path), 0, problem)
        return None


def _other(
    model: type[Model], key: str, given: Mapping[str, str], problems: Problems
) -> Model | None:
    """The value of a key that has no layers."""
    try:
        return model.model_validate_json(given.get(key, "{}"), by_name=False)
    except ValidationError as error:
        for path, text in explain(model, error, file="Pulumi.yaml"):
            problems.add(".".join([f"{PROJECT}:{key}", *map(str, path)]), 0, text)
        return None


def _rules(settings: Mapping[str, Any]) -> Rules:
    """The section `rules` if it is valid by itself, else one without overrides."""
    try:
        return Rules.model_validate(settings.get("rules"), by_name=False)
    except ValidationError:
        return Rules(runbook_base_url="https://runbooks.invalid")
