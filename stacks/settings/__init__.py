"""Reads and checks a stack's configuration. Nothing else in the program reads any."""

import difflib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

import pulumi
from pulumi.runtime import config as runtime_config
from pydantic import BaseModel, ValidationError

from stacks.pagers import PRODUCTION_PAGERS, ROUTING_KEY, ProductionPagers, pager_problems
from stacks.refusal import refuse
from stacks.secrets import MADE_UP, PROJECT, SECRETS, URLS
from stacks.settings.schema import Images, Settings

STRUCTURED: dict[str, type[BaseModel]] = {
    "settings": Settings,
    "images": Images,
    PRODUCTION_PAGERS: ProductionPagers,
}


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """A stack's checked configuration: its settings, images, and the secrets they need, by key."""

    settings: Settings
    images: Images
    secrets: Mapping[str, pulumi.Output[str]]


def load_configuration() -> Configuration:
    """The stack's configuration, complete and checked.

    Raises SystemExit, after one line for every wrong key, if anything is unknown, missing, out of
    range, or a secret in plain text.
    """
    values = {**runtime_config.get_config_env(), **runtime_config.CONFIG.get()}
    own = {
        key.removeprefix(f"{PROJECT}:"): value
        for key, value in values.items()
        if key.startswith(f"{PROJECT}:")
    }
    problems = list(_unknown_keys(own))
    parsed: dict[str, BaseModel] = {}
    for key, model in STRUCTURED.items():
        try:
            parsed[key] = model.model_validate_json(own.get(key, "{}"))
        except ValidationError as error:
            problems += _explain(key, model, error)
    if problems:
        refuse(problems)
    settings = cast(Settings, parsed["settings"])
    problems += _secret_problems(settings, own)
    if ROUTING_KEY in _needed_secrets(settings) and own.get(ROUTING_KEY):
        problems += pager_problems(
            own[ROUTING_KEY],
            production=settings.production,
            production_pagers=cast(ProductionPagers, parsed[PRODUCTION_PAGERS]).root,
        )
    if problems:
        refuse(problems)
    config = pulumi.Config(PROJECT)
    secrets = {key: config.require_secret(key) for key in _needed_secrets(settings)}
    return Configuration(settings=settings, images=cast(Images, parsed["images"]), secrets=secrets)


def _unknown_keys(own: Mapping[str, str]) -> Iterator[str]:
    known = [*STRUCTURED, *SECRETS]
    for key in sorted(set(own) - set(known)):
        yield f"{PROJECT}:{key}: unknown key{_nearest(key, known)}; remove it or correct it"


def _needed_secrets(settings: Settings) -> list[str]:
    channels = settings.alertmanager.routes.channels()
    needed = {
        "grafanaAdminPassword": True,
        "slackApiUrl": "slack" in channels,
        "pagerdutyRoutingKey": "pagerduty" in channels,
        "heartbeatUrl": settings.alertmanager.heartbeat.outside,
    }
    return [key for key in SECRETS if needed[key]]


def _secret_problems(settings: Settings, own: Mapping[str, str]) -> Iterator[str]:
    needed = _needed_secrets(settings)
    for key, reason in SECRETS.items():
        place, remedy = f"{PROJECT}:{key}", f"run `pulumi config set --secret {key}`"
        if key in needed and not own.get(key):
            yield f"{place}: missing, and {reason}; {remedy}"
        if own.get(key) and not runtime_config.is_config_secret(place):
            yield f"{place}: a secret stands there in plain text; {remedy}, and change the secret"
        elif key in URLS and key in needed and not _is_address(own.get(key, MADE_UP)):
            yield f"{place}: no URL that begins with https://; {remedy}"


def _is_address(text: str) -> bool:
    return text.startswith(MADE_UP) or re.fullmatch(r"https://[^\s/]+\S*", text) is not None


def _explain(key: str, model: type[BaseModel], error: ValidationError) -> Iterator[str]:
    """One line for each wrong key: its full path, what is wrong, and what would be right."""
    for detail in error.errors(include_url=False):
        steps = [str(step) for step in detail["loc"] if step != "[key]"]
        path = ".".join([f"{PROJECT}:{key}", *steps])
        match detail["type"]:
            case "extra_forbidden":
                nearest = _nearest(str(detail["loc"][-1]), _keys_beside(model, detail["loc"]))
                yield f"{path}: unknown key{nearest}; remove it or correct it"
            case "missing":
                yield f"{path}: missing; set it in Pulumi.{pulumi.get_stack()}.yaml"
            case "value_error":
                yield f"{path}: {detail['msg'].removeprefix('Value error, ')}"
            case "json_invalid":
                yield f"{path}: not structured data; write it as YAML under `config:`"
            case _:
                message = detail["msg"][0].lower() + detail["msg"][1:]
                yield f"{path}: {message}, but it is {json.dumps(detail['input'], default=str)}"


def _keys_beside(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """The keys that the schema allows where `location` names one that it does not."""
    schema: Any = model.model_json_schema(by_alias=True)
    definitions = schema.get("$defs", {})
    for step in location[:-1]:
        patterns = schema.get("patternProperties", {})
        otherwise = next(iter(patterns.values()), schema.get("additionalProperties", {}))
        schema = schema.get("properties", {}).get(step, otherwise)
        if "$ref" in schema:
            schema = definitions[schema["$ref"].rsplit("/", 1)[-1]]
    return list(schema.get("properties", {}))


def _nearest(word: str, known: list[str]) -> str:
    close = difflib.get_close_matches(word, known, n=1)
    return f", did you mean {close[0]}?" if close else ""
