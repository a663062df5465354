"""The table of a cluster's pods, targets and alerts."""

import json
from collections.abc import Mapping, Sequence
from io import StringIO
from typing import Any

import pytest

from kubectl import Kubectl, KubectlError
from ops.watch import main, table
from tests.support.loopback import unused_address

PODS = "/api/v1/namespaces/ns/pods"
SERVER = "prometheus-server-0"
KUBECTL = Kubectl(("--context", "x"))
SINCE = "2026-11-25T00:00:00Z"


def pod(name: str, phase: str = "Running", **changes: Any) -> dict[str, Any]:
    """A pod with one container that is ready; `changes` replace parts of its status."""
    container = {"name": "main", "ready": phase == "Running", "restartCount": 0, "state": {}}
    metadata = {"name": name, **changes.pop("metadata", {})}
    status = {"phase": phase, "containerStatuses": [{**container, **changes.pop("container", {})}]}
    return {
        "metadata": metadata,
        "spec": {"containers": [{"name": "main"}]},
        "status": status | changes,
    }


def target(pod: str, health: str, error: str = "") -> dict[str, Any]:
    return {"labels": {"pod": pod}, "health": health, "lastError": error, "lastScrape": SINCE}


def rule(name: str, state: str) -> dict[str, Any]:
    alert = {"labels": {"pod": "a-1"}, "annotations": {}, "state": state, "value": "0.8625"}
    shared = {"type": "alerting", "query": "up", "health": "ok", "labels": {"severity": "warning"}}
    return {"name": name, "alerts": [alert], **shared}


def answers(
    pods: Sequence[Any] = (),
    targets: Sequence[Any] = (),
    rules: Sequence[Any] = (),
    at: str = SERVER,
) -> dict[str, Any]:
    """JSON by path: the pods, of which one is a Prometheus, and its targets and rules."""
    group = {"name": "g", "file": "f", "interval": 30, "rules": list(rules)}
    proxy = f"{PODS}/{at}/proxy/api/v1"
    return {
        PODS: {"kind": "PodList", "items": [*pods, pod(at)]},
        f"{proxy}/targets?state=active": {"data": {"activeTargets": list(targets)}},
        f"{proxy}/rules": {"data": {"groups": [group]}},
    }


HEALTHY = answers(targets=[target(SERVER, "up")], rules=[rule("Watchdog", "firing")])


def serve(patch: pytest.MonkeyPatch, found: Mapping[str, Any]) -> None:
    def read(_: Kubectl, path: str) -> bytes:
        if path not in found:
            raise KubectlError("The connection to the server was refused")
        return json.dumps(found[path]).encode()

    patch.setattr("kubectl.Kubectl.read", read)


def test_a_healthy_cluster_fits_a_few_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, HEALTHY)
    assert table(KUBECTL, "ns", None) == [
        "pods: 1 of 1 ready",
        f"{SERVER}: targets: 1 of 1 up",
        f"{SERVER}: rules: 1 alerts, 0 records, 1 healthy",
        "firing: 0",
        "pending: 0",
        "",
        f"  {SERVER}  1/1  Running",
    ]


