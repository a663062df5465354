"""A real Alertmanager with a stack's routes: who is notified, when, and with which text."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.alertmanager import (
    AT_ANY_TIME,
    HEARTBEAT,
    PAGERDUTY,
    ROUTING_KEY,
    SLACK,
    SPEED,
    WEBHOOK,
    Running,
    alert,
    alertmanager,
    ended,
    files_of,
    messages_about,
)
from tests.support.loopback import stub
from tests.support.rules.promtool import load
from tests.support.waiting import wait_for
from toolchain.base import write_atomically

GOLDEN = Path(__file__).parent / "golden"
STARTED, ENDED = "2026-03-01T12:00:00Z", "2026-03-01T12:34:00Z"
BEAT_SECONDS = 100 / SPEED


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Staging's Alertmanager, which notifies of warnings at any time."""
    with alertmanager(
        files_of("staging", routes=AT_ANY_TIME), tmp_path_factory.mktemp("am")
    ) as found:
        yield found


def full_alert(
    name: str, severity: str | None, labels: dict[str, str], **texts: str
) -> dict[str, Any]:
    """An alert as Prometheus sends it, with all annotations."""
    links = {
        "runbook_url": f"https://runbooks.example/{name}.md",
        "dashboard_url": "http://localhost:3000/d/a-dashboard",
    }
    labels = {"namespace": "aurora-staging", **labels}
    made = alert(name, severity, **labels)
    return {**made, "annotations": {**links, **texts}, "startsAt": STARTED}


def resolved(found: dict[str, Any]) -> dict[str, Any]:
    return {**found, "endsAt": ENDED}


def compare_with_golden(message: Any, name: str) -> None:
    """Compare a message with its golden file; WRITE_GOLDEN=1 rewrites the file for review."""
    text = json.dumps(message, indent=2, ensure_ascii=False, sort_keys=True) + "\n"
    path = GOLDEN / f"{name}.json"
    if os.environ.get("WRITE_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8"), f"{path} differs: WRITE_GOLDEN=1 renews it"


DENSITY = full_alert(
    "PsiFieldDensityAnomaly",
    "warning",
    {"job": "psi-field", "pod": "psi-field-6d5f-b7k2q", "instance": "10.0.0.1:8000"},
    summary="ψ-Field density is abnormal",
    description="Pod psi-field-6d5f-b7k2q has a density of 0.95;"
    " it should lie between 0.1 and 0.9.",
    threshold_low="0.1",
    threshold_high="0.9",
)
DRIFT = full_alert(
    "PsiFieldPodDrift",
    "critical",
    {"job": "psi-field"},
    summary="ψ-Field pods have drifted apart",
    description="The prediction errors of the pods lie 0.8 apart: the threshold is 0.3.",
    threshold="0.3",
)
DROPS = [
    full_alert(
        "TreatyDropRateHigh",
        "warning",
        {"job": "aurora-treaty", "treaty": treaty},
        summary="Treaty drops too many requests",
        description=f"Treaty {treaty} dropped {share} of its requests & more;"
        " <b>10%</b> is allowed.",
        threshold="0.1",
    )
    for treaty, share in (("AURORA-AKASH-001", "12.5%"), ("AURORA-<!channel>-002", "30%"))
]
PROBE = full_alert(
    "ProbeFailing",
    "critical",
    {"job": "probes", "workload": "aurora-treaty", "probe": "treaty-health"},
    summary="A probe fails",
    description="Probe treaty-health of aurora-treaty has failed for 5 minutes.",
)
DOWN = [
    full_alert(
        "PsiFieldDown",
        "critical",
        {"job": "psi-field", "pod": pod},
        summary="ψ-Field is down",
        description=f"Pod {pod} of psi-field can't be scraped.",
    )
    for pod in ("psi-field-6d5f-b7k2q", "psi-field-6d5f-x9w4t")
]
STRANGE = {**alert("Strange", "Warning"), "annotations": {}, "startsAt": STARTED}


