"""The cluster through kubectl: a stand-in for kubectl shows what happens when it fails."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from kubectl import Kubectl
from ops.http_api import ApiError
from ops.verification import Verification
from ops.verify import cluster
from ops.verify.cluster import Cluster, open_cluster
from tests.support.programs import program
from tests.support.verify import node_manifests


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with programs, first on the PATH."""
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return tmp_path


def opened(folder: Path) -> Cluster:
    return Cluster(kubectl=Kubectl(("--context=a",)), namespace="ns", socket=folder / "none")


def test_kubectl_s_last_line_says_why_it_did_not_start(folder: Path) -> None:
    program(folder, "kubectl", 'echo "note"', 'echo "error: no context $1" >&2', "exit 1")
    with (
        pytest.raises(ApiError, match=r"^kubectl proxy failed: error: no context --context=a$"),
        open_cluster(Kubectl(("--context=a",)), "ns", folder),
    ):
        pass


def test_what_kubectl_says_first_is_passed_over(folder: Path) -> None:
    line = "Forwarding from 127.0.0.1:4567 -> 9090"
    program(folder, "kubectl", "echo a warning", f"echo '{line}'", "exec sleep 60")
    with opened(folder).forward("prometheus-server-0", 9090) as address:
        assert address == "http://127.0.0.1:4567"


def test_a_kubectl_that_says_nothing_is_ended(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "START_SECONDS", 0.2)
    program(folder, "kubectl", "exec sleep 60")
    with (
        pytest.raises(ApiError, match=r"it printed nothing within 0\.2 s"),
        opened(folder).forward("a", 1),
    ):
        pass


def test_without_kubectl_it_says_so(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(folder))
    with (
        pytest.raises(ApiError, match="kubectl is not on the PATH"),
        opened(folder).forward("a", 1),
    ):
        pass


def test_what_a_command_in_a_pod_prints_is_read_and_its_failure_reported(folder: Path) -> None:
    program(folder, "kubectl", 'printf \'["%s"]\' "$*"')
    found = opened(folder).execute("pod-1", "main", ["python", "x"])
    assert found == ["--context=a exec --namespace=ns pod-1 --container=main -- python x"]
    program(folder, "kubectl", 'echo "error: forbidden" >&2', "exit 1")
    with pytest.raises(ApiError, match="kubectl exec in pod-1 failed: error: forbidden"):
        opened(folder).execute("pod-1", "main", ["python"])
    program(folder, "kubectl", "echo text")
    with pytest.raises(ApiError, match="printed no JSON"):
        opened(folder).execute("pod-1", "main", ["python"])


def test_a_job_that_tries_is_a_pod_of_the_cronjob_with_another_command() -> None:
    for cron_job in node_manifests().cron_jobs:
        job = cluster._job("name", cron_job, ["python", "-c", "x"])
        spec = job["spec"]["template"]["spec"]
        [container], [own] = spec["containers"], cron_job.pod["spec"]["containers"]
        assert container == {**own, "command": ["python", "-c", "x"]}
        assert {**spec, "containers": None} == {**cron_job.pod["spec"], "containers": None}
        own_labels = cron_job.pod["metadata"]["labels"].items()
        assert job["spec"]["template"]["metadata"]["labels"].items() > own_labels
        assert json.dumps(job)


def test_the_result_is_left_as_a_config_map_in_place_of_the_last(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json={})

    monkeypatch.setattr(cluster, "_Proxied", lambda _: httpx.MockTransport(answer))
    result = Verification(checks=57, red=1, time=datetime(2025, 10, 23, 12, tzinfo=UTC))
    opened(folder).record(result)
    (request,) = asked
    assert (request.method, request.url.path) == (
        "PATCH",
        "/api/v1/namespaces/ns/configmaps/verification",
    )
    # The API server applies such a patch to an object that may or may not exist.
    assert request.headers["content-type"] == "application/apply-patch+yaml"
    assert request.url.params["fieldManager"] == "vaultmesh-verify"
    assert Verification.read(json.loads(request.content)["data"]) == result
