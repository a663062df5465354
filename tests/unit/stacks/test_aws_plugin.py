"""The AWS plugin starts while the program imports, and only for stacks in AWS."""

from importlib.metadata import version
from types import SimpleNamespace
from typing import Any

import pulumi
import pytest

from stacks import aws_plugin


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The requests that nobody waits for."""
    requests: list[Any] = []
    monitor = SimpleNamespace(Invoke=SimpleNamespace(future=requests.append))
    monkeypatch.setattr(aws_plugin, "get_monitor", lambda: monitor)
    return requests


def test_a_stack_with_a_region_asks_the_plugin_of_its_sdk(asked: list[Any]) -> None:
    pulumi.runtime.set_all_config({"aws:region": "eu-west-1"})
    aws_plugin.start_aws_plugin()
    (request,) = asked
    assert (request.tok, request.version) == (
        "aws:index/getRegion:getRegion",
        version("pulumi_aws"),
    )
    assert not request.provider


def test_a_stack_without_a_region_starts_no_plugin(asked: list[Any]) -> None:
    pulumi.runtime.set_all_config({})
    aws_plugin.start_aws_plugin()
    assert asked == []
