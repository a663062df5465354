"""The services export exactly the metrics that rules/metrics.yaml lists."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import count
from typing import Any

import pytest

from services.harbinger.app import HarbingerSettings
from services.harbinger.app import build as harbinger
from services.psi_field.app import PsiFieldSettings
from services.psi_field.app import build as psi_field
from services.scheduler.app import SchedulerSettings
from services.scheduler.app import build as scheduler
from services.scheduler.jobs import Job
from services.shell import Service
from services.treaty.app import TreatySettings
from services.treaty.app import build as treaty
from tests.support.loopback import stub
from tests.support.series import inventory, metric_series
from tests.support.services.exposition import Exposed
from tests.support.services.in_process import Client, running_service
from tests.unit.services.test_harbinger import notification

FILE = "rules/metrics.yaml"


def take_step(client: Client) -> None:
    client.wait_for(lambda: client.get("/ready").is_success)
    assert client.post("/step", json={"x": [0.5] * 16, "apply_guardian": False}).is_success


def route_request(client: Client) -> None:
    assert client.post("/requests", json={}).is_success


def notify(client: Client) -> None:
    assert client.post("/alerts", json=notification("A", "Watchdog")).is_success


def run_job(client: Client) -> None:
    name = "scheduler_job_last_success_timestamp_seconds"
    client.wait_for(lambda: client.metrics().value(name, task="sweep"))


def exercised(service: Service, use: Callable[[Client], None]) -> Exposed:
    with running_service(service) as client:
        use(client)
        return client.metrics()


@cache
def exposed() -> dict[str, Exposed]:
    """Each workload's /metrics after it has done its work once."""
    minutes = (datetime(2026, 3, 1, tzinfo=UTC) + timedelta(minutes=n) for n in count())
    with stub() as target:
        settings = SchedulerSettings.model_construct(
            jobs=(Job(name="sweep", cron="* * * * *", url=target.url),)
        )
        jobs = exercised(scheduler(settings, lambda: next(minutes)), run_job)
    return {
        "psi-field": exercised(psi_field(PsiFieldSettings(peers=())), take_step),
        "aurora-treaty": exercised(treaty(TreatySettings()), route_request),
        "scheduler": jobs,
        "harbinger": exercised(harbinger(HarbingerSettings()), notify),
    }


def listed() -> list[dict[str, Any]]:
    """The listed metrics of each workload; those of every process are repeated per workload."""
    own = [*inventory()["metrics"], *inventory()["details"]]
    workloads = dict.fromkeys(metric["workload"] for metric in own)
    shared = [
        {**metric, "workload": workload}
        for metric in inventory()["processes"]
        for workload in workloads
    ]
    return [*own, *shared]


def test_every_workload_of_the_inventory_is_tested() -> None:
    assert {metric["workload"] for metric in listed()} == exposed().keys()


@pytest.mark.parametrize("metric", listed(), ids=lambda m: f"{m['workload']}-{m['name']}")
def test_a_listed_metric_is_exported_with_its_type_labels_and_help(metric: dict[str, Any]) -> None:
    name, workload = metric["name"], metric["workload"]
    shown = exposed()[workload]
    assert shown.types.get(name) == metric["type"], f"correct {workload}, or {name} in {FILE}"
    assert shown.texts[name] == metric["help"], f"write one text in {workload} and {FILE}"
    for series, labels in metric_series(metric).items():
        assert shown.labels(series) == {labels}


@pytest.mark.parametrize("workload", ["psi-field", "aurora-treaty", "scheduler", "harbinger"])
def test_a_workload_exports_nothing_that_is_not_listed(workload: str) -> None:
    known = [metric for metric in listed() if metric["workload"] == workload]
    shown = exposed()[workload]
    advice = f"add the other metrics of {workload} to {FILE}"
    assert shown.types.keys() == {metric["name"] for metric in known}, advice
    assert {name for name, _ in shown.samples} == set().union(*map(metric_series, known)), advice


@pytest.mark.parametrize("workload", ["psi-field", "aurora-treaty", "scheduler", "harbinger"])
def test_a_workload_sets_no_label_that_scraping_sets(workload: str) -> None:
    labels = {label for _, pairs in exposed()[workload].samples for label, _ in pairs}
    assert not labels & set(inventory()["scrape_labels"])
