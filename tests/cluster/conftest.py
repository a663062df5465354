"""One real node for all tests of this level, and the platform on it.

The tests run in the order of their files' names. Each restores what it changes.
"""

from collections.abc import Iterator

import pytest

from tests.support.node import STACK, Deployed, kubectl_proxy
from tests.support.project import Project
from toolchain import tools
from toolchain.base import state
from toolchain.node import host, images
from toolchain.node.cluster import Node, running_node


@pytest.fixture(scope="session")
def node() -> Iterator[Node]:
    """A node of its own, beside the one of `make cluster`."""
    if reason := host.missing():
        pytest.skip(reason)
    with running_node(state() / "test-node", images.build(), tools.folders(tools.NODE)) as node:
        yield node


@pytest.fixture(scope="session")
def deployed(node: Node, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """The stack `node` of a copy of this program, brought up once."""
    with pytest.MonkeyPatch.context() as patch, kubectl_proxy(node) as proxy:
        patch.setenv("KUBECONFIG", str(node.folder.admin))
        project = Project.of_the_platform(tmp_path_factory.mktemp("cluster") / "platform")
        first = project.up(stack=STACK)
        assert first.code == 0, first.text
        yield Deployed(node=node, project=project, proxy=proxy, first=first)