@pytest.mark.parametrize(
    ("channel", "alerts", "golden"),
    [
        (SLACK, [DENSITY], "slack-one-pod"),
        (SLACK, DROPS, "slack-two-treaties"),
        (PAGERDUTY, [DRIFT], "pagerduty-service"),
        (PAGERDUTY, [PROBE], "pagerduty-probe"),
        (PAGERDUTY, DOWN, "pagerduty-two-pods"),
        (PAGERDUTY, [STRANGE], "pagerduty-nothing-known"),
    ],
)
def test_a_notification_says_what_fires_and_what_has_ended(
    channel: str, alerts: list[dict[str, Any]], golden: str, running: Running
) -> None:
    name = alerts[0]["labels"]["alertname"]

    def messages(number: int) -> list[Any]:
        wait_for(
            lambda: len(messages_about(running.notifications(channel), name)) >= number,
            f"{number} of {name}",
        )
        return messages_about(running.notifications(channel), name)

    running.post(*alerts)
    compare_with_golden(messages(1)[0], f"{golden}-firing")
    if len(alerts) > 1:
        running.post(resolved(alerts[0]))
        compare_with_golden(messages(2)[1], f"{golden}-one-resolved")
    running.post(*map(resolved, alerts))
    compare_with_golden(messages(2 + (len(alerts) > 1))[-1], f"{golden}-resolved")


def test_a_group_is_one_cause_however_many_pods_have_it(running: Running) -> None:
    pods = [alert("OfManyPods", "critical", job="psi-field", pod=f"p{n}") for n in range(8)]
    running.post(*pods, alert("OfManyPods", "critical", job="scheduler", pod="p0"))
    wait_for(
        lambda: len(messages_about(running.notifications(PAGERDUTY), "OfManyPods")) == 2,
        "one page for each job",
    )
    sizes = {
        message["payload"]["custom_details"]["num_firing"]
        for message in messages_about(running.notifications(PAGERDUTY), "OfManyPods")
    }
    assert sizes == {1, 8}


@pytest.mark.parametrize(("channel", "severity"), [(SLACK, "warning"), (PAGERDUTY, "critical")])
def test_ten_alerts_are_written_out_and_the_rest_is_counted(
    channel: str, severity: str, running: Running
) -> None:
    name = f"OfThirteenPods{severity}"
    running.post(*(alert(name, severity, job="psi-field", pod=f"p{n}") for n in range(13)))
    wait_for(lambda: messages_about(running.notifications(channel), name), "the message")
    (message, *_) = messages_about(running.notifications(channel), name)
    text = json.dumps(message)
    assert text.count("It has no description.") == 10
    assert text.count("and 3 more firing") == 1


def fired(name: str, moment: str) -> list[dict[str, Any]]:
    """The alerts that the rule makes at a moment of its case about pods that stop.

    As Alertmanager gets them: Prometheus adds the namespace to an alert without one.
    """
    (case,) = (
        case for case in load(name)["tests"] if case["name"].startswith("one pod stops, then")
    )
    (check,) = (check for check in case["alert_rule_test"] if check["eval_time"] == moment)
    found = [{"namespace": "aurora-staging", **one["exp_labels"]} for one in check["exp_alerts"]]
    return [alert(name, **labels) for labels in found]


ONE_STOPS, BOTH_STOP, DELETED = "13m", "13m30s", "20m30s"


@pytest.mark.parametrize("name", ["PsiFieldDown", "TreatyDown"])
@pytest.mark.parametrize(
    ("moment", "is_muted"), [(ONE_STOPS, False), (BOTH_STOP, True), (DELETED, True)]
)
def test_a_service_without_a_pod_that_answers_makes_one_page_and_any_other_mutes_nothing(
    moment: str, is_muted: bool, name: str, tmp_path: Path
) -> None:
    down = fired(name, moment)
    (workload,) = {one["labels"]["job"] for one in down}
    place = {"namespace": "aurora-staging"}
    symptoms = [
        *(
            alert("ProbeFailing", "critical", workload=workload, probe=probe, **place)
            for probe in ("health", "step")
        ),
        alert("OwnBurn", "critical", job=workload, sloth_service=workload, **place),
    ]
    exporter = {"job": "blackbox-exporter", "sloth_service": "blackbox-exporter"}
    others = [
        alert("ProbeFailing", "critical", workload="scheduler", **place),
        alert("BurnOfAllProbes", "critical", **exporter, **place),
    ]
    with alertmanager(files_of("production"), tmp_path) as found:
        found.post(*down)
        found.wait_for(PAGERDUTY)
        found.post(*symptoms, *others)

        def pages() -> set[tuple[str, str]]:
            keys = [request.json["payload"] for request in found.notifications(PAGERDUTY)]
            return {(key["class"], key["component"]) for key in keys}

        expected = {
            (name, workload),
            ("ProbeFailing", "scheduler"),
            ("BurnOfAllProbes", "blackbox-exporter"),
        }
        if is_muted:
            log = tmp_path / "log"
            wait_for(lambda: log.read_text().count("reason=inhibition") >= 6, "further flushes")
        else:
            expected |= {("ProbeFailing", workload), ("OwnBurn", workload)}
        wait_for(lambda: pages() == expected, f"{expected}")
        assert len(messages_about(found.notifications(PAGERDUTY), name)) == 1


