"""Whose pager a routing key reaches, told without keeping the key: by its fingerprint.

A routing key is 32 random characters, so that nobody finds it by trying what has its fingerprint.
"""

import re
from collections.abc import Collection, Iterator
from hashlib import sha256
from typing import Annotated

from pydantic import RootModel, StringConstraints

from stacks.secrets import MADE_UP, PROJECT

PRODUCTION_PAGERS = "productionPagers"
ROUTING_KEY = "pagerdutyRoutingKey"

_KEY = re.compile(r"[A-Za-z0-9]{32}")

Fingerprint = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]


class ProductionPagers(RootModel[tuple[Fingerprint, ...]]):
    """The fingerprints of the routing keys that page the production on-call."""


def fingerprint(routing_key: str) -> str:
    """What stands in the list for the key."""
    return f"sha256:{sha256(routing_key.encode()).hexdigest()}"


def pager_problems(
    routing_key: str, *, production: bool, production_pagers: Collection[str]
) -> Iterator[str]:
    """Why the stack may not have this key, if it may not; the key itself is never repeated."""
    place, remedy = f"{PROJECT}:{ROUTING_KEY}", f"run `pulumi config set --secret {ROUTING_KEY}`"
    found = fingerprint(routing_key)
    if routing_key.startswith(MADE_UP):
        return
    if not _KEY.fullmatch(routing_key):
        yield f"{place}: a routing key is 32 letters and digits, and this is none; {remedy}"
    elif production and found not in production_pagers:
        yield (
            f"{place}: its fingerprint is not in {PROJECT}:{PRODUCTION_PAGERS}; if it pages the"
            f" production on-call, add `- {found}` there in Pulumi.yaml"
        )
    elif not production and found in production_pagers:
        yield (
            f"{place}: it pages the production on-call, and {PROJECT}:settings.production is"
            f" false; {remedy} with the key of another service"
        )