def test_what_is_wrong_stands_beside_its_pod_target_or_alert(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waiting = {"waiting": {"reason": "CrashLoopBackOff"}}
    unplaced = {"type": "PodScheduled", "status": "False", "message": "0/1 nodes are available"}
    pods = [
        pod("a-1", container={"ready": False, "restartCount": 4, "state": waiting}),
        pod("b-1", "Pending", containerStatuses=None, conditions=[unplaced]),
        pod("c-1", metadata={"deletionTimestamp": SINCE}),
        pod("job-1", "Succeeded"),
        pod("job-2", "Failed", container={"state": {"terminated": {"reason": "Error"}}}),
    ]
    rules = [rule("Watchdog", "firing"), rule("Drift", "firing"), rule("Slow", "pending")]
    targets = [target("a-1", "down", "connection refused"), target("b-1", "unknown")]
    serve(monkeypatch, answers(pods=pods, rules=rules, targets=targets))
    assert table(KUBECTL, "ns", None) == [
        "pods: 2 of 4 ready, 2 finished, 1 of them failed",
        f"{SERVER}: targets: 0 of 2 up; a-1 down: connection refused; b-1 unknown",
        f"{SERVER}: rules: 3 alerts, 0 records, 3 healthy",
        "firing: 1",
        "  warning  Drift  a-1  0.8625",
        "pending: 1",
        "  warning  Slow  a-1  0.8625",
        "",
        "  a-1                  0/1  CrashLoopBackOff (main)           restarts: 4",
        "  b-1                  0/1  Pending: 0/1 nodes are available",
        "  job-2                0/1  Error (main)",
        "  c-1                  1/1  Terminating",
        f"  {SERVER}  1/1  Running",
    ]


def test_a_prometheus_that_does_not_answer_leaves_the_pods(monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, {PODS: HEALTHY[PODS]})
    headline, problem, *rows = table(KUBECTL, "ns", None)
    assert (headline, rows) == ("pods: 1 of 1 ready", ["", f"  {SERVER}  1/1  Running"])
    assert problem.startswith(f"{SERVER}: Prometheus at http://{SERVER}.ns can't be reached: The")
    assert problem.endswith("The connection to the server was refused")


def test_every_prometheus_is_asked_and_an_alert_of_both_is_shown_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = "prometheus-server-1"
    both, one = rule("Drift", "firing"), rule("Slow", "firing")
    found = answers(rules=[both]) | answers(rules=[both, one], at=other, pods=[pod(SERVER)])
    serve(monkeypatch, found)
    lines = table(KUBECTL, "ns", None)
    assert [line for line in lines if "rules:" in line] == [
        f"{SERVER}: rules: 1 alerts, 0 records, 1 healthy",
        f"{other}: rules: 2 alerts, 0 records, 2 healthy",
    ]
    assert lines[lines.index("firing: 2") + 1 :][:2] == [
        "  warning  Drift  a-1  0.8625",
        "  warning  Slow   a-1  0.8625",
    ]


def test_a_url_is_asked_instead_of_the_pods(monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, HEALTHY)
    pods, prometheus, *rows = table(KUBECTL, "ns", f"http://{unused_address()}")
    assert pods == "pods: 1 of 1 ready"
    assert prometheus.startswith("prometheus: Prometheus at http://127.0.0.1:")
    assert rows == ["", f"  {SERVER}  1/1  Running"]


@pytest.mark.parametrize("answer", [{"items": [{"metadata": {}}]}, {}, []])
def test_an_answer_of_another_form_is_one_line(
    monkeypatch: pytest.MonkeyPatch, answer: Any
) -> None:
    serve(monkeypatch, {PODS: answer})
    (line,) = table(KUBECTL, "ns", None)
    assert line.startswith("pods: Kubernetes at https://kubernetes.default.svc gave an ")


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def run(patch: pytest.MonkeyPatch, stream: StringIO, *states: Mapping[str, Any]) -> int:
    """Run the command; each sleep goes to the next state, and Ctrl-C comes after the last."""
    waiting = iter(states)
    serve(patch, next(waiting))

    def sleep(seconds: float) -> None:
        assert seconds == 1
        state = next(waiting, None)
        if state is None:
            raise KeyboardInterrupt
        serve(patch, state)

    patch.setattr("time.sleep", sleep)
    patch.setattr("sys.stdout", stream)
    return main(["--namespace=ns", "--context=x", "--interval=1"])


def test_the_table_goes_on_when_the_api_server_goes_away_and_returns(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stream = StringIO()
    assert run(monkeypatch, stream, HEALTHY, {}, HEALTHY, HEALTHY) == 0
    shown = stream.getvalue().splitlines()
    assert shown.count("pods: 1 of 1 ready") == 2
    (problem,) = [line for line in shown if "can't be reached" in line]
    assert problem.startswith("pods: Kubernetes at https://kubernetes.default.svc ")


def test_on_a_terminal_the_table_is_rewritten_in_place(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Terminal()
    assert run(monkeypatch, stream, HEALTHY, HEALTHY) == 0
    assert stream.getvalue().count("\x1b[7F\x1b[J") == 1


def test_the_options_select_the_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, ...]] = []

    def stop(kubectl: Kubectl, *_: object) -> list[str]:
        asked.append(kubectl.options)
        raise KeyboardInterrupt

    monkeypatch.setattr("ops.watch.table", stop)
    assert main(["--namespace=ns", "--context=x", "--kubeconfig=file"]) == 0
    assert main(["--namespace=ns"]) == 0
    assert asked == [("--kubeconfig=file", "--context=x"), ()]


@pytest.mark.parametrize("wrong", [[], ["--namespace=ns", "--interval=0"]])
def test_a_wrong_option_is_one_line(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(wrong)
    assert ended.value.code == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
