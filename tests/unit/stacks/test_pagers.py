"""Only a production stack can have production's pager, and no message shows a key."""

from typing import Any

import pytest

from stacks.settings.credentials import fingerprint
from tests.support.recording import ROOT, SECRETS, STACKS, stack_values
from tests.support.refusals import refusals

PRODUCTIONS = "R0K0fEXAMPLE" + "p" * 20
ANOTHER = "R0K0fEXAMPLE" + "s" * 20
LISTED = (fingerprint(PRODUCTIONS),)
PLACE = "vaultmesh:pagerdutyRoutingKey: "


def lines(stack: str, key: str, pagers: Any = LISTED) -> list[str]:
    """The refusal of a stack with this routing key and this list of production's pagers."""
    values = stack_values(stack) | {"vaultmesh:productionPagers": list(pagers)}
    found = refusals(values, SECRETS | {"vaultmesh:pagerdutyRoutingKey": key})
    assert not [line for line in found if PRODUCTIONS in line or ANOTHER in line]
    return found


def test_each_stack_may_have_its_own_pager() -> None:
    assert not lines("production", PRODUCTIONS)
    assert not lines("staging", ANOTHER)


def test_a_stack_that_is_not_production_may_not_page_productions_on_call() -> None:
    (line,) = lines("staging", PRODUCTIONS)
    assert line.startswith(f"{PLACE}it pages the production on-call")
    assert "pulumi config set --secret pagerdutyRoutingKey" in line


def test_production_may_have_no_pager_that_is_not_in_the_list() -> None:
    (line,) = lines("production", ANOTHER)
    assert line.startswith(f"{PLACE}its fingerprint is not in vaultmesh:productionPagers")
    assert f"`- {fingerprint(ANOTHER)}`" in line


def test_production_is_accepted_after_adding_the_line_that_the_refusal_prints() -> None:
    assert not lines("production", ANOTHER, [fingerprint(PRODUCTIONS), fingerprint(ANOTHER)])


@pytest.mark.parametrize("stack", ["staging", "production"])
@pytest.mark.parametrize("key", ["a" * 31, "a" * 33, "a" * 15 + " " + "a" * 16, "ä" * 32])
def test_a_malformed_routing_key_is_refused_without_being_repeated(stack: str, key: str) -> None:
    (line,) = lines(stack, key)
    assert line.startswith(f"{PLACE}is not a routing key of 32 letters and digits.")
    assert key not in line


@pytest.mark.parametrize("stack", STACKS)
def test_a_placeholder_key_for_a_rehearsal_is_accepted(stack: str) -> None:
    assert not lines(stack, "made-up-routing-key", [])


def test_a_stack_that_pages_nobody_is_not_asked_for_a_pager() -> None:
    assert not lines("local", PRODUCTIONS)


@pytest.mark.parametrize(
    "pagers", [["sha256:abc"], [PRODUCTIONS], {"sha256": "x"}, ["sha256:" + "F" * 64]]
)
def test_a_list_that_holds_no_fingerprints_is_refused(pagers: Any) -> None:
    found = refusals(stack_values("staging") | {"vaultmesh:productionPagers": pagers})
    assert found[0].startswith("vaultmesh:productionPagers")


def test_the_fingerprint_is_the_sha256_of_the_key() -> None:
    """`printf %s KEY | sha256sum`."""
    known = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
    assert fingerprint("hello") == f"sha256:{known}"


@pytest.mark.parametrize("stack", STACKS)
def test_no_stack_has_a_list_of_its_own(stack: str) -> None:
    assert "productionPagers" not in (ROOT / f"Pulumi.{stack}.yaml").read_text(encoding="utf-8")
