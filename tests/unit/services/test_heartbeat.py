"""The heartbeat sends limited traffic, and fails if the treaty does not answer."""

import asyncio
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.heartbeat.app import HeartbeatSettings, Outcome, has_provenance, send_traffic
from services.shell import SettingsError, load_settings
from services.treaty.app import TreatyRequest
from tests.support.loopback import StubRequest, stub, unused_address
from tests.support.services.one_run import run_once


def run_traffic(target: str, **settings: Any) -> Outcome:
    defaults = {"requests": 20, "per_second": 1000, "duration_seconds": 5}
    return asyncio.run(send_traffic(HeartbeatSettings(target=target, **{**defaults, **settings})))


def run(target: str, **settings: str) -> tuple[int, dict[str, Any]]:
    variables = {"target": target, "requests": "3", "per_second": "100", **settings}
    return run_once("heartbeat", variables)


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make `asyncio.sleep` move the loop's clock forward instead of waiting."""
    sleep, skipped = asyncio.sleep, 0.0

    async def skip(seconds: float) -> None:
        nonlocal skipped
        skipped += max(seconds, 0)
        asyncio.get_running_loop().time = lambda: time.monotonic() + skipped
        await sleep(0)

    monkeypatch.setattr(asyncio, "sleep", skip)


def test_the_treaty_accepts_the_requests_and_a_share_carries_provenance() -> None:
    with stub() as treaty:
        outcome = run_traffic(f"{treaty.url}/", provenance_share=0.95)
    assert outcome.answers == {200: 20} and outcome.is_success
    ready, *requests = treaty.requests
    assert (ready.method, ready.path) == ("GET", "/ready")
    assert {(seen.method, seen.path) for seen in requests} == {("POST", "/requests")}
    taken = [TreatyRequest.model_validate(seen.json) for seen in requests]
    assert len({request.id for request in taken}) == 20
    assert sum(request.provenance is not None for request in taken) == 19


@given(st.floats(0, 1), st.integers(1, 300))
def test_the_share_with_provenance_holds_for_any_number_of_requests(share: float, n: int) -> None:
    assert sum(has_provenance(number, share) for number in range(n)) == int(n * share)


def test_no_request_is_sent_early() -> None:
    arrivals = []

    def note(seen: StubRequest) -> tuple[int, bytes]:
        if seen.path == "/requests":
            arrivals.append(time.monotonic())
        return 200, b""

    with stub(note) as treaty:
        began = time.monotonic()
        run_traffic(treaty.url, requests=3, per_second=5)
    assert len(arrivals) == 3
    assert all(arrival - began >= number / 5 for number, arrival in enumerate(arrivals))


def test_it_ends_in_time_even_if_the_treaty_is_slow() -> None:
    with stub() as treaty:
        treaty.answer = lambda seen: (200, b"") if seen.path == "/ready" else treaty.hang(seen)
        began = time.monotonic()
        outcome = run_traffic(treaty.url, timeout_seconds=0.1, duration_seconds=0.25)
        assert time.monotonic() - began < 2
    assert not outcome.is_success
    assert outcome.unanswered + outcome.unsent == 20 and outcome.unsent > 0


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_dropped_request_counts_as_answered(status: int) -> None:
    with stub(lambda seen: (200 if seen.path == "/ready" else status, b"")) as treaty:
        assert run_traffic(treaty.url).is_success


def test_nothing_is_sent_before_the_treaty_is_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.heartbeat.app.PAUSE_SECONDS", 0.01)
    readiness = iter([503, 503, 200])
    with stub() as treaty:
        treaty.answer = lambda seen: (next(readiness) if seen.path == "/ready" else 200, b"")
        outcome = run_traffic(treaty.url, requests=2)
    assert outcome.is_success and outcome.last_error is None
    assert [seen.path for seen in treaty.requests] == ["/ready"] * 3 + ["/requests"] * 2


def test_a_readiness_question_that_times_out_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.heartbeat.app.PAUSE_SECONDS", 0.01)
    with stub() as treaty:
        treaty.answer = lambda seen: treaty.hang(seen) if len(treaty.requests) == 1 else (200, b"")
        assert run_traffic(treaty.url, timeout_seconds=0.3).is_success


@pytest.mark.usefixtures("no_pauses")
def test_a_treaty_that_does_not_become_ready_gets_no_requests() -> None:
    with stub(lambda _: (503, b"starting")) as treaty:
        outcome = run_traffic(treaty.url, duration_seconds=20)
        assert {seen.path for seen in treaty.requests} == {"/ready"}
    assert not outcome.is_success and outcome.unsent == 20
    assert outcome.last_error == "not ready: answered 503: starting, after 20 s"


@pytest.mark.parametrize("status", [302, 404, 422, 500])
def test_any_other_status_is_a_failure(status: int) -> None:
    with stub(lambda _: (status, b"")) as treaty:
        assert not run_traffic(treaty.url).is_success


def test_the_program_succeeds_when_the_treaty_answers() -> None:
    with stub() as treaty:
        code, line = run(treaty.url)
    assert code == 0
    assert line["fields"]["answers"] == {"200": 3}


@pytest.mark.usefixtures("no_pauses")
def test_without_a_treaty_nothing_is_sent() -> None:
    outcome = run_traffic(f"http://{unused_address()}", duration_seconds=20)
    assert not outcome.is_success and outcome.unsent == 20
    assert outcome.last_error is not None and "ConnectError" in outcome.last_error


def test_the_program_fails_with_one_line_when_the_treaty_does_not_answer_as_it_should() -> None:
    with stub(lambda _: (500, b"")) as treaty:
        code, line = run(treaty.url)
        target = treaty.url
    assert code == 1
    assert line["level"] == "error"
    assert line["fields"] == {
        "target": target,
        "answers": {"500": 3},
        "unanswered": 0,
        "unsent": 0,
        "last_error": None,
    }


@pytest.mark.parametrize("target", ["http://h?x=1", "http://h/a?", "http://h#x"])
def test_a_target_that_is_no_beginning_of_a_url_is_refused(target: str) -> None:
    with pytest.raises(SettingsError, match=r"^HEARTBEAT_TARGET: has a query or a fragment\."):
        load_settings(HeartbeatSettings, {"HEARTBEAT_TARGET": target})


def test_settings_with_more_requests_than_fit_into_the_duration_are_refused() -> None:
    with pytest.raises(SettingsError, match="HEARTBEAT_DURATION_SECONDS") as refusal:
        load_settings(HeartbeatSettings, {"HEARTBEAT_REQUESTS": "1000"})
    assert "\n" not in str(refusal.value)
    load_settings(HeartbeatSettings, {})
