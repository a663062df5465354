"""Reads and checks a stack's configuration. No other module reads configuration."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import pulumi
from pulumi.runtime import config as runtime_config
from pydantic import BaseModel, ValidationError
from pydantic.alias_generators import to_camel

from problems import Problems
from rules.notifications import load_notifications
from stacks.files import ROOT, read_files
from stacks.images import IMAGES, SERVICES_IMAGE, check_images
from stacks.refusal import refuse
from stacks.secrets import PROJECT, SECRETS, program_secrets
from stacks.settings.aws_login import AwsLogin, read_aws_login
from stacks.settings.credentials import (
    PAGERS,
    ProductionPagers,
    check_secrets,
    needed_secrets,
)
from stacks.settings.layers import OWN, SHARED, LayeredProblems, Layers
from stacks.settings.messages import explain, unknown_key_message
from stacks.settings.schema import Images, Rules, ServicesImage, Settings

Model = TypeVar("Model", bound=BaseModel)

KEYS = (OWN, SHARED, SERVICES_IMAGE, IMAGES, PAGERS)


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """A stack's configuration: valid settings and images, secrets by key, and the login to AWS.

    `services_image` is the image of all workloads and cron jobs without their own. `problems` holds
    the problems of secrets and other keys. The caller reports them together with those of rules and
    dashboards.
    """

    settings: Settings
    images: Images
    services_image: str
    secrets: Mapping[str, pulumi.Output[str]]
    aws_login: AwsLogin
    problems: Problems


def given_configuration() -> Mapping[str, str]:
    """The stack's configuration as Pulumi gives it, by key without the project's name.

    Structures are JSON texts.
    """
    return {
        key.removeprefix(f"{PROJECT}:"): value
        for key, value in _whole_configuration().items()
        if key.startswith(f"{PROJECT}:")
    }


def load_configuration() -> Configuration:
    """Read and check the stack's configuration.

    If settings are wrong, prints one line for each wrong key, and for each problem of rules,
    dashboards and templates that can be found without settings; then raises SystemExit.
    """
    given = given_configuration()
    structures = {key: _parse_mapping(given.get(key, "{}")) for key in (SHARED, OWN)}
    layers = Layers(
        shared=structures[SHARED] or {}, own=structures[OWN] or {}, stack=pulumi.get_stack()
    )
    problems = LayeredProblems(layers=layers)
    # Both layers, because a stack may remove a shared workload and keep its secret.
    programs = (*program_secrets(layers.shared), *program_secrets(layers.own))
    for key, reason in dict(programs).items():
        if key in KEYS:
            text = (
                f"is no secret, but {reason}. Name the key of a secret there, such as akashToken."
            )
            problems.add(f"{PROJECT}:{key}", 0, text)
    secrets = {**{key: reason for key, reason in programs if key not in KEYS}, **SECRETS}
    known = (*KEYS, *secrets)
    for key in given.keys() - set(known):
        problems.add(f"{PROJECT}:{key}", 0, unknown_key_message(key, known))
    for key, structure in structures.items():
        if structure is None:
            text = "is not a mapping. Write `key: value` lines below it."
            problems.add(f"{PROJECT}:{key}", 0, text)
    settings = _validate(Settings, OWN, json.dumps(layers.merged, sort_keys=True), problems)
    images = _validate(Images, IMAGES, given.get(IMAGES, "{}"), problems)
    services_image = json.dumps(given.get(SERVICES_IMAGE, ""))
    services = _validate(ServicesImage, SERVICES_IMAGE, services_image, problems)
    pagers = _validate(ProductionPagers, PAGERS, given.get(PAGERS, "[]"), problems)
    if settings is None or images is None or services is None:
        rules = _valid_rules(layers.merged)
        read_files(rules.overrides, rules.runbook_base_url, rules.slo_options, problems)
        load_notifications(ROOT, (), problems)
        refuse(problems)
    check_secrets(settings, secrets, given, pagers.root if pagers else (), problems)
    if settings.cluster.is_real:
        others = {f"{PROJECT}:{IMAGES}.{to_camel(k)}": v for k, v in images.model_dump().items()}
        own = _own_images(settings, services.root)
        check_images(own, others, settings.production, problems)
    config = pulumi.Config(PROJECT)
    present = [key for key in needed_secrets(settings) if given.get(key)]
    return Configuration(
        settings=settings,
        images=images,
        services_image=services.root,
        secrets={key: config.require_secret(key) for key in present},
        aws_login=read_aws_login(_whole_configuration(), problems),
        problems=problems,
    )


def _own_images(settings: Settings, services_image: str) -> dict[str, str]:
    """Configuration key -> image, for the images of all workloads and cron jobs."""
    images: dict[str, str] = {}
    for section, named in (("workloads", settings.workloads), ("cronJobs", settings.cron_jobs)):
        for name, runs in named.items():
            key = f"{OWN}.{section}.{name}.image" if runs.image else SERVICES_IMAGE
            images[f"{PROJECT}:{key}"] = runs.image or services_image
    return images


def _whole_configuration() -> dict[str, str]:
    """The configuration of the project and of providers, by key with the name before a colon."""
    return {**runtime_config.get_config_env(), **runtime_config.CONFIG.get()}


def _parse_mapping(text: str) -> Mapping[str, Any] | None:
    """The mapping in a JSON text; None if it is not a mapping."""
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _validate(model: type[Model], key: str, text: str, problems: LayeredProblems) -> Model | None:
    """The value of a configuration key; if it is invalid, reports why and returns None."""
    file = problems.layers.file if key == OWN else "Pulumi.yaml"
    try:
        return model.model_validate_json(text, by_name=False)
    except ValidationError as error:
        for path, problem in explain(model, error, file=file):
            problems.add(".".join([f"{PROJECT}:{key}", *map(str, path)]), 0, problem)
        return None


def _valid_rules(settings: Mapping[str, Any]) -> Rules:
    """The section `rules` if it is valid; otherwise a default without overrides."""
    try:
        return Rules.model_validate(settings.get("rules"), by_name=False)
    except ValidationError:
        return Rules(runbook_base_url="https://runbooks.invalid")
