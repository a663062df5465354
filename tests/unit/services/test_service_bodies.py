"""What a service makes of the bodies it is sent."""

import asyncio
from typing import Any

import pytest

from services.shell import (
    BODY_LIMIT,
    bodies,
)
from tests.support.ping import JSON, ask, ping_service

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
