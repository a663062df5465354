"""`make cost` prices what the real engine previews."""

import json

import pytest

from ops.cost.command import main, read_prices, table
from ops.cost.use import uses
from stacks.secrets import MADE_UP
from tests.support.project import Project
from tests.support.recording import run_stack
from toolchain import costs
from toolchain.base import UserError


def test_a_rehearsal_is_priced_as_the_program_declares_it(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    prices = read_prices()
    declared = [(found.type, found.inputs) for found in run_stack("staging").resources]
    *_, expected = table("staging", uses(declared, prices), prices)
    file = costs.preview("staging", project.root)
    assert MADE_UP not in file.read_text(encoding="utf-8")
    assert main([str(file)]) == 0
    assert expected in capsys.readouterr().out.splitlines()

    assert project.up(stack="staging").code == 0
    again = costs.preview("staging", project.root)
    steps = json.loads(again.read_text(encoding="utf-8"))["steps"]
    assert {step["op"] for step in steps} == {"same"}, "what exists costs as much"
    assert main([str(again)]) == 0
    assert expected in capsys.readouterr().out.splitlines()


def test_a_stack_that_is_refused_has_no_price(project: Project) -> None:
    with (
        project.edited("Pulumi.staging.yaml", "production: false", "production: perhaps"),
        pytest.raises(UserError, match="`make preview STACK=staging` says why"),
    ):
        costs.preview("staging", project.root)


def test_every_stack_in_aws_is_priced_and_no_other(project: Project) -> None:
    assert {"production", "staging"} <= set(costs.stacks_in_aws(project.root))
    assert not {"local", "node"} & set(costs.stacks_in_aws(project.root))
