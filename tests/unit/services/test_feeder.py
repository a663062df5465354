"""The feeder sends every pod the same step, and fails visibly if it can't."""

import asyncio
import math
import socket
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from itertools import chain, repeat
from typing import Any

import pytest

from services.feeder.app import (
    PAUSE_SECONDS,
    TRY_SECONDS,
    FeederSettings,
    Outcome,
    feed,
    feed_once,
    resolve,
    vector,
)
from services.shell import Address, SettingsError, load_settings, parse_address
from tests.support.loopback import Stub, ok, stub, unused_address
from tests.support.services.one_run import run_once


def feed_pods(*lookups: list[str], number: int = 7, timeout_seconds: float = 5) -> Outcome:
    """Feed the pods. Each look-up of them gives the next of `lookups`, then always the last."""
    found = chain(lookups, repeat(lookups[-1]))

    async def find_pods() -> list[Address]:
        return [parse_address(pod) for pod in next(found)]

    return asyncio.run(
        feed(
            find_pods,
            number,
            period_seconds=60,
            apply_guardian=False,
            timeout_seconds=timeout_seconds,
        )
    )


def missed_by(*pods: str, **how: Any) -> dict[str, str]:
    """Feed the pods. Returns the reason for each pod that missed the step."""
    return {str(pod): reason for pod, reason in feed_pods(list(pods), **how).missed.items()}


def run(**settings: str) -> tuple[int, dict[str, Any]]:
    return run_once("feeder", settings)


@pytest.mark.parametrize("number", [0, 1, 29_400_000])
def test_the_vector_is_the_documented_sine(number: int) -> None:
    expected = [math.sin(2 * math.pi * (number / 60 + i / 16)) for i in range(16)]
    assert vector(number) == pytest.approx(expected, abs=1e-6)


def test_consecutive_feedings_differ() -> None:
    assert all(vector(number) != vector(number + 1) for number in range(60))


def test_every_pod_gets_the_same_step_under_the_same_key() -> None:
    with ExitStack() as stack:
        pods = [stack.enter_context(stub()) for _ in range(3)]
        assert missed_by(*(pod.address for pod in pods)) == {}
    seen = [request for pod in pods for request in pod.requests]
    assert len(seen) == 3
    for request in seen:
        assert (request.method, request.path) == ("POST", "/step")
        assert request.json == {"x": vector(7), "apply_guardian": False}
        assert request.headers["idempotency-key"] == "feeder-60-7"


def test_a_later_feeding_has_another_key() -> None:
    with stub() as pod:
        missed_by(pod.address, number=7)
        missed_by(pod.address, number=8)
        missed_by(pod.address, number=7)
    keys = [request.headers["idempotency-key"] for request in pod.requests]
    assert keys[0] == keys[2] != keys[1]


def test_a_pod_that_misses_the_step_is_named_and_the_others_are_fed() -> None:
    gone = unused_address()
    with stub() as good, stub(lambda _: (422, b"wrong length")) as bad:
        missed = missed_by(good.address, bad.address, gone, timeout_seconds=1)
        assert len(good.requests) == 1
    assert missed.keys() == {bad.address, gone}
    assert "422" in missed[bad.address] and "wrong length" in missed[bad.address]
    assert "ConnectError" in missed[gone]


def test_a_pod_that_is_not_ready_is_tried_again_and_a_refusal_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("services.feeder.app.PAUSE_SECONDS", 0.01)
    answers = iter([(503, b"starting"), (503, b"starting"), (200, b"")])
    with stub(lambda _: next(answers)) as starting, stub(lambda _: (409, b"")) as refusing:
        assert missed_by(starting.address, refusing.address).keys() == {refusing.address}
    assert (len(starting.requests), len(refusing.requests)) == (3, 1)


def test_a_pod_whose_answer_is_lost_is_fed_again_under_the_same_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("services.feeder.app.TRY_SECONDS", 0.1)
    monkeypatch.setattr("services.feeder.app.PAUSE_SECONDS", 0.01)
    with stub() as pod:
        pod.answer = lambda seen: pod.hang(seen) if len(pod.requests) == 1 else (200, b"")
        assert missed_by(pod.address) == {}
        first, second = pod.requests
    assert (first.json, first.headers["idempotency-key"]) == (
        second.json,
        second.headers["idempotency-key"],
    )


def test_several_attempts_fit_into_the_time_of_the_settings() -> None:
    assert FeederSettings().timeout_seconds > 3 * (TRY_SECONDS + PAUSE_SECONDS)


def test_a_pod_that_hangs_delays_the_feeder_for_a_limited_time() -> None:
    with stub() as pod:
        pod.answer = pod.hang
        began = time.monotonic()
        (reason,) = missed_by(pod.address, timeout_seconds=0.05).values()
        assert time.monotonic() - began < 2
    assert "no answer, after 0.05 s" in reason


def test_a_pod_that_a_rollout_replaces_is_not_missed_and_its_successor_is_fed() -> None:
    gone = unused_address()
    with stub() as stays, stub() as new:
        lookups = [stays.address, gone], [stays.address, new.address]
        outcome = feed_pods(*lookups, timeout_seconds=1)
    assert outcome.missed == {}
    assert [str(pod) for pod in outcome.fed] == [stays.address, new.address]
    (one,), (other,) = stays.requests, new.requests
    assert one.json == other.json
    assert one.headers["idempotency-key"] == other.headers["idempotency-key"]


