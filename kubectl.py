"""Reads the API of a Kubernetes cluster through the user's own kubectl."""

import json
import re
import shlex
import subprocess
from dataclasses import dataclass
from typing import Any

ANSWER_SECONDS = 5
"""How long the API server may take for one answer."""
LIMIT_SECONDS = 30
"""How long kubectl may take, with the program that makes the credentials."""

_NOT_FOUND = "Error from server (NotFound)"
_REASON = re.compile(
    r"^(?:error: (.+)|((?:Error from|Unable to connect to|The connection to) .+))$", re.MULTILINE
)
"""The line with kubectl's own error. Credential plugins may write before it; hints follow it."""


class KubectlError(Exception):
    """kubectl got no answer. The message is its reason, one line without an end stop."""


class NotFoundError(KubectlError):
    """The API server answered that there is no such object."""


@dataclass(frozen=True)
class Kubectl:
    """kubectl for one cluster; `options` select it, such as ("--context", "kind-aurora").

    It reads KUBECONFIG and runs the programs that make credentials as the Kubernetes provider does:
    both use client-go.
    """

    options: tuple[str, ...]

    @property
    def command(self) -> str:
        """The command's beginning, for messages that tell what to type."""
        return shlex.join(["kubectl", *self.options])

    def get(self, path: str) -> dict[str, Any]:
        """The object or list at a path of the API, or the server's version.

        Raises KubectlError or NotFoundError.
        """
        try:
            answer = json.loads(self.read(path))
        except ValueError:
            answer = None
        if not isinstance(answer, dict) or not answer.keys() & {"kind", "gitVersion"}:
            raise KubectlError("the server does not speak the Kubernetes API")
        return answer

    def read(self, path: str) -> bytes:
        """The bytes at a path of the API. Raises KubectlError or NotFoundError."""
        return self._run(f"--request-timeout={ANSWER_SECONDS}s", "get", "--raw", path)

    def server(self) -> str:
        """The address of the API server in the kubeconfig. Raises KubectlError."""
        address = "--output=jsonpath={.clusters[0].cluster.server}"
        return self._run("config", "view", "--minify", address).decode()

    def _run(self, *arguments: str) -> bytes:
        try:
            ended = subprocess.run(
                ["kubectl", *self.options, *arguments],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=LIMIT_SECONDS,
            )
        except FileNotFoundError:
            raise KubectlError("kubectl is not on the PATH") from None
        except subprocess.TimeoutExpired:
            raise KubectlError(f"kubectl has not ended within {LIMIT_SECONDS} s") from None
        if ended.returncode == 0:
            return ended.stdout
        text = ended.stderr.decode(errors="replace").strip()
        found = _REASON.search(text)
        reason = (found[1] or found[2]) if found else text
        kind = NotFoundError if reason.startswith(_NOT_FOUND) else KubectlError
        raise kind(" ".join(reason.split()).rstrip("."))
