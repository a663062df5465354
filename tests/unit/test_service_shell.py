"""The shell that every service shares."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, ClassVar

import httpx
import pytest
from prometheus_client import Counter
from pydantic import Field
from starlette.exceptions import HTTPException
from starlette.requests import Request

from services.shell import (
    BODY_LIMIT,
    Answer,
    BareCounter,
    Body,
    CommaList,
    ServerSettings,
    Service,
    SettingsError,
    bodies,
    configure_logs,
    load_settings,
    read_body,
)
from tests.unit.asgi import serving

JSON = {"Content-Type": "application/json"}


class PingSettings(ServerSettings):
    service: ClassVar[str] = "ping-pong"
    greeting: str = "hello"
    names: CommaList = ()
    seconds: float = 1


class Ping(Body):
    x: Annotated[tuple[float, ...], Field(min_length=2, max_length=2)]
    loud: bool = False


def ping_service(start: Callable[[], Awaitable[None]] | None = None) -> Service:
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


def ask(service: Service, *requests: tuple[str, str, dict[str, Any]]) -> list[httpx.Response]:
    """The answers to the requests, one after the other, of a service that has started."""

    async def all_of_them() -> list[httpx.Response]:
        async with serving(service) as client:
            await asyncio.sleep(0)
            return [await client.request(method, path, **kw) for method, path, kw in requests]

    return asyncio.run(all_of_them())


def get(service: Service, path: str) -> httpx.Response:
    return ask(service, ("GET", path, {}))[0]


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
def test_a_bad_body_is_refused_with_a_reason_and_nothing_happens(case: str) -> None:
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
def test_a_body_too_large_is_not_read_to_its_end(announced: int | None) -> None:
    read = 0

    async def long() -> Any:
        nonlocal read
        for _ in range(BODY_LIMIT * 4 // 1024):
            read += 1024
            yield b" " * 1024

    headers = JSON | ({"Content-Length": str(announced)} if announced else {})
    answer = ask(ping_service(), ("POST", "/ping", {"content": long(), "headers": headers}))[0]
    assert answer.status_code == 413
    assert read == (0 if announced else BODY_LIMIT + 1024)


def test_a_body_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "_SECONDS", 0.05)

    async def stalled() -> Any:
        yield b'{"x": '
        await asyncio.sleep(60)

    answer = ask(ping_service(), ("POST", "/ping", {"content": stalled(), "headers": JSON}))[0]
    assert (answer.status_code, list(answer.json())) == (408, ["error"])


def test_the_largest_body_is_taken() -> None:
    body = b'{"x": [1, 2]}'.ljust(BODY_LIMIT)
    answer = ask(ping_service(), ("POST", "/ping", {"content": body, "headers": JSON}))[0]
    assert answer.json() == {"sum": 3}


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/x-www-form-urlencoded"])
def test_a_body_of_another_content_type_is_refused(content_type: str | None) -> None:
    headers = {"Content-Type": content_type} if content_type else {}
    body = {"content": b'{"x": [1, 2]}', "headers": headers}
    answer = ask(ping_service(), ("POST", "/ping", body))[0]
    assert answer.status_code == 415
    assert "application/json" in answer.json()["error"]


# Metrics


def test_metrics_are_those_that_the_service_registered_and_no_others() -> None:
    service = ping_service()
    counter = BareCounter("dropped", "Requests dropped.", ["treaty"], service.registry)
    counter.touch("A")
    counter.inc("B", by=2)
    answer = get(service, "/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert answer.text.splitlines() == [
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


# Settings


def test_settings_come_from_the_environment() -> None:
    found = load_settings(
        PingSettings,
        {"PORT": "81", "POD_NAME": "p-1", "PING_PONG_NAMES": "a, b,", "GREETING": "none", "X": "y"},
    )
    assert (found.port, found.pod_name, found.names) == (81, "p-1", ("a", "b"))
    assert found.greeting == "hello"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PORT", "http"),
        ("PORT", "65536"),
        ("POD_NAME", "a b"),
        ("DRAIN_SECONDS", "11"),
        ("LOG_LEVEL", "loud"),
        ("PING_PONG_SECONDS", "s3cret"),
        ("PING_PONG_SECOND", "s3cret"),
        ("PING_PONG_PORT", "80"),
    ],
)
def test_a_wrong_setting_is_one_line_that_names_it_and_not_its_value(
    variable: str, value: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(PingSettings, {variable: value})
    assert str(caught.value).startswith(f"{variable}: ")
    assert "\n" not in str(caught.value)
    assert "s3cret" not in str(caught.value)


# Logs


def test_a_log_line_is_one_json_object_without_the_text_of_the_exception(
    capsys: pytest.CaptureFixture[str],
) -> None:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        configure_logs("ping", "info")
        log = logging.getLogger("test")
        log.debug("unseen")
        log.info("two\nlines", extra={"peer": "ψ"})
        try:
            raise RuntimeError("s3cret")
        except RuntimeError:
            log.exception("failed")
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
    text = capsys.readouterr().err
    first, second = map(json.loads, text.splitlines())
    assert list(first) == ["ts", "level", "service", "message", "fields"]
    assert (first["level"], first["service"], first["message"]) == ("info", "ping", "two\nlines")
    assert first["fields"] == {"peer": "ψ"}
    assert second["fields"]["error"] == "RuntimeError"
    assert "test_service_shell.py" in second["fields"]["at"][-1]
    assert "s3cret" not in text
