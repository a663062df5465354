"""How long an edited threshold takes to be evaluated, on a real Kubernetes node."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from bench.edits import has_text, is_loaded, set_threshold, up
from bench.load import DIES_WITH_US
from bench.parts.effect import STEPS, THRESHOLDS, rows
from bench.program import copy_of_the_program
from bench.results import Row
from components.prometheus import NAME, SERVER
from ops.prometheus_api import Prometheus
from toolchain import tools
from toolchain.base import VENV_BIN, state
from toolchain.node import host, images
from toolchain.node.cluster import Node, running_node
from toolchain.node.command import STACK

NAMESPACE = "aurora-node"
NODE_STEPS = {
    "written": STEPS["written"],
    "mounted": (
        "from there until the kubelet has mounted it",
        "at most 90 s, on EKS too: docs/operations.md",
    ),
    "loaded": STEPS["loaded"],
    "evaluated": STEPS["evaluated"],
}
SELECTOR = f"--selector=app.kubernetes.io/name={NAME}"
FILES = "pods/*/volumes/kubernetes.io~configmap/config/alerting_rules.yml"
"""The mounted files of each Prometheus, below the kubelet's folder."""
LOOK = ("vaultmesh.dev/look=now", "vaultmesh.dev/look-")
"""Changes of a pod's annotations; each makes the kubelet look at what the pod mounts."""


def measure(*, smoke: bool) -> Iterator[Row]:
    """Edit the threshold on the stack `node`, which takes about four minutes.

    The kubelet looks for the first edit as it does in a cluster, and is told to look for the
    second. A smoke run makes only the second.
    """
    with run_on_node() as (root, node, servers):
        unaided, aided = THRESHOLDS[:2]
        if not smoke:
            edit = edit_threshold(root, node, servers, unaided, look_at_once=False)
            yield from rows("`node`", [edit], NODE_STEPS)
        edit = edit_threshold(root, node, servers, aided, look_at_once=True)
        steps = {**NODE_STEPS, "mounted": (NODE_STEPS["mounted"][0], "")}
        yield from rows("`node`, kubelet told to look", [edit], steps)


@contextmanager
def run_on_node() -> Iterator[tuple[Path, Node, list[Prometheus]]]:
    """A copy of the program, the node on which its stack `node` is up, and each Prometheus."""
    host.ensure()
    with copy_of_the_program() as root:
        # `up` finds the kubeconfig of a node that runs in the folder of its project.
        folder = state(root) / "node"
        with running_node(folder, images.build(), tools.folders(tools.NODE)) as node:
            up(root, STACK, {})
            with each_prometheus(node) as servers:
                yield root, node, servers


def edit_threshold(
    root: Path, node: Node, servers: list[Prometheus], threshold: float, *, look_at_once: bool
) -> dict[str, float]:
    """Edit the threshold and run `up`; returns the seconds to each step.

    With `look_at_once`, the kubelet looks at what the pods mount once the edit is written.
    """
    query, kubelet = set_threshold(root, STACK, threshold), node.folder.root / "var-lib-kubelet"
    changes = [*LOOK] if look_at_once else []

    def is_mounted() -> bool:
        while changes:
            _kubectl(node, "annotate", "pods", SELECTOR, changes.pop(0))
        return has_text(kubelet, FILES, query)

    steps = {
        "written": lambda: query in _kubectl(node, "get", "configmap", NAME, "--output=yaml"),
        "mounted": is_mounted,
        "loaded": lambda: all(is_loaded(one, query) for one in servers),
        "evaluated": lambda: all(is_loaded(one, query, evaluated=True) for one in servers),
    }
    return up(root, STACK, steps)


@contextmanager
def each_prometheus(node: Node) -> Iterator[list[Prometheus]]:
    """A client of each replica of Prometheus, through a `kubectl proxy`."""
    names = _kubectl(node, "get", "pods", SELECTOR, "--output=jsonpath={.items[*].metadata.name}")
    command = [VENV_BIN / "kubectl", f"--kubeconfig={node.folder.admin}", "proxy", "--port=0"]
    with (
        subprocess.Popen([*DIES_WITH_US, *command], stdout=subprocess.PIPE, text=True) as process,
        ExitStack() as clients,
    ):
        try:
            line = process.stdout.readline() if process.stdout else ""
            [address] = re.findall(r"127\.0\.0\.1:\d+", line)
            pods = f"http://{address}/api/v1/namespaces/{NAMESPACE}/pods"
            yield [
                clients.enter_context(closing(Prometheus(f"{pods}/{name}:{SERVER.port}/proxy")))
                for name in names.split()
            ]
        finally:
            process.kill()


def _kubectl(node: Node, *arguments: str) -> str:
    return node.kubectl(f"--namespace={NAMESPACE}", *arguments)
