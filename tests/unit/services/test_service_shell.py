"""The shell that every service shares: probes, tasks, errors and metrics."""

import asyncio
import logging
import time

import pytest

from services.shell import (
    BareCounter,
)
from tests.support.asgi import serving
from tests.support.ping import ask, get, ping_service

# Probes


def test_a_service_without_a_start_is_live_and_ready() -> None:
    assert get(ping_service(), "/health").status_code == 200
    assert get(ping_service(), "/ready").status_code == 200


def test_a_service_is_live_but_not_ready_until_its_start_has_ended() -> None:
    async def scenario() -> None:
        gate = asyncio.Event()

        async def start() -> None:
            await gate.wait()

        async with serving(ping_service(start)) as client:
            unready = await client.get("/ready")
            assert (unready.status_code, unready.json()) == (503, {"error": "starting"})
            assert (await client.get("/health")).status_code == 200
            gate.set()
            await asyncio.sleep(0.01)
            assert (await client.get("/ready")).status_code == 200

    asyncio.run(scenario())


def test_a_stopping_service_is_not_ready_and_still_serves() -> None:
    async def scenario() -> None:
        service = ping_service()
        async with serving(service) as client:
            await asyncio.sleep(0)
            service.stop()
            unready = await client.get("/ready")
            assert (unready.status_code, unready.json()) == (503, {"error": "stopping"})
            assert (await client.post("/ping", json={"x": [1, 2]})).json() == {"sum": 3}

    asyncio.run(scenario())


@pytest.mark.parametrize("where", ["start", "background", "repeat"])
def test_a_crashed_task_is_logged_and_ends_liveness(
    where: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def crash() -> None:
        raise RuntimeError("boom")

    service = ping_service(crash if where == "start" else None)
    if where == "background":
        service.background("background", crash)
    if where == "repeat":
        service.repeat("repeat", 1, crash)
    answer = get(service, "/health")
    assert answer.status_code == 503
    assert where in answer.json()["error"]
    assert [r.getMessage() for r in caplog.records if r.levelno == logging.ERROR] == [
        "a background task crashed"
    ]


def test_stopping_cancels_tasks_and_then_closes_what_they_used() -> None:
    events = []
    service = ping_service()

    async def work() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            events.append("cancelled")

    async def close() -> None:
        events.append("closed")

    service.background("work", work)
    service.at_stop(close)
    get(service, "/health")
    assert events == ["cancelled", "closed"]


# Errors


def test_every_error_is_json_and_says_nothing_of_the_inside() -> None:
    found = ask(
        ping_service(),
        ("GET", "/nowhere", {}),
        ("GET", "/health/", {}),
        ("GET", "/ping", {}),
        ("GET", "/refuse", {}),
        ("GET", "/fail", {}),
    )
    assert [answer.status_code for answer in found] == [404, 404, 405, 418, 500]
    assert [list(answer.json()) for answer in found] == [["error"]] * 5
    assert found[2].headers["allow"] == "POST"
    assert found[3].json() == {"error": "A teapot."}
    assert "s3cret" not in found[4].text
    assert "Traceback" not in found[4].text


# Metrics


def test_metrics_are_when_the_service_started_those_it_registered_and_no_others() -> None:
    before = time.time()
    service = ping_service()
    counter = BareCounter("dropped", "Requests dropped.", ["treaty"], service.registry)
    counter.touch("A")
    counter.inc("B", by=2)
    answer = get(service, "/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    *start, value = answer.text.splitlines()[:3]
    assert start == [
        "# HELP process_start_time_seconds Unix time at which the process started.",
        "# TYPE process_start_time_seconds gauge",
    ]
    assert before <= float(value.removeprefix("process_start_time_seconds ")) <= time.time()
    assert answer.text.splitlines()[3:] == [
        "# HELP pings_total Pings taken.",
        "# TYPE pings_total counter",
        "pings_total 0.0",
        "# HELP dropped Requests dropped.",
        "# TYPE dropped counter",
        'dropped{treaty="A"} 0.0',
        'dropped{treaty="B"} 2.0',
    ]


def test_many_services_fit_into_one_process() -> None:
    first, second = ping_service(), ping_service()
    ask(first, ("POST", "/ping", {"json": {"x": [1, 2]}}))
    assert "pings_total 1.0" in get(first, "/metrics").text
    assert "pings_total 0.0" in get(second, "/metrics").text
