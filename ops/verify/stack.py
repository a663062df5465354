"""What a stack should be: the objects and the cluster in its Pulumi state, and its password."""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from kubectl import Kubectl, KubectlError
from ops.manifests import KINDS, Manifests, ManifestsError, parse_manifests
from problems import one_line

PROVIDER = "pulumi:providers:kubernetes"
LIMIT_SECONDS = 120


class StackError(Exception):
    """The stack can't be read; the message, one line, says why and what to do."""


@dataclass(frozen=True, kw_only=True)
class Stack:
    """A stack as its state says: its objects, and the provider's settings for the cluster.

    `kubeconfig` is the text of a kubeconfig without credentials; empty if the user's own is used.
    `server` is then the address that its context must have; empty if the stack does not say.
    """

    name: str
    manifests: Manifests
    kubeconfig: str
    context: str
    server: str

    def kubectl(self, kubeconfig_file: str) -> Kubectl:
        """Kubectl for the stack's cluster; `kubeconfig_file` holds the kubeconfig, if any.

        Raises StackError if the context leads to another cluster.
        """
        chosen = {"kubeconfig": self.kubeconfig and kubeconfig_file, "context": self.context}
        kubectl = Kubectl(tuple(f"--{key}={value}" for key, value in chosen.items() if value))
        try:
            found = kubectl.server().rstrip("/") if self.server else ""
        except KubectlError as error:
            raise StackError(f"the context {self.context} can't be read: {error}.") from None
        if found != self.server:
            raise StackError(
                f"the context {self.context} leads to {found}, but the stack {self.name} was"
                f" deployed to {self.server}. Correct your kubeconfig."
            )
        return kubectl


def read_stack(name: str) -> Stack:
    """Read the stack's state, in which secrets stay encrypted. Raises StackError."""
    text = _pulumi("stack", "export", "--stack", name)
    resources = json.loads(text)["deployment"].get("resources", [])
    if not resources:
        raise StackError(f"the stack {name} has no resources. Run `make up STACK={name}` first.")
    providers = [one["inputs"] for one in resources if one["type"] == PROVIDER]
    provider = providers[0] if providers else {}
    if provider.get("renderYamlToDirectory"):
        raise StackError(
            f"the stack {name} was rendered, not deployed: there is nothing to ask. Run"
            f" `pulumi login`, then `make up STACK={name}`."
        )
    try:
        manifests = parse_manifests(f"the state of the stack {name}", _objects(resources))
    except ManifestsError as error:
        raise StackError(str(error)) from None
    given = provider.get("kubeconfig") or ""
    context, identifier = provider.get("context") or "", provider.get("clusterIdentifier") or ""
    return Stack(
        name=name,
        manifests=manifests,
        # A path was that of the machine that ran `up`.
        kubeconfig=given if "apiVersion" in given else "",
        context=context,
        # For an EKS cluster, the identifier is its ARN, and the kubeconfig holds the address.
        server=identifier.rstrip("/") if context else "",
    )


def read_password(stack: str, config_file: str) -> str:
    """The password of Grafana's admin, which never leaves this process. Raises StackError."""
    options = ("--stack", stack, "--config-file", config_file)
    return _pulumi("config", "get", "grafanaAdminPassword", *options).rstrip("\n")


def _objects(resources: list[dict[str, Any]]) -> Iterator[tuple[str, Any]]:
    """The objects of the kinds that verification reads, each with its URN."""
    for resource in resources:
        kind = resource["type"].rpartition(":")[2]
        if resource["type"].startswith("kubernetes:") and kind in KINDS:
            yield resource["urn"], resource["inputs"]


def _pulumi(*arguments: str) -> str:
    command = ["pulumi", *arguments, "--non-interactive"]
    asked = " ".join(command[:3])
    try:
        ended = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LIMIT_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise StackError(f"`{asked}` failed: {one_line(str(error))}.") from None
    if ended.returncode:
        lines = ended.stderr.strip().splitlines()[-1:] or ["no reason given"]
        raise StackError(f"`{asked}` failed: {one_line(lines[0])}. Make it work first.")
    return ended.stdout
