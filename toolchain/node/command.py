"""`make cluster`: the platform on a real Kubernetes node on this machine, until Ctrl-C."""

import json
import signal
import subprocess
import time
from collections.abc import Mapping
from typing import Any

from stacks.images import NODE_CONTEXT
from toolchain import rehearsal, stacks, tools
from toolchain.base import CLONE, VENV_PYTHON, UserError, run_and_wait, say, state
from toolchain.node import host, images
from toolchain.node.cluster import Node, running_node
from toolchain.progress import duration

STACK = "node"
RECIPE = "`When up ends before the pods are ready`"


def main(arguments: list[str]) -> int:
    """Start the node, run `pulumi up` on it, and watch the platform. Returns an exit code.

    `arguments` are additional arguments for `pulumi up`. If `up` fails, the node runs on, so that
    the user can look into it. Raises UserError if this machine can't run a node, or if the node
    does not become ready.
    """
    host.ensure()
    archives = images.build()
    programs = tools.folders(tools.NODE)
    started = time.monotonic()
    with running_node(state() / "node", archives, programs) as node:
        say(f"the node is ready after {duration(time.monotonic() - started)}")
        # The node is new: it has nothing of what an earlier one had.
        rehearsal.forget(CLONE, STACK)
        up = stacks.plan("up", STACK, ["--suppress-outputs", *arguments])
        if code := run_and_wait(up.command, up.environment, up.root):
            say(f"export KUBECONFIG={node.folder.admin}")
            say(f"`up` failed: see {RECIPE} in docs/how-to.md. The node runs until Ctrl-C.")
            signal.pause()
            return code
        say(f"all pods are ready after {duration(time.monotonic() - started)}")
        outputs = _outputs(up)
        _print_commands(node, outputs)
        watch = [str(VENV_PYTHON), "-m", "ops", "watch", f"--context={NODE_CONTEXT}"]
        watch += [f"--kubeconfig={node.folder.admin}", f"--namespace={outputs['namespace']}"]
        return run_and_wait(watch, up.environment, CLONE)


def _outputs(up: stacks.Run) -> dict[str, Any]:
    command = [up.command[0], "stack", "output", "--json", "--stack", STACK]
    answer = subprocess.run(command, cwd=up.root, env=up.environment, stdout=subprocess.PIPE)
    if answer.returncode:
        raise UserError(f"the stack {STACK} has no outputs. See the messages above.")
    return json.loads(answer.stdout)


def _print_commands(node: Node, outputs: Mapping[str, Any]) -> None:
    """Print the stack's port-forwards, for another terminal while the node runs."""
    say(f"export KUBECONFIG={node.folder.admin}")
    for command in outputs.get("portForward", {}).values():
        say(command)
