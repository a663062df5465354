"""Each check of `make verify` is green on a healthy platform, and red beside one break."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from ops.manifests import NAME_LABEL
from ops.verify.checks import ClusterChecks
from ops.verify.rows import Row, State
from ops.verify.servers import SENT, WRITTEN
from ops.verify.stack import StackError
from stacks.settings.aws import AWS_DESTINATIONS
from tests.support.picture import drawn_edges
from tests.support.verify import PASSWORD, FakePlatform, node_manifests

Break = Callable[[FakePlatform], Any]
Key = tuple[str, str]


def look(platform: FakePlatform, *, early: bool = False) -> list[Row]:
    return ClusterChecks(node_manifests(), platform, lambda: PASSWORD).look(early)


def reds(rows: list[Row]) -> dict[Key, Row]:
    return {(row.check, row.subject): row for row in rows if row.is_red}


def test_a_healthy_platform_is_green_and_every_arrow_of_the_picture_proved() -> None:
    rows = look(FakePlatform())
    assert reds(rows) == {}
    proved = {row.subject for row in rows if row.check == "edges" and row.state is State.GREEN}
    outside = {"slack", "pagerduty", "heartbeat", "people"} | AWS_DESTINATIONS
    assert proved == {f"{a} -> {b}" for a, b in drawn_edges() if not {a, b} & outside}


def test_no_row_is_there_twice() -> None:
    keys = [(row.check, row.subject) for row in look(FakePlatform())]
    assert len(keys) == len(set(keys))


def stale(platform: FakePlatform) -> None:
    platform.deployments["harbinger"]["metadata"]["generation"] = 2


def status(kind: str, name: str, **changes: Any) -> Break:
    return lambda platform: getattr(platform, kind)[name]["status"].update(changes)


def other_image(platform: FakePlatform) -> None:
    pod = platform.deployments["harbinger"]["spec"]["template"]["spec"]
    pod["containers"][0]["image"] = "somebody/else:1"


def gave_up(platform: FakePlatform) -> None:
    condition = {"reason": "ProgressDeadlineExceeded", "message": "has timed out progressing"}
    platform.deployments["harbinger"]["status"]["conditions"] = [condition]


HARBINGER, ALERTMANAGER = (
    ("rollout", "deployment/harbinger"),
    ("rollout", "statefulset/alertmanager"),
)
ROLLOUTS: dict[str, tuple[Key, Break, str]] = {
    "gone": (HARBINGER, lambda p: p.deployments.pop("harbinger"), "does not exist"),
    "scaled": (
        HARBINGER,
        lambda p: p.deployments["harbinger"]["spec"].update(replicas=0),
        "has 0 replicas, the stack says 1",
    ),
    "other image": (HARBINGER, other_image, "runs somebody/else:1, which the stack does not name"),
    "unseen": (HARBINGER, stale, "its controller has not seen the latest change yet"),
    "gave up": (HARBINGER, gave_up, "gave up: has timed out progressing"),
    "not updated": (
        ALERTMANAGER,
        status("stateful_sets", "alertmanager", updatedReplicas=1),
        "1 of 2 pods are updated",
    ),
    "two revisions": (
        ALERTMANAGER,
        status("stateful_sets", "alertmanager", currentRevision="old"),
        "its pods are of two revisions",
    ),
    "old pods": (
        HARBINGER,
        status("deployments", "harbinger", replicas=3),
        "2 old pods have not ended",
    ),
    "unready": (
        ALERTMANAGER,
        status("stateful_sets", "alertmanager", readyReplicas=1),
        "1 of 2 pods are ready",
    ),
    "unavailable": (
        HARBINGER,
        status("deployments", "harbinger", availableReplicas=0),
        "0 of 1 pods are ready",
    ),
}


@pytest.mark.parametrize("name", ROLLOUTS)
def test_an_unfinished_rollout_is_red_alone_and_stops_an_early_look(name: str) -> None:
    key, break_it, detail = ROLLOUTS[name]
    platform = FakePlatform()
    break_it(platform)
    rows = look(platform, early=True)
    assert {key: row.detail for key, row in reds(rows).items()} == {key: detail}
    assert {row.check for row in rows} == {"rollout"}
    assert platform.runs == []


def test_a_red_rollout_says_what_keeps_its_pod() -> None:
    platform = FakePlatform()
    status("deployments", "harbinger", readyReplicas=0)(platform)
    [pod] = [one for one in platform.pod_list if one["metadata"]["name"] == "harbinger-0"]
    waiting = {"waiting": {"reason": "ImagePullBackOff"}}
    pod["status"]["containerStatuses"][0].update(ready=False, state=waiting)
    detail = "0 of 1 pods are ready; harbinger-0: ImagePullBackOff (harbinger)"
    assert reds(look(platform, early=True))[HARBINGER].detail == detail


def sick_rule(platform: FakePlatform) -> None:
    platform.groups[0]["rules"][0].update(health="err", lastError="many-to-many matching")


def old_rule(platform: FakePlatform) -> None:
    platform.groups[0]["rules"][0]["query"] = "up == 7"


def down(platform: FakePlatform) -> None:
    [found] = [one for one in platform.targets if one["scrapePool"] == "harbinger"]
    found.update(health="down", lastError="connection refused")


def lost_target(platform: FakePlatform) -> None:
    platform.targets = [one for one in platform.targets if one["labels"]["pod"] != "psi-field-1"]


def sample(value: float, *key: str) -> Break:
    return lambda platform: platform.samples.update({key: value})


def without_sample(*key: str) -> Break:
    return lambda platform: platform.samples.pop(key)


def probe_fails(platform: FakePlatform) -> None:
    [key] = [key for key in platform.samples if key[0::4] == ("probe_success", "scheduler")]
    platform.samples[key] = 0


def rules_of_both(detail: str) -> dict[Key, str]:
    return {("rules", f"prometheus-server-{number}"): detail for number in (0, 1)}


def targets_of_both(job: str, detail: str) -> dict[Key, str]:
    return {("targets", f"prometheus-server-{n} -> {job}"): detail for n in (0, 1)}


BOARD = "PBFA97CFB590B2093"
BOARD_ROW = ("dashboards", "ψ-Field Metrics")
TREATY = "aurora-treaty.aurora-node.svc:8000"
PSI = "psi-field.aurora-node.svc"
RELOADED = "alertmanager_config_last_reload_successful"
BREAKS: dict[str, tuple[Break, dict[Key, str]]] = {
    "a rule in error": (sick_rule, rules_of_both("err many-to-many matching")),
    "an old rule": (old_rule, rules_of_both("1 loaded that the stack does not have: ")),
    "a lost group": (lambda p: p.groups.pop(), rules_of_both("not loaded as the stack has them")),
    "a target down": (
        down,
        targets_of_both("harbinger", "harbinger-0 is down: connection refused")
        | {("edges", "prometheus-server -> harbinger"): "can't scrape harbinger-0"},
    ),
    "a target lost": (lost_target, targets_of_both("psi-field", "1 targets, the stack has 2")),
    "a silent Prometheus": (
        lambda p: p.silent.add("prometheus-server-1"),
        {
            ("rules", "prometheus-server-1"): "HTTP 503: no endpoints available",
            ("targets", "prometheus-server-1"): "HTTP 503: no endpoints available",
        },
    ),
    "a refused configuration": (
        sample(0, RELOADED, "pod", "alertmanager-1"),
        {("configuration", "alertmanager"): "alertmanager-1 refused it"},
    ),
    "a configuration unheard of": (
        without_sample(RELOADED, "pod", "alertmanager-1"),
        {("configuration", "alertmanager"): "1 of 2 pods say whether they loaded it"},
    ),
    "no Watchdog yet": (
        without_sample("harbinger_watchdog_healthy", "pod", "harbinger-0"),
        {
            ("watchdog", "Watchdog"): "harbinger has not received it yet",
            ("edges", "alertmanager -> harbinger"): "harbinger has not received it yet",
        },
    ),
    "a lost Watchdog": (
        sample(0, "harbinger_watchdog_healthy", "pod", "harbinger-0"),
        {
            ("watchdog", "Watchdog"): "harbinger no longer receives it",
            ("edges", "alertmanager -> harbinger"): "harbinger no longer receives it",
        },
    ),
    "a dashboard that is not there": (
        lambda p: p.boards.pop(BOARD),
        {BOARD_ROW: f"Grafana does not have it (uid {BOARD})"},
    ),
    "an old dashboard": (
        lambda p: p.boards[BOARD].update(panels=[]),
        {BOARD_ROW: "it has 0 panels, the stack's has "},
    ),
    "a renamed dashboard": (
        lambda p: p.boards[BOARD].update(title="Mine"),
        {BOARD_ROW: "Grafana calls it Mine"},
    ),
    "another password": (
        lambda p: setattr(p, "password", "other"),
        {("dashboards", "grafana"): "HTTP 401: Invalid username or password"},
    ),
    "a data source out of reach": (
        lambda p: setattr(p, "source_answer", (400, {"message": "no such host"})),
        {
            ("data sources", "Prometheus"): "HTTP 400: no such host",
            ("edges", "grafana -> prometheus-server"): "HTTP 400: no such host",
        },
    ),
    "a deleted policy": (
        lambda p: p.policies.pop("grafana-to-prometheus-server"),
        {("policies", "grafana-to-prometheus-server"): "does not exist"},
    ),
    "a changed policy": (
        lambda p: p.policies["grafana-to-prometheus-server"]["spec"].update(ingress=[{}]),
        {("policies", "grafana-to-prometheus-server"): "is not what the stack says"},
    ),
    "somebody's own policy": (
        lambda p: p.policies.update(mine={"spec": {}}),
        {("policies", "mine"): "is not the stack's"},
    ),
    "an unknown name": (
        lambda p: p.reasons.update({("scheduler", PSI): "the name is unknown"}),
        {("DNS", "scheduler"): f"{PSI}: the name is unknown"},
    ),
    "a cut edge": (
        lambda p: p.reasons.update(
            {("soak-heartbeat", "aurora-treaty.aurora-node.svc:8000"): "no"}
        ),
        {("edges", "soak-heartbeat -> aurora-treaty"): "aurora-treaty.aurora-node.svc:8000: no"},
    ),
    "an open door": (
        lambda p: p.passes.add(("harbinger", address(p, "grafana-0", 3000))),
        {("denied", "harbinger"): "connects to grafana-0, port 3000"},
    ),
    "no permission to try": (
        lambda p: p.failing.add("harbinger"),
        {("edges", "from harbinger"): "can't try: kubectl exec failed: forbidden"},
    ),
    "a failing probe": (
        probe_fails,
        {("edges", "blackbox-exporter -> scheduler"): "the probe scheduler-health fails"},
    ),
    "peers that don't meet": (
        sample(1, "alertmanager_cluster_members", "pod", "alertmanager-0"),
        {("edges", "alertmanager -> alertmanager"): "a pod sees 1 of 2 members"},
    ),
    "no list of CronJobs": (
        without_sample("kube_cronjob_created", "cronjob", "soak-heartbeat"),
        {("edges", "kube-state-metrics -> kubernetes-api"): "does not list soak-heartbeat"},
    ),
}


def address(platform: FakePlatform, pod: str, port: int) -> str:
    [found] = [one for one in platform.pod_list if one["metadata"]["name"] == pod]
    return f"[{found['status']['podIP']}]:{port}"


@pytest.mark.parametrize("name", BREAKS)
def test_a_break_is_red_where_it_is_and_nowhere_else(name: str) -> None:
    break_it, expected = BREAKS[name]
    platform = FakePlatform()
    break_it(platform)
    found = reds(look(platform))
    assert found.keys() == expected.keys(), {key: row.detail for key, row in found.items()}
    for key, detail in expected.items():
        assert detail in found[key].detail
        assert len(found[key].remedy) > 10


@pytest.mark.parametrize(
    ("sent", "detail"),
    [(1000.0, "samples arrive"), (879.0, "is behind with them"), (None, "sends no samples")],
)
def test_a_long_term_store_is_proved_by_what_is_sent_to_it(sent: float | None, detail: str) -> None:
    platform = FakePlatform()
    if sent:
        platform.samples[WRITTEN, "remote_name", "amp"] = 1000.0
        platform.samples[SENT, "remote_name", "amp"] = sent
    policy = {"podSelector": {"matchLabels": {NAME_LABEL: "prometheus-server"}}, "egress": [{}]}
    policies = {**node_manifests().policies, "prometheus-server-to-managed-prometheus": policy}
    platform.policies["prometheus-server-to-managed-prometheus"] = {"spec": policy}
    manifests = replace(node_manifests(), policies=policies)
    rows = ClusterChecks(manifests, platform, lambda: PASSWORD).look(False)
    [row] = [row for row in rows if row.subject == "prometheus-server -> managed-prometheus"]
    assert detail in row.detail and row.is_red == (sent != 1000.0)


def test_without_the_password_the_dashboards_are_not_judged() -> None:
    def refuse() -> str:
        raise StackError("no passphrase")

    rows = ClusterChecks(node_manifests(), FakePlatform(), refuse).look(False)
    assert reds(rows) == {}
    [row] = [row for row in rows if row.check == "dashboards"]
    assert (row.state, row.detail) == (
        State.UNTRIED,
        "its password can't be read: no passphrase",
    )


def test_sources_that_were_green_are_not_asked_again() -> None:
    platform = FakePlatform()
    platform.reasons["scheduler", PSI] = "the name is unknown"
    checks = ClusterChecks(node_manifests(), platform, lambda: PASSWORD)
    checks.look(True)
    first = sorted(platform.runs)
    platform.runs, platform.reasons = [], {}
    assert reds(checks.look(True)) == {}
    assert len(first) > 1 and platform.runs == ["scheduler"]
