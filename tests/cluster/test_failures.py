"""`up` is killed or fails: what it says, and that the next `up` finishes what it began."""

import random
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from tests.support.node import STACK, Deployed
from tests.support.processes import kill_family
from tests.support.project import Result
from tests.support.small import FILE, small_stack
from tests.support.waiting import wait_for
from toolchain.node.cluster import Node

NAMESPACE = "aurora-failures"
THIRDS = ((2, 18), (18, 34), (34, 50))
"""Numbers of resources, of about 60, at which the first, second and third `up` is killed."""
GENERATION = "--output=jsonpath={.metadata.generation}"
UNPULLABLE = "127.0.0.1:1/services:missing"
"""An image of a registry that nothing listens for."""


@dataclass(frozen=True, kw_only=True)
class Recovered:
    """A small stack whose first three `up`s were killed, and what the fourth said."""

    small: Deployed
    killed_at: tuple[int, ...]
    result: Result


@pytest.fixture(scope="module")
def recovered(node: Node, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recovered]:
    root = tmp_path_factory.mktemp("failures") / "platform"
    with small_stack(node, root, NAMESPACE, rolloutTimeout="1m") as small:
        moments = tuple(random.randrange(*third) for third in THIRDS)
        for moment in moments:
            kill_up(small, moment)
        yield Recovered(small=small, killed_at=moments, result=small.up())


@pytest.fixture(scope="module")
def small(recovered: Recovered) -> Deployed:
    """The stack, which is up; tests restore what they change."""
    return recovered.small


def kill_up(small: Deployed, resources: int) -> None:
    """Start `up`, and kill it with all of its plug-ins when the state has so many resources."""
    with small.project.start("up", stack=STACK) as process:
        wait_for(
            lambda: process.poll() is not None or count(small) >= resources,
            f"up has made {resources} resources",
            120,
        )
        kill_family(process.pid)
    assert process.returncode == -signal.SIGKILL, f"up ended before it had made {resources}"


def count(small: Deployed) -> int:
    """The number of resources in the stack's state."""
    known = small.project.state_bytes(stack=STACK)
    return len(small.project.resources(stack=STACK)) if known else 0


def test_the_next_up_finishes_what_three_killed_ones_began(recovered: Recovered):
    assert recovered.result.code == 0, (recovered.killed_at, recovered.result.text)


def test_refresh_forgets_the_operations_that_were_interrupted(recovered: Recovered):
    small = recovered.small
    assert small.project.run("refresh", stack=STACK).code == 0
    result = small.up()
    assert result.changes.keys() == {"="}, (recovered.killed_at, result.text)
    assert "pending operations" not in result.text


def test_up_adopts_everything_if_the_state_is_lost(small: Deployed):
    """As after an `up` that was killed when it had created everything and noted nothing."""
    kept = {kind: small.uids(kind) for kind in ("pods", "persistentvolumeclaims")}
    for file in (small.project.root / ".state" / "backend").rglob(f"{STACK}.json*"):
        file.unlink()
    result = small.up()
    assert result.code == 0, result.text
    assert kept == {kind: small.uids(kind) for kind in kept}


@dataclass(frozen=True, kw_only=True)
class Failed:
    """What `up` says that fails, the namespace's events as docs/how-to.md asks for them, and the
    `up` after the cause was removed.
    """

    result: Result
    events: str
    recovery: Result


@pytest.fixture(scope="module")
def failed(small: Deployed) -> Failed:
    """An image that nobody has, and a container that may gain privileges."""
    image, escalates = "default: vaultmesh/services:0.1.0", "allow_privilege_escalation="
    with (
        small.project.edited("Pulumi.yaml", image, f"default: {UNPULLABLE}"),
        small.project.edited(
            "components/pods.py", f"{escalates}False", f'{escalates}name == "blackbox-exporter"'
        ),
    ):
        # By itself, `up` names only what fails first.
        result = small.project.up("--continue-on-error", stack=STACK)
    events = small.kubectl("get", "events", "--field-selector=type=Warning")
    return Failed(result=result, events=events, recovery=small.up())


def test_up_names_the_pod_and_the_image_that_cannot_be_pulled(failed: Failed):
    assert failed.result.code != 0
    text = failed.result.diagnostics("harbinger")
    assert f"[Pod {NAMESPACE}/harbinger-" in text
    assert f'failed to pull and unpack image "{UNPULLABLE}"' in text


def test_events_say_why_no_pod_of_a_server_could_be_made(failed: Failed):
    """`up` may not say it: the provider can take the old pods' state for that of the new ones."""
    assert 'violates PodSecurity "restricted' in failed.events
    assert "allowPrivilegeEscalation" in failed.events


def test_the_next_up_succeeds_when_the_cause_is_removed(failed: Failed, small: Deployed):
    assert failed.recovery.code == 0, failed.recovery.text
    assert small.preview().changes.keys() == {"="}


def test_preview_names_the_storage_class_that_is_missing(small: Deployed):
    place = "    production: false"
    with small.project.edited(FILE, place, f"    storageClass: gp3\n{place}"):
        [error] = small.preview().errors
    assert "the cluster has no StorageClass `gp3`. It has local. Write one that exists" in error


def test_the_refusal_of_a_namespace_that_exists_says_how_to_take_it_over(small: Deployed):
    name = f"{NAMESPACE}-other"
    small.node.kubectl("create", "namespace", name)
    try:
        with small.project.edited(FILE, f"namespace: {NAMESPACE}", f"namespace: {name}"):
            [error] = small.preview().errors
            assert f"the namespace {name} exists and is not marked as this stack's" in error
            recipe = error.partition("`kubectl --context vaultmesh-node ")[2].partition("`.")[0]
            small.node.kubectl(*recipe.split())
            assert small.preview().code == 0
    finally:
        small.node.kubectl("delete", "namespace", name, "--wait=false")


def test_a_namespace_that_somebody_else_makes_is_used_once_it_has_its_marks(small: Deployed):
    name = f"{NAMESPACE}-theirs"
    theirs = f"namespace: {name}\n    createNamespace: false"
    small.node.kubectl("create", "namespace", name)
    try:
        with small.project.edited(FILE, f"namespace: {NAMESPACE}", theirs):
            mark, label = small.preview().errors
            for error in (mark, label):
                recipe = error.partition("`kubectl --context vaultmesh-node ")[2].partition("`.")[0]
                small.node.kubectl(*recipe.split())
            result = small.preview()
        assert result.code == 0, result.text
        assert f"core/v1:Namespace {name} create" not in result.text
    finally:
        small.node.kubectl("delete", "namespace", name, "--wait=false")


def test_up_outlives_an_api_server_that_starts_again_in_the_middle(small: Deployed):
    level = "harbinger: {environment: {LOG_LEVEL: warning}}\n      psi-field:"
    with small.project.edited(FILE, "psi-field:", level), ThreadPoolExecutor() as pool:
        before = small.kubectl("get", "deployment", "harbinger", GENERATION)
        running = pool.submit(small.up)
        wait_for(
            lambda: small.kubectl("get", "deployment", "harbinger", GENERATION) != before,
            "up changes the Deployment",
            60,
        )
        small.node.kill("kube-apiserver")
        result = running.result()
    assert result.code == 0, result.text
    assert result.changes["~"] == 1, result.text


def test_preview_says_so_if_the_api_server_does_not_answer(small: Deployed):
    small.node.kill("kube-apiserver", "STOP")
    try:
        [error] = small.preview().errors
    finally:
        small.node.kill("kube-apiserver", "CONT")
    assert "the cluster can't be asked: " in error
    assert "get namespaces,storageclasses` work first" in error