def test_a_pod_that_is_gone_after_it_was_fed_counts() -> None:
    with stub() as old, stub() as new:
        outcome = feed_pods([old.address], [new.address])
    assert [str(pod) for pod in outcome.fed] == [old.address, new.address]


def test_a_miss_stays_a_miss_if_the_second_look_up_finds_nothing() -> None:
    gone = unused_address()
    assert [str(pod) for pod in feed_pods([gone], [], timeout_seconds=0.1).missed] == [gone]


def look_up(monkeypatch: pytest.MonkeyPatch, known: Mapping[str, Sequence[str]]) -> None:
    """Let names resolve to these addresses, and all others to nothing."""

    def getaddrinfo(host: str, port: int, family: int = 0, *_: Any) -> list[Any]:
        if host not in known:
            raise socket.gaierror
        kinds = [(socket.AF_INET6 if ":" in ip else socket.AF_INET, ip) for ip in known[host]]
        return [
            (kind, socket.SOCK_STREAM, 6, "", (ip, port))
            for kind, ip in kinds
            if family in (0, kind)
        ]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


def resolved(*targets: str) -> list[str]:
    return [str(pod) for pod in asyncio.run(resolve(map(parse_address, targets)))]


def test_names_resolve_to_all_addresses_without_duplicates(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    known = {"field": ["127.0.1.2", "127.0.1.1"], "127.0.1.1": ["127.0.1.1"]}
    look_up(monkeypatch, known)
    found = resolved("field:8000", "127.0.1.1:8000", "nobody:8000")
    assert found == ["127.0.1.1:8000", "127.0.1.2:8000"]


def test_pods_of_an_ipv6_cluster_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    look_up(monkeypatch, {"field": ["fd00::2", "fd00::1"]})
    assert resolved("field:8000") == ["[fd00::1]:8000", "[fd00::2]:8000"]


def test_a_pod_with_addresses_of_both_kinds_is_one_pod(monkeypatch: pytest.MonkeyPatch) -> None:
    look_up(monkeypatch, {"field": ["fd00::1", "fd00::2", "127.0.1.1", "127.0.1.2"]})
    assert resolved("field:8000") == ["[fd00::1]:8000", "[fd00::2]:8000"]


def test_a_look_up_that_hangs_counts_as_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    # Short, but long enough for the other look-up's thread on a busy machine.
    monkeypatch.setattr("services.feeder.app.LOOKUP_SECONDS", 0.5)
    look_up(monkeypatch, {"slow": ["127.0.1.2"], "127.0.1.1": ["127.0.1.1"]})
    find, go_on = socket.getaddrinfo, threading.Event()

    def hang(host: str, *rest: Any, **more: Any) -> Any:
        assert host != "slow" or go_on.wait(5)
        return find(host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", hang)

    async def scenario() -> list[Address]:
        found = await resolve(map(parse_address, ["slow:8000", "127.0.1.1:8000"]))
        go_on.set()
        return found

    assert asyncio.run(scenario()) == [Address("127.0.1.1", 8000)]


def test_a_target_that_resolves_to_nothing_is_logged_and_too_few(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    look_up(monkeypatch, {})
    target = (Address("nobody", 8000),)
    assert not asyncio.run(feed_once(FeederSettings(target=target)))
    assert {record.getMessage() for record in caplog.records} == {
        "a target resolves to nothing",
        "fed 0 pods, fewer than 1",
    }


def test_the_program_succeeds_when_all_pods_are_fed() -> None:
    with stub() as one, stub() as two:
        code, line = run(target=f"{one.address}, {two.address}", min_pods="2")
    assert code == 0
    assert line["level"] == "info"
    assert line["fields"]["fed"] == sorted([one.address, two.address])
    assert one.requests[0].json == two.requests[0].json


def outcome(pod: Stub, **settings: str) -> tuple[int, dict[str, Any]]:
    return run(**{"target": pod.address, **settings})


def test_the_program_fails_and_names_the_pod_that_was_missed() -> None:
    gone = unused_address()
    with stub(ok) as pod:
        code, line = outcome(pod, target=f"{pod.address},{gone}", timeout_seconds="1")
    assert code == 1
    assert line["level"] == "error"
    assert line["fields"]["fed"] == [pod.address]
    assert line["fields"]["missed"].keys() == {gone}


def test_the_program_fails_when_too_few_pods_are_found() -> None:
    with stub() as pod:
        code, line = outcome(pod, min_pods="2")
    assert code == 1
    assert line["level"] == "error" and "target" in line["fields"]


@pytest.mark.parametrize("target", ["", "psi-field", "http://psi-field:8000"])
def test_a_missing_or_wrong_target_is_refused_in_one_line(target: str) -> None:
    with pytest.raises(SettingsError, match=r"^FEEDER_TARGET: ") as refusal:
        load_settings(FeederSettings, {"FEEDER_TARGET": target})
    assert "\n" not in str(refusal.value)
