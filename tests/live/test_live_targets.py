"""What can't be scraped, or is not found, is told: in a running stack, as far as the receiver."""

import os
import signal

from ops.live.mounts import write_changed, write_changed_json
from tests.live.conftest import Live

DOWN = "PlatformTargetDown"


def told(live: Live, alert: str, job: str) -> list[tuple[str, str]]:
    """What harbinger was told of an alert on a job, newest first: status and description."""
    return [
        (event["status"], event["annotations"]["description"])
        for event in live.observer.events()
        if event["alertname"] == alert and event["labels"]["job"] == job
    ]


def test_grafana_which_is_not_run_here_is_missed(services: Live) -> None:
    services.wait_for(
        lambda _: told(services, "GrafanaDown", "grafana"), "harbinger is told of Grafana"
    )
    # A notification is repeated after a while, and says the same.
    told_so = set(told(services, "GrafanaDown", "grafana"))
    assert told_so == {("firing", "No pod of grafana is found.")}


def test_a_pod_that_does_not_answer_is_told_by_its_name_and_so_is_its_return(
    services: Live,
) -> None:
    services.wait_for_rules()
    (pod,) = services.platform.pods_of("scheduler")
    process = services.platform.children[pod.name].process.pid
    os.kill(process, signal.SIGSTOP)
    try:
        services.wait_for(lambda _: told(services, DOWN, "scheduler"), "harbinger is told")
    finally:
        os.kill(process, signal.SIGCONT)
    told_so = set(told(services, DOWN, "scheduler"))
    assert told_so == {("firing", f"Pod {pod.name} of scheduler can't be scraped.")}
    services.wait_for(
        lambda _: told(services, DOWN, "scheduler")[0][0] == "resolved", "harbinger is told"
    )


def test_a_service_without_any_pod_is_told_by_its_name(services: Live) -> None:
    path = services.platform.files.targets / "scheduler.json"
    found = path.read_text()
    write_changed_json(path, [])
    try:
        services.wait_for(
            lambda _: (
                ("firing", "No pod of scheduler is found.") in told(services, DOWN, "scheduler")
            ),
            "harbinger is told",
        )
    finally:
        write_changed(path, found)
    services.wait_for_rules()
