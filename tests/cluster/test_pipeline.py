"""The commands of the workflows that deploy, run on a real node instead of staging and production.

`make image` and `make pin` are missing here: this machine's images come from no registry.
"""

import json
import re
import shlex
import subprocess
import sys

from tests.support.node import STACK, Deployed
from tests.support.workflows import commands_of, jobs
from toolchain.base import CLONE

DEPLOYMENT = [
    command
    for name in ("staging", "plan-production", "production")
    for command in commands_of(jobs("deploy")[name])
    if command.startswith("make ") and not command.startswith("make pin ")
]
[DRIFT] = [
    command for command in commands_of(jobs("drift")["drift"]) if command.startswith("make ")
]
RUN = """
import sys
from pathlib import Path
from toolchain import base, commands, stacks

root, (verb, *arguments) = Path(sys.argv[1]), sys.argv[2:]
try:
    if verb == "verify":
        stack = arguments[0].removeprefix("--stack=")
        checks = stacks.verification(stack, arguments[1:], root=root)
        sys.exit(base.run_and_wait(checks.command, checks.environment, root))
    run = commands.run_pulumi if verb in ("up", "refresh") else commands.run_for_stack
    run(verb, arguments, root)
except base.UserError as error:
    sys.exit(f"error: {error}")
"""
"""What `python -m toolchain` does, for the program in another folder."""


def run(deployed: Deployed, command: str) -> subprocess.CompletedProcess[str]:
    """Run what make would run for the command, on the stack of the node."""
    on_node = re.sub(r"staging|production|\?", STACK, command)
    told = subprocess.run(
        [*shlex.split(on_node), "--silent", "RUN=echo"],
        cwd=CLONE,
        capture_output=True,
        text=True,
        check=True,
    )
    words = shlex.split(told.stdout)
    return subprocess.run(
        [sys.executable, "-c", RUN, str(deployed.project.root), *words],
        cwd=CLONE,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=240,
    )


def limit_of_pods(deployed: Deployed) -> str:
    [quota] = deployed.objects("resourcequotas")
    return quota["spec"]["hard"]["pods"]


def test_the_steps_of_a_deployment_bring_a_change_to_the_cluster(deployed: Deployed):
    up, verify, plan, apply, _ = DEPLOYMENT
    for command in (up, verify):
        ended = run(deployed, command)
        assert ended.returncode == 0, ended.stdout
    with deployed.project.edited("Pulumi.node.yaml", "pods: 24", "pods: 25"):
        planned = run(deployed, plan)
        assert "| update | `kubernetes:core/v1:ResourceQuota` | `quota` |" in planned.stdout
        assert limit_of_pods(deployed) == "24"
        applied = run(deployed, apply)
        assert applied.returncode == 0, applied.stdout
        assert limit_of_pods(deployed) == "25"
        again = run(deployed, apply)
        assert again.returncode == 1 and "has changed since this plan was made" in again.stdout
    assert deployed.up().code == 0


def test_drift_is_found_shown_and_undone(deployed: Deployed):
    clean = run(deployed, DRIFT)
    assert clean.returncode == 0, clean.stdout
    more = json.dumps({"spec": {"hard": {"pods": "40"}}})
    deployed.kubectl("patch", "resourcequota", "quota", "--patch", more)
    found = run(deployed, DRIFT)
    assert found.returncode == 1
    assert "| update | `kubernetes:core/v1:ResourceQuota` | `quota` |" in found.stdout
    assert limit_of_pods(deployed) == "40", "looking for drift changes nothing"
    for command in ("make refresh STACK=staging", "make up STACK=staging"):
        assert run(deployed, command).returncode == 0
    assert limit_of_pods(deployed) == "24"
    assert run(deployed, DRIFT).returncode == 0
