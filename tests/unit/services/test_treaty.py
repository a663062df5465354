"""The treaty routes requests, counts them, and shows the rates of the recent ones."""

import gzip
import json
import pickle
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest import approx

from services.shell import SettingsError, load_settings
from services.treaty.app import TreatySettings, build
from services.treaty.metrics import Rates, RecentRequests
from tests.support.loopback import StubRequest, stub, unused_address
from tests.support.services.in_process import Client, running_service

TREATY = "AURORA-AKASH-001"
COUNTERS = ("treaty_requests_total", "treaty_requests_routed", "treaty_dropped_requests")


@contextmanager
def treaty(**settings: Any) -> Iterator[Client]:
    with running_service(build(TreatySettings(**settings))) as client:
        yield client


def counts(client: Client) -> list[float | None]:
    return [client.metrics().value(name, treaty=TREATY) for name in COUNTERS]


def rates(client: Client) -> list[float | None]:
    names = ("treaty_fill_rate", "treaty_rtt_ms", "treaty_provenance_coverage")
    return [client.metrics().value(name, treaty=TREATY) for name in names]


def test_without_a_downstream_the_treaty_answers_itself() -> None:
    with treaty() as client:
        answer = client.post("/requests", json={"id": "a", "provenance": "soak"})
        assert answer.status_code == 200
        assert answer.json()["answer"] == {"id": "a"}
        assert counts(client) == [1, 1, 0]


def test_a_request_reaches_the_downstream_and_the_answer_reaches_the_caller() -> None:
    with stub() as downstream, treaty(downstream=f"{downstream.url}/in") as client:
        body = {"id": "a", "payload": {"n": 1}, "provenance": "soak"}
        answer = client.post("/requests", json=body)
        (seen,) = downstream.requests
    assert (seen.method, seen.path, seen.json) == ("POST", "/in", {**body, "treaty": TREATY})
    assert answer.json()["answer"] == {"fine": True}
    assert answer.json()["treaty"] == TREATY


def test_each_request_without_an_id_gets_its_own() -> None:
    with treaty() as client:
        assert len({client.post("/requests", json={}).json()["id"] for _ in range(3)}) == 3


def test_the_counters_keep_their_given_names_and_start_at_zero() -> None:
    with treaty() as client:
        exposed = client.metrics()
    assert {exposed.types[name] for name in COUNTERS} == {"counter"}
    assert [exposed.value(name, treaty=TREATY) for name in COUNTERS] == [0, 0, 0]


def test_a_treaty_without_requests_shows_healthy_rates() -> None:
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
        (200, b"[1e999]", "not JSON"),
        (200, b"-1%b.5" % (b"0" * 400), "not JSON"),
        (200, b"1" * 5000, "not JSON"),
        (200, b'"\\ud800"', "not JSON"),
        (200, b'{"\\udc00": 1}', "not JSON"),
        (200, b'"\xff"', "not JSON"),
        (200, b'"\xed\xa0\x80"', "not JSON"),
        (200, gzip.compress(b"{}", mtime=0), "not JSON"),
        (200, b"[" * 60_000, "not JSON"),
        (200, b"[" * 960 + b"]" * 960, "not JSON"),
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


@pytest.mark.parametrize(
    "body", [b"[" * 200 + b"]" * 200, b"1" * 4300, b"1e308", b'"\\ud83d\\ude00\\u0000"']
)
def test_an_odd_answer_that_any_parser_takes_reaches_the_caller(body: bytes) -> None:
    with stub(lambda _: (200, body)) as downstream, treaty(downstream=downstream.url) as client:
        answer = client.post("/requests", json={})
        assert (answer.status_code, answer.json()["answer"]) == (200, json.loads(body))
        assert counts(client) == [1, 1, 0]


def test_an_unreachable_downstream_drops_the_request() -> None:
    with treaty(downstream=f"http://{unused_address()}") as client:
        assert client.post("/requests", json={}).status_code == 502
        assert counts(client) == [1, 0, 1]


