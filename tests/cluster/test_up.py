"""`pulumi up` onto a real cluster: everything is created, and nothing is warned about."""

import json
import re

from tests.support.node import STACK, Deployed
from tests.support.project import Result
from tests.support.recording import run_stack

TOTAL = len(run_stack(STACK).resources) + 1
"""Resources of a new stack `node`: all that the program declares, and the stack itself."""
WARNED = ("deployments", "statefulsets", "cronjobs", "services", "networkpolicies")


FirstUp = tuple[Deployed, Result]


def test_up_creates_every_resource(first_up: FirstUp):
    assert first_up[1].changes == {"+": TOTAL}


def test_up_warns_about_nothing_but_pods_that_are_not_ready_yet(first_up: FirstUp):
    deployed, first = first_up
    # A new API server's repair of its address table can race with the creation of a Service.
    repair = "ClusterIPNotAllocated: "
    expected = ("[MinimumReplicasUnavailable]", f"[Pod {deployed.namespace}/", repair)
    warnings = re.findall(r"warning: (.*)", first.text)
    assert not [text for text in warnings if not text.startswith(expected)]


def test_the_api_server_warns_about_no_object(deployed: Deployed):
    """It warns about templates of pods that break Pod Security, and about deprecated fields."""
    objects = {"apiVersion": "v1", "kind": "List", "items": deployed.objects(",".join(WARNED))}
    options = ("--dry-run=server", "--server-side", "--force-conflicts", "--filename=-")
    deployed.node.kubectl("--warnings-as-errors", "apply", *options, given=json.dumps(objects))


def test_a_second_preview_changes_nothing(deployed: Deployed):
    assert deployed.preview().changes == {"=": TOTAL}


def test_a_refresh_finds_no_drift(deployed: Deployed):
    result = deployed.project.run("refresh", "--expect-no-changes", stack=STACK)
    assert result.code == 0, result.text
