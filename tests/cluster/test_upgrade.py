"""The release before is up, and this tree's `up` follows: nothing with state is lost."""

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest

from ops.alertmanager_api import Alertmanager
from ops.http_api import ApiError
from tests.support.node import STACK, Deployed
from tests.support.project import Result
from tests.support.small import release_before, small_stack, upgrade
from tests.support.waiting import wait_for
from toolchain.node.cluster import Node
from toolchain.node.layout import LOCAL_CLASS

STATEFUL = ("statefulsets", "persistentvolumeclaims")
CLAIM = "data-prometheus-server-0"
SILENCE = {
    "matchers": [{"name": "alertname", "value": "Upgrade", "isRegex": False, "isEqual": True}],
    "startsAt": "2020-01-01T00:00:00Z",
    "endsAt": "2099-01-01T00:00:00Z",
    "createdBy": "test",
    "comment": "outlives an upgrade",
}


@dataclass(frozen=True, kw_only=True)
class Upgraded:
    """A small stack that was upgraded, what `up` said, and what was there before."""

    small: Deployed
    result: Result
    uids: dict[str, dict[str, str]]
    oldest_sample: float


@pytest.fixture(scope="module")
def upgraded(node: Node, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Upgraded]:
    commit = release_before()
    if commit is None:
        pytest.skip("git has no history of this tree: there is no release before it")
    root = tmp_path_factory.mktemp("upgrade") / "platform"
    with small_stack(node, root, "aurora-upgrade", commit=commit) as small:
        first = small.up()
        assert first.code == 0, first.text
        wait_for(lambda: samples(small), "Prometheus has a sample", 90)
        with closing(Alertmanager(small.url("alertmanager", 9093))) as alertmanager:
            alertmanager.set_silence(SILENCE)
        oldest, uids = samples(small)[0], {kind: small.uids(kind) for kind in STATEFUL}
        upgrade(small)
        # A release that did not mark its namespace: docs/how-to.md, "Use a namespace that exists".
        node.kubectl(
            *("annotate", "--overwrite", "namespace", small.namespace),
            f"vaultmesh.dev/stack=vaultmesh/{STACK}",
        )
        yield Upgraded(small=small, result=small.up(), uids=uids, oldest_sample=oldest)


def samples(small: Deployed) -> list[float]:
    """The times of samples that Prometheus makes even without a target; the oldest comes first.

    None while Prometheus starts.
    """
    query = urlencode({"query": 'ALERTS{alertname="Watchdog"}[1h]'})
    try:
        with urlopen(f"{small.url('prometheus-server')}/api/v1/query?{query}") as answer:
            found = json.load(answer)["data"]["result"]
    except HTTPError as error:
        if error.code == 503:
            return []
        raise
    return sorted(time for series in found for time, _ in series["values"])


def silences(small: Deployed) -> list[str] | None:
    """The comments of the silences; None while Alertmanager starts."""
    with closing(Alertmanager(small.url("alertmanager", 9093))) as alertmanager:
        try:
            return [silence.comment for silence in alertmanager.silences()]
        except ApiError:
            return None


@contextmanager
def expandable(node: Node) -> Iterator[None]:
    """Let volumes of the node's StorageClass grow, as those of most clusters may."""
    command = ("patch", "storageclass", LOCAL_CLASS)
    node.kubectl(*command, '--patch={"allowVolumeExpansion": true}')
    try:
        yield
    finally:
        node.kubectl(*command, '--patch={"allowVolumeExpansion": false}')


def test_an_upgrade_replaces_and_deletes_no_stateful_resource(upgraded: Upgraded):
    assert upgraded.result.code == 0, upgraded.result.text
    assert upgraded.uids == {kind: upgraded.small.uids(kind) for kind in STATEFUL}


def test_an_upgrade_is_a_real_change_and_complete(upgraded: Upgraded):
    assert upgraded.result.changes.keys() - {"="}, upgraded.result.text
    again = upgraded.small.preview("--diff")
    assert again.changes.keys() == {"="}, again.text


def test_an_upgrade_keeps_samples_and_silences(upgraded: Upgraded):
    wait_for(lambda: samples(upgraded.small), "Prometheus answers", 60)
    assert upgraded.oldest_sample in samples(upgraded.small)
    wait_for(lambda: silences(upgraded.small) is not None, "Alertmanager answers", 60)
    assert silences(upgraded.small) == [SILENCE["comment"]]


def test_naming_the_server_of_the_context_changes_the_provider_alone(upgraded: Upgraded):
    small, server = upgraded.small, "{.clusters[0].cluster.server}"
    address = small.kubectl("config", "view", "--minify", f"--output=jsonpath={server}")
    context = "context: vaultmesh-node"
    wrong = f"{context}\n      server: https://127.0.0.1:1"
    with small.project.edited("Pulumi.node.yaml", context, wrong):
        [refusal] = small.preview().errors
    assert f"the context vaultmesh-node points at {address}. Correct" in refusal
    right = f"{context}\n      server: {address}"
    with small.project.edited("Pulumi.node.yaml", context, right):
        result = small.up()
        assert result.code == 0, result.text
        assert result.changes.keys() == {"~", "="} and result.changes["~"] == 1, result.text
        assert small.preview().changes.keys() == {"="}
    assert small.up().changes["~"] == 1


def test_preview_refuses_a_larger_volume_until_its_claim_has_grown(upgraded: Upgraded):
    small = upgraded.small
    with small.project.edited("Pulumi.node.yaml", "storage: 2Gi", "storage: 3Gi"):
        [fixed] = small.preview().errors
        assert f"3Gi is more than the 2Gi of the volume claim {CLAIM}. Write 2Gi" in fixed
        with expandable(small.node):
            [growing] = small.preview().errors
    assert f"{CLAIM}. Grow the claim first" in growing


def test_the_recipe_to_grow_a_volume_restarts_nothing_and_loses_nothing(upgraded: Upgraded):
    small, size = upgraded.small, {"spec": {"resources": {"requests": {"storage": "3Gi"}}}}
    kept = {kind: small.uids(kind) for kind in ("pods", "persistentvolumeclaims")}
    with expandable(small.node):
        small.kubectl("patch", "pvc", CLAIM, f"--patch={json.dumps(size)}")
    with small.project.edited("Pulumi.node.yaml", "storage: 2Gi", "storage: 3Gi"):
        [refusal] = small.preview().errors
        assert "prometheus-server is for volumes of 2Gi, and Kubernetes can't change" in refusal
        replaced = small.up("--target", "**StatefulSet::prometheus-server")
        assert replaced.code == 0, replaced.text
        assert replaced.changes["+-"] == 1, replaced.text
        result = small.up()
        assert result.code == 0, result.text
        assert result.changes["~"] == 1, result.text
        assert small.preview().changes.keys() == {"="}
    assert kept == {kind: small.uids(kind) for kind in kept}
    assert upgraded.oldest_sample in samples(small)


def test_preview_of_another_namespace_shows_that_everything_is_made_anew(upgraded: Upgraded):
    small = upgraded.small
    with small.project.edited("Pulumi.node.yaml", small.namespace, "aurora-elsewhere"):
        result = small.preview()
    assert result.code == 0, result.text
    lines = result.text.splitlines()
    assert any(f"Namespace {small.namespace} delete" in line for line in lines)
    for server in ("prometheus-server", "alertmanager"):
        assert any(f"StatefulSet {server} replace" in line for line in lines)
