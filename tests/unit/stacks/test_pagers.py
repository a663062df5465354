"""A stack that is not production can't have production's pager, and no key is ever shown."""

from typing import Any

import pulumi
import pytest
from pulumi.runtime.sync_await import _ensure_event_loop

from stacks.pagers import fingerprint
from stacks.settings import load_configuration
from tests.support.recording import ROOT, SECRETS, STACKS, configure, stack_values

PRODUCTIONS = "R0K0fEXAMPLE" + "p" * 20
ANOTHER = "R0K0fEXAMPLE" + "s" * 20
LISTED = (fingerprint(PRODUCTIONS),)
PLACE = "vaultmesh:pagerdutyRoutingKey: "


@pytest.fixture(autouse=True)
def current_loop() -> None:
    """Pulumi's outputs want one, and `asyncio.run` in a test before leaves none."""
    _ensure_event_loop()


@pytest.fixture
def errors(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The lines that a refused program shows."""
    lines: list[str] = []
    monkeypatch.setattr(pulumi.log, "error", lines.append)
    return lines


def load(stack: str, key: str, pagers: Any = LISTED) -> None:
    """Load a stack's configuration with this routing key and list of production's pagers."""
    values = stack_values(stack) | {"vaultmesh:productionPagers": list(pagers)}
    configure(values, SECRETS | {"vaultmesh:pagerdutyRoutingKey": key})
    load_configuration()


def refused(*arguments: Any, errors: list[str]) -> str:
    """The one line with which it is refused."""
    with pytest.raises(SystemExit):
        load(*arguments)
    (line,) = errors
    assert PRODUCTIONS not in line and ANOTHER not in line and "\n" not in line
    return line


def test_each_stack_may_have_the_pager_that_is_its_own() -> None:
    load("production", PRODUCTIONS)
    load("staging", ANOTHER)


def test_a_stack_that_is_not_production_may_not_page_production_s_on_call(
    errors: list[str],
) -> None:
    line = refused("staging", PRODUCTIONS, errors=errors)
    assert line.startswith(f"{PLACE}it pages the production on-call")
    assert "pulumi config set --secret pagerdutyRoutingKey" in line


def test_production_may_have_no_pager_that_is_not_in_the_list(errors: list[str]) -> None:
    line = refused("production", ANOTHER, errors=errors)
    assert line.startswith(f"{PLACE}its fingerprint is not in vaultmesh:productionPagers")
    assert f"`- {fingerprint(ANOTHER)}`" in line


def test_what_the_line_says_is_what_makes_production_acceptable() -> None:
    load("production", ANOTHER, [fingerprint(PRODUCTIONS), fingerprint(ANOTHER)])


@pytest.mark.parametrize("stack", ["staging", "production"])
@pytest.mark.parametrize("key", ["a" * 31, "a" * 33, "a" * 31 + " ", "a" * 31 + "\n", "ä" * 32])
def test_what_is_no_routing_key_is_refused_without_being_repeated(
    stack: str, key: str, errors: list[str]
) -> None:
    line = refused(stack, key, errors=errors)
    assert line.startswith(f"{PLACE}a routing key is 32 letters and digits")
    assert key not in line


@pytest.mark.parametrize("stack", STACKS)
def test_a_key_that_was_made_up_for_a_rehearsal_pages_nobody_and_is_taken(stack: str) -> None:
    load(stack, "made-up-routing-key", [])


def test_a_stack_that_pages_nobody_is_not_asked_for_a_pager() -> None:
    load("local", PRODUCTIONS)


@pytest.mark.parametrize(
    "pagers", [["sha256:abc"], [PRODUCTIONS], {"sha256": "x"}, ["sha256:" + "F" * 64]]
)
def test_a_list_that_holds_no_fingerprints_is_refused(pagers: Any, errors: list[str]) -> None:
    values = stack_values("staging") | {"vaultmesh:productionPagers": pagers}
    configure(values)
    with pytest.raises(SystemExit):
        load_configuration()
    assert errors[0].startswith("vaultmesh:productionPagers")


def test_the_fingerprint_is_what_the_how_to_makes_of_a_key() -> None:
    """`printf %s KEY | sha256sum`."""
    known = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
    assert fingerprint("hello") == f"sha256:{known}"


@pytest.mark.parametrize("stack", STACKS)
def test_no_stack_has_a_list_of_its_own(stack: str) -> None:
    assert "productionPagers" not in (ROOT / f"Pulumi.{stack}.yaml").read_text(encoding="utf-8")
