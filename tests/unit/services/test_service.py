"""The shell that every service shares: probes, tasks, errors, bodies and metrics."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import httpx
import pytest
from prometheus_client import Counter
from pydantic import Field
from starlette.exceptions import HTTPException
from starlette.requests import Request

from services.shell import BODY_LIMIT, Answer, BareCounter, Body, Service, bodies, read_body
from tests.support.services.asgi import JSON, ask, serving, wait_until_ready


def get(service: Service, path: str) -> httpx.Response:
    return ask(service, ("GET", path, {}))[0]


class Ping(Body):
    x: Annotated[tuple[float, ...], Field(min_length=2, max_length=2)]
    loud: bool = False


def ping_service(start: Callable[[], Awaitable[None]] | None = None) -> Service:
    """A small service that uses every part of the shell."""
    service = Service("ping", start=start)
    pings = Counter("pings", "Pings taken.", registry=service.registry)

    async def ping(request: Request) -> Answer:
        body = await read_body(request, Ping)
        pings.inc()
        return {"sum": sum(body.x)}

    async def fail(_: Request) -> Answer:
        raise RuntimeError("s3cret")

    async def refuse(_: Request) -> Answer:
        raise HTTPException(418, "A teapot.")

    service.route("POST", "/ping", ping)
    service.route("GET", "/fail", fail)
    service.route("GET", "/refuse", refuse)
    return service


def ping(**request: Any) -> httpx.Response:
    return ask(ping_service(), ("POST", "/ping", request))[0]


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
            await wait_until_ready(client)

    asyncio.run(scenario())


def test_a_service_is_not_ready_while_its_check_gives_a_reason() -> None:
    reasons = iter([None, "no engine", None])
    service = ping_service()
    service.check_ready(lambda: next(reasons))
    answers = ask(service, *[("GET", "/ready", {})] * 3)
    assert [answer.status_code for answer in answers] == [200, 503, 200]
    assert answers[1].json() == {"error": "no engine"}


def test_a_stopping_service_is_not_ready_and_still_serves() -> None:
    async def scenario() -> None:
        service = ping_service()
        async with serving(service) as client:
            await wait_until_ready(client)
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
        service.run_in_background("background", crash)
    if where == "repeat":
        service.repeat("repeat", 1, crash)
    answer = get(service, "/health")
    assert answer.status_code == 503
    assert where in answer.json()["error"]
    assert [r.getMessage() for r in caplog.records if r.levelno == logging.ERROR] == [
        "a background task crashed"
    ]


def test_stopping_cancels_tasks_and_then_closes_the_clients_they_used() -> None:
    events = []
    service = ping_service()

    async def work() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            events.append("cancelled")

    async def close() -> None:
        events.append("closed")

    service.run_in_background("work", work)
    service.close_at_stop(close)
    get(service, "/health")
    assert events == ["cancelled", "closed"]


# Errors


def test_every_error_is_json_and_reveals_no_internals() -> None:
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


# Bodies

REFUSED: dict[str, tuple[bytes | str, int, str]] = {
    "empty": ("", 400, "EOF"),
    "no JSON": ("{", 400, "EOF"),
    "trailing text": ('{"x": [1, 2]} 3', 400, "trailing"),
    "not UTF-8": (b'{"x": [1, 2], "\xff": 1}', 400, "Invalid"),
    "too deep": ("[" * 60_000, 400, "recursion"),
    "a list": ("[1, 2]", 422, "object"),
    "null": ("null", 422, "object"),
    "no field": ("{}", 422, "x: "),
    "too short": ('{"x": [1]}', 422, "x: "),
    "too long": ('{"x": [1, 2, 3]}', 422, "x: "),
    "not a list": ('{"x": {"0": 1, "1": 2}}', 422, "x: "),
    "a string": ('{"x": ["1", 2]}', 422, "x.0: "),
    "a boolean": ('{"x": [1, true]}', 422, "x.1: "),
    "null for a number": ('{"x": [null, 2]}', 422, "x.0: "),
    "NaN": ('{"x": [NaN, 2]}', 422, "x.0: "),
    "infinity": ('{"x": [1, -Infinity]}', 422, "x.1: "),
    "a number that overflows": ('{"x": [1, 1e999]}', 422, "x.1: "),
    "an integer that overflows": (f'{{"x": [1, 1{"0" * 400}]}}', 422, "x.1: "),
    "a number for a boolean": ('{"x": [1, 2], "loud": 1}', 422, "loud: "),
    "an unknown field": ('{"x": [1, 2], "y": 3}', 422, "y: "),
    "too large": (b" " * (BODY_LIMIT + 1), 413, str(BODY_LIMIT)),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_bad_body_is_refused_with_a_reason_and_changes_nothing(case: str) -> None:
    body, status, reason = REFUSED[case]
    before, answer, after = ask(
        ping_service(),
        ("GET", "/metrics", {}),
        ("POST", "/ping", {"content": body, "headers": JSON}),
        ("GET", "/metrics", {}),
    )
    assert answer.status_code == status
    assert reason in answer.json()["error"]
    assert "\n" not in answer.json()["error"]
    assert after.content == before.content


@pytest.mark.parametrize("announced", [None, BODY_LIMIT * 4])
def test_a_body_that_is_too_large_is_not_read_to_its_end(announced: int | None) -> None:
    read = 0

    async def long() -> Any:
        nonlocal read
        for _ in range(BODY_LIMIT * 4 // 1024):
            read += 1024
            yield b" " * 1024

    headers = JSON | ({"Content-Length": str(announced)} if announced else {})
    assert ping(content=long(), headers=headers).status_code == 413
    assert read == (0 if announced else BODY_LIMIT + 1024)


def test_the_wait_for_a_stalled_body_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "BODY_SECONDS", 0.05)

    async def stalled() -> Any:
        yield b'{"x": '
        await asyncio.sleep(60)

    answer = ping(content=stalled(), headers=JSON)
    assert (answer.status_code, list(answer.json())) == (408, ["error"])


def test_a_body_of_the_maximum_size_is_accepted() -> None:
    body = b'{"x": [1, 2]}'.ljust(BODY_LIMIT)
    assert ping(content=body, headers=JSON).json() == {"sum": 3}


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/x-www-form-urlencoded"])
def test_a_body_of_another_content_type_is_refused(content_type: str | None) -> None:
    headers = {"Content-Type": content_type} if content_type else {}
    answer = ping(content=b'{"x": [1, 2]}', headers=headers)
    assert answer.status_code == 415
    assert "application/json" in answer.json()["error"]


# Metrics


def test_metrics_are_the_start_time_and_those_that_the_service_registered() -> None:
    before = time.time()
    service = ping_service()
    counter = BareCounter("dropped", "Requests dropped.", ["treaty"], service.registry)
    counter.create("A")
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


def test_services_in_one_process_do_not_share_metrics() -> None:
    first, second = ping_service(), ping_service()
    ask(first, ("POST", "/ping", {"json": {"x": [1, 2]}}))
    assert "pings_total 1.0" in get(first, "/metrics").text
    assert "pings_total 0.0" in get(second, "/metrics").text
