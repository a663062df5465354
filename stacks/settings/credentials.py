"""Checks that a stack has the secrets that it needs, and pages only its own on-call.

Pulumi.yaml lists fingerprints of the PagerDuty routing keys that page the production on-call, so no
key is stored in plain text. Nobody can guess a key from its fingerprint: it has 32 random
characters.
"""

import re
from collections.abc import Collection, Mapping
from hashlib import sha256
from typing import Annotated
from urllib.parse import urlsplit

from pulumi.runtime import config as runtime_config
from pydantic import RootModel

from components.channels import CHANNELS, ROUTING_KEY
from components.network import HTTPS_PORT
from components.urls import is_https_url
from components.values import matching
from problems import Problems
from stacks.secrets import (
    ADMIN_PASSWORD,
    CLIENT_SECRET,
    CREDENTIALS,
    MADE_UP,
    METRICS_PASSWORD,
    OUTSIDE_ALARM,
    PROJECT,
    SECRETS,
    plain_text_message,
)
from stacks.settings.schema import Settings

PAGERS = "productionPagers"

Fingerprint = Annotated[
    str, matching(r"sha256:[0-9a-f]{64}", "a fingerprint", "sha256: and 64 hexadecimal digits")
]


class ProductionPagers(RootModel[tuple[Fingerprint, ...]]):
    """The fingerprints of the routing keys that page the production on-call."""


def fingerprint(routing_key: str) -> str:
    """The routing key's entry in the list `productionPagers`."""
    return f"sha256:{sha256(routing_key.encode()).hexdigest()}"


def needed_secrets(settings: Settings) -> tuple[str, ...]:
    """The configuration keys of the secrets that these settings need."""
    credentials = (CHANNELS[name].credential for name in settings.alertmanager.channels_outside)
    programs = (*settings.workloads.values(), *settings.cron_jobs.values())
    needed = (
        ADMIN_PASSWORD,
        *(() if settings.grafana.is_internal else (METRICS_PASSWORD,)),
        *((CLIENT_SECRET,) if settings.grafana.oidc else ()),
        *(credential.key for credential in credentials if credential),
        *(key for program in programs for key in program.secrets.values()),
        *((OUTSIDE_ALARM,) if settings.aws and settings.aws.raises_alarms else ()),
    )
    return tuple(dict.fromkeys(needed))


def check_secrets(
    settings: Settings,
    known: Mapping[str, str],
    given: Mapping[str, str],
    production_pagers: Collection[str],
    problems: Problems,
) -> None:
    """Report each secret that is missing, malformed or in plain text, and each foreign pager.

    `known` maps the key of every secret to the reason why a stack needs it, and `given` holds the
    configuration by key. No message repeats a secret.
    """
    needed = needed_secrets(settings)
    for key, reason in known.items():
        place, remedy = f"{PROJECT}:{key}", f"Run `pulumi config set --secret {key}`"
        value = given.get(key)
        if not value:
            if key in needed:
                problems.add(place, 0, f"missing, and {reason}. {remedy}.")
        elif not runtime_config.is_config_secret(place):
            problems.add(place, 0, plain_text_message(key))
        elif key in needed and (flaw := _invisible(value, in_lines=key not in SECRETS)):
            problems.add(place, 0, f"{flaw}, which is hardly meant. {remedy} without it.")
        elif key in needed and not value.startswith(MADE_UP):
            if settings.cluster.render:
                problems.add(
                    place,
                    0,
                    f"is a real secret, which {settings.cluster.render}/ would hold in plain text."
                    f" Remove `render` from {PROJECT}:settings.cluster, or set a value that"
                    f" begins with {MADE_UP}.",
                )
            if key in CREDENTIALS and CREDENTIALS[key].is_url and not is_https_url(value):
                problems.add(place, 0, f"is not an https URL. {remedy}.")
            elif key in CREDENTIALS and CREDENTIALS[key].is_url and not _is_reachable(value):
                text = f"its port is not {HTTPS_PORT}, which alone is open. {remedy} with another."
                problems.add(place, 0, text)
            region = _pagerduty_region(value)
            if region not in (None, settings.alertmanager.pagerduty_region):
                problems.add(
                    place,
                    0,
                    f"is in another region of PagerDuty than {PROJECT}:settings.alertmanager."
                    f"pagerdutyRegion says. {remedy} with another, or write {region} there.",
                )
            if key == OUTSIDE_ALARM and not _is_endpoint(value, settings):
                expected = settings.aws.alarms_by if settings.aws else ""
                text = f"is no address for {PROJECT}:settings.aws.alarmsBy: {expected}. {remedy}."
                problems.add(place, 0, text)
            if key == ROUTING_KEY.key:
                _check_pager(value, settings.production, production_pagers, problems)


def _invisible(value: str, *, in_lines: bool) -> str | None:
    """What nobody sees in a secret, and its consumers take or leave as they like.

    The secrets of programs are files, which may have several lines.
    """
    for place, character in (("begins", value[0]), ("ends", value[-1])):
        if character.isspace() or not character.isprintable():
            return f"{place} with a blank, a line break or a character that can't be seen"
    allowed = "\n\r\t" if in_lines else ""
    if any(not (one.isprintable() or one in allowed) for one in value):
        return "contains a line break or a character that can't be seen"
    return None


def _is_reachable(url: str) -> bool:
    """Whether the policies let Alertmanager connect to the port of the URL."""
    try:
        return urlsplit(url).port in (None, HTTPS_PORT)
    except ValueError:
        return False


def _pagerduty_region(url: str) -> str | None:
    """The service region of PagerDuty whose events the host takes; None for any other host."""
    hosts = {"us": "events.pagerduty.com", "eu": "events.eu.pagerduty.com"}
    return next((region for region, host in hosts.items() if f"://{host}/" in url), None)


def _is_endpoint(text: str, settings: Settings) -> bool:
    if settings.aws and settings.aws.alarms_by == "email":
        return re.fullmatch(r"[^\s@]+@[^\s@]+", text) is not None
    return is_https_url(text)


def _check_pager(
    routing_key: str, production: bool, production_pagers: Collection[str], problems: Problems
) -> None:
    key = ROUTING_KEY.key
    place, remedy = f"{PROJECT}:{key}", f"Run `pulumi config set --secret {key}`"
    found = fingerprint(routing_key)
    if not re.fullmatch("[A-Za-z0-9]{32}", routing_key):
        problems.add(place, 0, f"is not a routing key of 32 letters and digits. {remedy}.")
    elif production and found not in production_pagers:
        problems.add(
            place,
            0,
            f"its fingerprint is not in {PROJECT}:{PAGERS}. If it pages the production"
            f" on-call, add `- {found}` there in Pulumi.yaml.",
        )
    elif not production and found in production_pagers:
        problems.add(
            place,
            0,
            f"it pages the production on-call, but {PROJECT}:settings.production is false."
            f" {remedy} with the key of another service.",
        )
