"""The treaty service over HTTP."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from services.treaty.app import build
from services.treaty.settings import TreatySettings
from tests.support.in_process import Client, started
from tests.support.loopback import Seen, stub, unused_address

TREATY = "AURORA-AKASH-001"
COUNTERS = ("treaty_requests_total", "treaty_requests_routed", "treaty_dropped_requests")


@contextmanager
def treaty(**settings: Any) -> Iterator[Client]:
    with started(build(TreatySettings(**settings))) as client:
        yield client


def counts(client: Client) -> list[float | None]:
    return [client.metrics().value(name, treaty=TREATY) for name in COUNTERS]


def rates(client: Client) -> list[float | None]:
    names = ("treaty_fill_rate", "treaty_rtt_ms", "treaty_provenance_coverage")
    return [client.metrics().value(name, treaty=TREATY) for name in names]


def test_without_a_downstream_it_answers_itself() -> None:
    with treaty() as client:
        answer = client.post("/requests", json={"id": "a", "provenance": "soak"})
        assert answer.status_code == 200
        assert answer.json()["answer"] == {"id": "a"}
        assert counts(client) == [1, 1, 0]


def test_a_request_reaches_the_downstream_and_its_answer_the_caller() -> None:
    with stub() as downstream, treaty(downstream=f"{downstream.url}/in") as client:
        body = {"id": "a", "payload": {"n": 1}, "provenance": "soak"}
        answer = client.post("/requests", json=body)
        (seen,) = downstream.requests
    assert (seen.method, seen.path, seen.json) == ("POST", "/in", {**body, "treaty": TREATY})
    assert answer.json()["answer"] == {"fine": True}
    assert answer.json()["treaty"] == TREATY


def test_each_request_without_an_id_gets_one_of_its_own() -> None:
    with treaty() as client:
        assert len({client.post("/requests", json={}).json()["id"] for _ in range(3)}) == 3


def test_the_counters_carry_their_names_and_type_as_given() -> None:
    with treaty() as client:
        exposed = client.metrics()
    assert {exposed.types[name] for name in COUNTERS} == {"counter"}
    assert [exposed.value(name, treaty=TREATY) for name in COUNTERS] == [0, 0, 0]


def test_an_untouched_treaty_shows_rates_that_alarm_nobody() -> None:
    with treaty() as client:
        assert rates(client) == [1, 0, 1]


def test_the_rates_follow_the_requests() -> None:
    answers = iter([(200, b""), (200, b""), (500, b""), (200, b"")])
    with stub(lambda _: next(answers)) as downstream, treaty(downstream=downstream.url) as client:
        for provenance in ("soak", None, "soak", "soak"):
            client.post("/requests", json={"provenance": provenance})
        fill_rate, rtt_ms, coverage = rates(client)
    assert (fill_rate, coverage) == (0.75, 0.75)
    assert rtt_ms and 0 < rtt_ms < 1000


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (503, b"", "503"),
        (404, b"", "404"),
        (302, b"", "302"),
        (200, b"<html>", "not JSON"),
        (200, b"[NaN]", "not JSON"),
        (200, b"[" * 60_000, "not JSON"),
        (200, b"1" * 70_000, "65536 bytes"),
    ],
)
def test_a_downstream_that_fails_drops_the_request(status: int, body: bytes, reason: str) -> None:
    with (
        stub(lambda _: (status, body)) as downstream,
        treaty(downstream=downstream.url) as client,
    ):
        answer = client.post("/requests", json={})
        assert answer.status_code == 502
        assert reason in answer.json()["error"]
        assert counts(client) == [1, 0, 1]


def test_a_downstream_that_is_not_there_drops_the_request() -> None:
    with treaty(downstream=f"http://{unused_address()}") as client:
        assert client.post("/requests", json={}).status_code == 502
        assert counts(client) == [1, 0, 1]


def test_a_downstream_that_is_too_slow_drops_the_request() -> None:
    with stub() as downstream:
        downstream.answer = downstream.hang
        with treaty(downstream=downstream.url, timeout_seconds=0.05) as client:
            answer = client.post("/requests", json={})
            assert answer.status_code == 504
            assert "0.05 s" in answer.json()["error"]
            assert counts(client) == [1, 0, 1]


def test_more_requests_at_once_than_allowed_are_dropped_and_the_others_are_not() -> None:
    arrived, go_on = threading.Semaphore(0), threading.Event()

    def wait(_: Seen) -> tuple[int, bytes]:
        arrived.release()
        go_on.wait()
        return 200, b""

    with (
        stub(wait) as downstream,
        treaty(downstream=downstream.url, max_concurrent=2) as client,
        ThreadPoolExecutor() as pool,
    ):
        try:
            first = [pool.submit(client.post, "/requests", json={}) for _ in range(2)]
            for _ in first:
                assert arrived.acquire(timeout=5)
            refused: httpx.Response = client.post("/requests", json={})
        finally:
            go_on.set()
        assert [answer.result().status_code for answer in first] == [200, 200]
        assert refused.status_code == 503
        assert refused.headers["retry-after"] == "1"
        assert client.post("/requests", json={}).status_code == 200
        assert counts(client) == [4, 3, 1]


@pytest.mark.parametrize(
    "body",
    [
        b'{"id": ""}',
        b'{"id": 7}',
        b'{"provenance": " "}',
        b'{"payload": [1]}',
        b'{"payload": {"n": NaN}}',
        b'{"payload": {"n": [1e999]}}',
        b'{"payload": {"n": "\\ud800"}}',
        b'{"nope": 1}',
        b"[]",
        b"{",
        b'{"id": "%s"}' % (b"x" * 70_000),
    ],
)
def test_a_request_that_is_not_well_formed_is_refused_and_counts_nowhere(body: bytes) -> None:
    with treaty() as client:
        answer = client.post(
            "/requests", content=body, headers={"content-type": "application/json"}
        )
        assert 400 <= answer.status_code < 500
        assert answer.json()["error"]
        assert counts(client) == [0, 0, 0]
