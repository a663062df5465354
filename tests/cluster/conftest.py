"""One real node for all tests of this level, and the platform on it.

Each test restores what it changes, but for those of `destroy`.
"""

from collections.abc import Iterator

import pytest

from tests.support.node import STACK, Deployed, kubectl_proxy
from tests.support.project import Project, Result
from toolchain import tools
from toolchain.base import state
from toolchain.node import host, images
from toolchain.node.cluster import Node, running_node

FIRST, LAST = "test_up", "test_destroy"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Test a new platform first, and its end last."""
    items.sort(key=lambda item: (item.path.stem != FIRST, item.path.stem == LAST))


@pytest.fixture(scope="session")
def node() -> Iterator[Node]:
    """A node of its own, beside the one of `make cluster`."""
    if reason := host.missing():
        pytest.skip(reason)
    with running_node(state() / "test-node", images.build(), tools.folders(tools.NODE)) as node:
        yield node


@pytest.fixture(scope="session")
def deployed(first_up: tuple[Deployed, Result]) -> Deployed:
    """The stack `node` of a copy of this program, brought up once."""
    return first_up[0]


@pytest.fixture(scope="session")
def first_up(
    node: Node, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Deployed, Result]]:
    """The stack and the result of its first `up`, from nothing."""
    with pytest.MonkeyPatch.context() as patch, kubectl_proxy(node) as proxy:
        patch.setenv("KUBECONFIG", str(node.folder.admin))
        project = Project.of_the_platform(tmp_path_factory.mktemp("cluster") / "platform")
        first = project.up(stack=STACK)
        assert first.code == 0, first.text
        yield Deployed(node=node, project=project, proxy=proxy), first
