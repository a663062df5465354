"""The platform on a real node: the project that is up, and what its API servers say."""

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from ops.prometheus_api import Prometheus
from tests.support.project import Project, Result
from toolchain.base import VENV_BIN
from toolchain.node.cluster import Node

STACK = "node"
NAMESPACE = "aurora-node"
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Deployed:
    """The stack `node` of a project, on a node; `proxy` is the URL of a `kubectl proxy`."""

    node: Node
    project: Project
    proxy: str
    namespace: str = NAMESPACE

    def up(self, *arguments: str) -> Result:
        """Run `make up STACK=node`."""
        return self.project.up(*arguments, stack=STACK)

    def preview(self, *arguments: str) -> Result:
        """Run `make preview STACK=node`."""
        return self.project.preview(*arguments, stack=STACK)

    def url(self, service: str, port: int = 80) -> str:
        """The URL of a Service of the namespace, through the API server."""
        return f"{self.proxy}/api/v1/namespaces/{self.namespace}/services/{service}:{port}/proxy"

    def pod_url(self, pod: str, port: int) -> str:
        """The URL of one pod, through the API server."""
        return f"{self.proxy}/api/v1/namespaces/{self.namespace}/pods/{pod}:{port}/proxy"

    def ask_each_prometheus(self, ask: Callable[[Prometheus], T]) -> list[T]:
        """The answer of each replica of Prometheus, through the API server."""
        answers: list[T] = []
        for pod in self.pods("prometheus-server"):
            with closing(Prometheus(self.pod_url(pod["metadata"]["name"], 9090))) as prometheus:
                answers.append(ask(prometheus))
        return answers

    def kubectl(self, *arguments: str) -> str:
        """Run kubectl in the namespace; returns what it prints."""
        return self.node.kubectl(f"--namespace={self.namespace}", *arguments)

    def objects(self, kind: str, *arguments: str) -> list[dict[str, Any]]:
        """The namespace's objects of a kind, such as "pods"."""
        return json.loads(self.kubectl("get", kind, "--output=json", *arguments))["items"]

    def uids(self, kind: str) -> dict[str, str]:
        """The uids of the namespace's objects of a kind by their names."""
        return {found["metadata"]["name"]: found["metadata"]["uid"] for found in self.objects(kind)}

    def pods(self, name: str) -> list[dict[str, Any]]:
        """The pods called `name`, as the API describes them."""
        return self.objects("pods", f"--selector=app.kubernetes.io/name={name}")


@contextmanager
def kubectl_proxy(node: Node) -> Iterator[str]:
    """The URL of a `kubectl proxy`, through which plain HTTP reaches the node's API server."""
    command = [VENV_BIN / "kubectl", f"--kubeconfig={node.folder.admin}", "proxy", "--port=0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            [address] = re.findall(r"127\.0\.0\.1:\d+", process.stdout.readline())
            yield f"http://{address}"
        finally:
            process.terminate()