def test_a_slow_downstream_drops_the_request() -> None:
    with stub() as downstream:
        downstream.answer = downstream.hang
        with treaty(downstream=downstream.url, timeout_seconds=0.05) as client:
            answer = client.post("/requests", json={})
            assert answer.status_code == 504
            assert "0.05 s" in answer.json()["error"]
            assert counts(client) == [1, 0, 1]


def test_only_concurrent_requests_above_the_limit_are_dropped() -> None:
    arrived, go_on = threading.Semaphore(0), threading.Event()

    def wait(_: StubRequest) -> tuple[int, bytes]:
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


def test_a_treaty_whose_connections_do_not_suffice_for_its_requests_is_refused() -> None:
    load_settings(TreatySettings, {"TREATY_MAX_CONCURRENT": "255"})
    with pytest.raises(SettingsError, match=r"^MAX_CONNECTIONS must be more"):
        load_settings(TreatySettings, {"TREATY_MAX_CONCURRENT": "256"})


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
def test_a_malformed_request_is_refused_and_not_counted(body: bytes) -> None:
    with treaty() as client:
        answer = client.post(
            "/requests", content=body, headers={"content-type": "application/json"}
        )
        assert 400 <= answer.status_code < 500
        assert answer.json()["error"]
        assert counts(client) == [0, 0, 0]


# The rates of recent requests

SECONDS = 300
SLICE = 5

requests = st.lists(
    st.tuples(
        st.integers(0, SECONDS),
        st.one_of(st.none(), st.floats(0, 10_000)),
        st.booleans(),
    ),
    min_size=1,
    max_size=50,
)


def recent(*seen: tuple[float, float | None, bool]) -> RecentRequests:
    made = RecentRequests(SECONDS)
    for now, rtt_ms, provenance in seen:
        made.add(now, rtt_ms=rtt_ms, provenance=provenance)
    return made


def test_rates_are_shares_of_the_recent_requests() -> None:
    rates = recent((1, 100, True), (2, 200, False), (3, None, True), (4, None, True)).rates()
    assert rates == Rates(fill_rate=0.5, rtt_ms=150, provenance_coverage=0.75)


def test_a_request_before_the_period_no_longer_counts() -> None:
    assert recent((0, None, False), (SECONDS, 10, True)).rates().fill_rate == 1
    assert recent((0, None, False), (SECONDS - SLICE, 10, True)).rates().fill_rate == 0.5


def test_an_idle_treaty_keeps_the_rates_of_its_last_traffic() -> None:
    seen = [(0.2 * n, 118.7 if n % 20 != 19 else None, n % 20 != 0) for n in range(1100)]
    assert seen[-1][1] is None
    rates = recent(*seen).rates()
    assert (rates.fill_rate, rates.rtt_ms) == (approx(0.95), approx(118.7))
    assert rates.provenance_coverage == approx(0.95)


def test_the_round_trip_time_keeps_its_last_value_while_every_request_is_dropped() -> None:
    made = recent((0, 40, True), (2 * SECONDS, None, True))
    assert made.rates() == Rates(fill_rate=0, rtt_ms=40, provenance_coverage=1)


def test_memory_does_not_grow_with_the_traffic() -> None:
    def size(requests: int) -> int:
        return len(pickle.dumps(recent(*((n / 10, 1, True) for n in range(requests)))))

    assert size(20_000) <= 1.2 * size(3000)


@given(requests)
def test_the_rates_equal_those_counted_from_each_request(
    seen: list[tuple[int, float | None, bool]],
) -> None:
    now, timed = 0, []
    for pause, rtt_ms, provenance in seen:
        now += pause
        timed.append((now, rtt_ms, provenance))
    kept = [one for one in timed if one[0] // SLICE > now // SLICE - 60]
    rates = recent(*timed).rates()
    assert rates.fill_rate == approx(sum(r is not None for _, r, _ in kept) / len(kept))
    assert rates.provenance_coverage == approx(sum(p for _, _, p in kept) / len(kept))
    if routed := [rtt_ms for _, rtt_ms, _ in kept if rtt_ms is not None]:
        assert rates.rtt_ms == approx(sum(routed) / len(routed))
