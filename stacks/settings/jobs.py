"""Checks the variables of our scheduler, which does not start if one of them is wrong.

`services` run elsewhere and can't be imported; tests compare this check with theirs.
"""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from ipaddress import IPv6Address
from typing import Annotated, Any, Literal

from cronsim import CronSim, CronSimError
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    Json,
    RootModel,
    ValidationError,
)

from components.hours import TimeZone
from components.values import matching
from stacks.settings.messages import explain, unknown_key_message

MODULE = "services.scheduler"
"""What the command of a scheduler names."""
PREFIX = "SCHEDULER_"
JOBS, TIME_ZONE = f"{PREFIX}JOBS", f"{PREFIX}TIME_ZONE"
_ANY_TIME = datetime(2024, 1, 1)
_MOST_JOBS = 100
_LABEL = "[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(\.{_LABEL})*\.?")
_URL = re.compile(
    r"(?i:https?)://((?P<user>[^/?#]*)@)?(\[(?P<address>[^]/?#]*)\]|(?P<name>[^/?#@:\[\]]*))"
    r"(:(?P<port>[0-9]{0,5}))?([/?#][^\x00-\x1f\x7f]*)?"
)
_JOBS_ADVICE = 'Write `[{"name": "field-is-ready", "cron": "* * * * *", "url": "http://psi-field:8000/ready"}]`.'
_URL_ADVICE = "Write one such as http://psi-field:8000/ready."


def _check_cron(cron: str) -> str:
    try:
        next(CronSim(cron, _ANY_TIME))
    except (CronSimError, StopIteration, ValueError) as error:
        raise ValueError(
            f"`{cron}` is not a schedule of the scheduler: {error or 'it is never due'}. Write five"
            " fields such as `0 6 * * *`, or six with the second first."
        ) from None
    return cron


def _check_url(text: str) -> str:
    """The URL; ValueError, which does not repeat what may be a password, if it is wrong."""
    found = _URL.fullmatch(text)
    if not found or not _is_host(found) or not 0 < int(found["port"] or 80) < 65536:
        raise ValueError(f"is not an http or https URL. {_URL_ADVICE}")
    if found["user"]:
        raise ValueError(f"holds a user or a password. {_URL_ADVICE}")
    return text


def _is_host(url: re.Match[str]) -> bool:
    if url["address"] is None:
        return _HOST.fullmatch(url["name"]) is not None
    try:
        IPv6Address(url["address"])
    except ValueError:
        return False
    return True


def _check_body(body: dict[str, Any]) -> dict[str, Any]:
    try:
        json.dumps(body, allow_nan=False)
    except ValueError:
        raise ValueError("holds NaN or infinity, which JSON lacks. Write a number.") from None
    return body


def _check_names(jobs: tuple["Job", ...]) -> tuple["Job", ...]:
    names = [job.name for job in jobs]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"two jobs are named `{name}`. Rename one.")
    if len(jobs) > _MOST_JOBS:
        raise ValueError(f"{len(jobs)} jobs are too many. Write {_MOST_JOBS} or less.")
    return jobs


class Job(BaseModel):
    """A recurring HTTP call, as the scheduler reads it."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: Annotated[
        str,
        matching(
            "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?",
            "a name of at most 63 lower-case letters, digits and hyphens",
            "field-is-ready",
        ),
    ]
    cron: Annotated[str, AfterValidator(_check_cron)]
    url: Annotated[str, AfterValidator(_check_url)]
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "GET"
    body: Annotated[dict[str, Any], AfterValidator(_check_body)] | None = None
    timeout_seconds: Annotated[float, Field(gt=0, le=3600)] = 30


class Jobs(RootModel[Json[Annotated[tuple[Job, ...], AfterValidator(_check_names)]]]):
    """The list in SCHEDULER_JOBS, a JSON text."""


_KNOWN: Mapping[str, type[BaseModel]] = {
    JOBS: Jobs,
    TIME_ZONE: RootModel[TimeZone],
}


def scheduler_problems(environment: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """(variable, with the place in its list of jobs, and message) of what stops a scheduler."""
    for variable, text in environment.items():
        if variable.startswith(PREFIX) and variable not in _KNOWN:
            yield variable, unknown_key_message(variable, [*_KNOWN])
        elif model := _KNOWN.get(variable):
            try:
                model.model_validate(text)
            except ValidationError as error:
                (first, *_) = error.errors(include_url=False)
                if first["type"] == "json_invalid":
                    yield (
                        variable,
                        f"is not JSON: {first.get('ctx', {}).get('error')}. {_JOBS_ADVICE}",
                    )
                    continue
                for path, problem in explain(model, error, file="the job"):
                    yield ".".join([variable, *map(str, path)]), problem