def test_every_notification_goes_to_the_webhook_as_well_with_its_environment(
    running: Running,
) -> None:
    running.post(alert("ForBoth", "warning", job="psi-field"))
    wait_for(lambda: messages_about(running.notifications(SLACK), "ForBoth"), "Slack")
    wait_for(lambda: messages_about(running.notifications(WEBHOOK), "ForBoth"), "the webhook")
    (message,) = messages_about(running.notifications(SLACK), "ForBoth")
    assert "[aurora-staging]" in message["attachments"][0]["title"]
    (notification,) = messages_about(running.notifications(WEBHOOK), "ForBoth")
    assert notification["commonLabels"]["environment"] == "aurora-staging"


def test_the_heartbeat_is_sent_at_each_interval_and_to_no_other_channel(running: Running) -> None:
    running.post(alert("Watchdog", "none"), alert("Watchdog", "none", heartbeat="outside"))
    start = len(running.wait_for(HEARTBEAT))
    running.wait_for(HEARTBEAT, start + 6, seconds=9 * BEAT_SECONDS)
    assert messages_about(running.notifications(WEBHOOK), "Watchdog")
    assert not messages_about(
        running.notifications(SLACK) + running.notifications(PAGERDUTY), "Watchdog"
    )


def test_a_changed_credential_is_used_from_the_next_notification_without_a_restart(
    running: Running,
) -> None:
    process = running.process.pid
    with stub(lambda _: (200, b"ok")) as new:
        write_atomically(running.credentials / "slack-api-url", f"{new.url}/rotated")
        write_atomically(running.credentials / "pagerduty-routing-key", "rotated-key")
        write_atomically(running.credentials / "heartbeat-url", f"{new.url}/beat")
        try:
            running.post(alert("Watchdog", "none", heartbeat="outside"))
            running.post(alert("Told", "warning"), alert("Paged", "critical"))
            wait_for(lambda: messages_about(running.notifications(PAGERDUTY), "Paged"), "the page")
            wait_for(
                lambda: {request.path for request in new.requests} == {"/rotated", "/beat"},
                "Slack's and the heartbeat's new places",
            )
        finally:
            write_atomically(
                running.credentials / "slack-api-url", f"{running.channels.url}{SLACK}"
            )
            write_atomically(running.credentials / "pagerduty-routing-key", ROUTING_KEY)
            write_atomically(
                running.credentials / "heartbeat-url", f"{running.channels.url}{HEARTBEAT}"
            )
    assert not messages_about(running.notifications(SLACK), "Told")
    (page,) = messages_about(running.notifications(PAGERDUTY), "Paged")
    assert page["routing_key"] == "rotated-key"
    assert running.process.pid == process and running.process.poll() is None


def test_a_pager_that_refuses_is_told_by_the_other_channels_and_stops_the_heartbeat_outside(
    tmp_path: Path,
) -> None:
    answers = {PAGERDUTY: (403, b"no such key")}
    beats = [alert("Watchdog", "none"), alert("Watchdog", "none", heartbeat="outside")]
    lost = alert(
        "AlertmanagerNotificationsFailing", "critical", channels="all", integration="pagerduty"
    )
    with alertmanager(files_of("staging"), tmp_path, answers=answers) as found:
        found.post(*beats, alert("TreatyDown", "critical", job="aurora-treaty"))
        found.wait_for(HEARTBEAT, 2)
        found.wait_for(PAGERDUTY)
        found.post(lost)
        wait_for(
            lambda: messages_about(found.notifications(SLACK), "AlertmanagerNotificationsFailing"),
            "Slack, at any time",
        )
        stopped = len(found.notifications(HEARTBEAT))
        inside = len(messages_about(found.notifications(WEBHOOK), "Watchdog"))
        wait_for(
            lambda: len(messages_about(found.notifications(WEBHOOK), "Watchdog")) > inside + 5,
            "the heartbeat inside, which goes on",
        )
        assert len(found.notifications(HEARTBEAT)) <= stopped + 1
        found.post(ended(lost))
        found.wait_for(HEARTBEAT, stopped + 3)
