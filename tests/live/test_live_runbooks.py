"""The commands of every runbook, run as written against the running stack."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.conftest import Live, running
from tests.support.programs import tool
from tests.support.runbooks import RUNBOOKS, run


@pytest.fixture(scope="module")
def stack(manifests: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A separate stack, because the pages step its pods and silence its alerts."""
    for live in running(Live(tmp_path_factory.mktemp("runbooks"), manifests)):
        live.wait_for_rules()
        yield live


@pytest.mark.parametrize("page", RUNBOOKS)
def test_the_commands_of_a_runbook_work(page: str, stack: Live, tmp_path: Path) -> None:
    """kubectl stands in for the real one, but its port-forwards lead to the servers that run."""
    behind = {
        service.name: stack.platform.pods_of(service.selects)
        for service in stack.platform.manifests.services
    }
    addresses = {f"service/{name}": pods[0] for name, pods in behind.items() if pods}
    addresses |= {f"pod/{pod.name}": pod for pod in stack.platform.pods}
    outcome = run(
        RUNBOOKS[page],
        tmp_path,
        endpoints={name: [pod.name for pod in pods] for name, pods in behind.items()},
        addresses={target: f"{pod.address}:{pod.port}" for target, pod in addresses.items()},
        curl=tool("curl"),
    )
    assert outcome.problems == [], f"docs/runbooks/{page}.md"
