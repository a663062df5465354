"""The benchmark of an edit's way finds each of its steps."""

from collections.abc import Iterator

import pytest

from bench.edits import ENDED
from bench.parts.effect_node import NODE_STEPS, each_prometheus, edit_threshold
from tests.support.node import STACK, Deployed


@pytest.fixture
def edited(deployed: Deployed) -> Iterator[Deployed]:
    """The platform, which has its own settings back at the end."""
    file = deployed.project.root / f"Pulumi.{STACK}.yaml"
    before = file.read_text()
    yield deployed
    file.write_text(before)
    result = deployed.up()
    assert result.code == 0, result.text


def test_a_kubelet_that_is_told_to_look_mounts_an_edit_at_once(edited: Deployed) -> None:
    with each_prometheus(edited.node) as servers:
        assert len(servers) == 2
        seen = edit_threshold(edited.project.root, edited.node, servers, 0.25, look_at_once=True)
    times = [seen[step] for step in NODE_STEPS]
    assert times == sorted(times)
    assert ENDED in seen
    # The kubelet alone would look after a minute at the earliest.
    assert seen["mounted"] - seen["written"] < 30
