"""docs/operations.md has its steps in order, every secret, and the numbers of the program."""

import re

import pytest

from ops.cost.command import read_prices
from ops.cost.use import uses
from stacks.secrets import SECRETS
from tests.support.recording import ROOT
from toolchain import judges

PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    [text] = re.findall(rf"^## {title}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    return text


@pytest.mark.parametrize(
    ("first", "then"),
    [
        # After the login, the same command works on the real stack, and is no rehearsal.
        ("make preview STACK=staging", "pulumi login"),
        # It writes into the file of a stack that exists.
        ("pulumi stack init staging", "make pin STACK=staging"),
        # It needs the key that the account's stack makes.
        ("how-to.md#prepare-the-aws-account", "pulumi stack init staging"),
    ],
)
def test_the_first_deployment_names_each_step_after_what_it_needs(first: str, then: str) -> None:
    steps = section("First deployment")
    assert steps.index(first) < steps.index(then), f"move `{first}` before `{then}`"


@pytest.mark.parametrize("secret", SECRETS)
def test_every_secret_has_a_row_that_says_how_it_is_rotated(secret: str) -> None:
    assert f"\n| `{secret}` |" in section("Rotate the secrets"), (
        f"docs/operations.md, 'Rotate the secrets', has no row for {secret}."
    )


def test_the_example_costs_of_managed_prometheus_follow_from_the_prices() -> None:
    prices = read_prices()
    inputs = {"limitsPerLabelSets": [{"limits": {"maxSeries": 2000}}], "retentionPeriodInDays": 395}
    token = "aws:amp/workspaceConfiguration:WorkspaceConfiguration"
    found = {use.item: use.quantity for use in uses([(token, inputs)], prices)}
    written, stored = (
        found[item] * prices["prices"][item]["usd"] / prices["prices"][item].get("divisor", 1)
        for item in ("written_samples", "stored_samples")
    )
    assert f"{written:.2f} USD a month for writing" in PAGE
    assert f"{stored:.2f} USD for storing" in PAGE


def test_the_formulas_have_the_numbers_of_the_prices() -> None:
    prices = read_prices()
    node, hours = prices["prices"]["node"], str(prices["hours_a_month"])
    samples = str(3600 // prices["assumed"]["seconds_between_samples"])
    assert re.findall(r"maxSeries . (\d+) h . (\d+) samples an hour", PAGE) == [(hours, samples)]
    share = r"nodes += (\d+) h .*CPUs that pods request . (\d+).*GiB that they request . (\d+)"
    assert re.findall(share, PAGE) == [(hours, str(node["cpus"]), str(node["gib"]))]


def test_the_oldest_cluster_is_the_one_whose_schemas_judge_the_manifests() -> None:
    oldest = next(iter(judges.KUBERNETES)).removeprefix("v")
    assert f"Kubernetes {oldest} or newer" in section("What you need")
