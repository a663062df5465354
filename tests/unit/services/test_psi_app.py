"""A psi-field pod over HTTP: steps from callers, and the exchange of histories with peers."""

import asyncio
import json
import math
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from services.psi_field.app import PsiFieldSettings, build
from services.psi_field.engine import METRICS
from services.psi_field.history import MAX_ENTRIES, MAX_LEAD, Entry
from services.psi_field.peers import MESSAGE_LIMIT, PeerHistory
from services.shell import BODY_LIMIT, Address
from tests.support.services.asgi import JSON, Call, serving, wait_until_ready
from tests.support.services.exposition import parse
from tests.support.services.psi_pod import (
    ALONE,
    CALLED_BY_PEER,
    GET_HISTORY,
    GET_METRICS,
    STEP,
    X,
    ask,
    entry_json,
    field_metrics,
    post_entries,
    post_step,
    without_request_counts,
)

# Steps


def test_metrics_are_zero_before_the_first_step_and_those_of_the_answer_after_it() -> None:
    before, answer, after = ask(GET_METRICS, post_step(), GET_METRICS)
    assert field_metrics(before.text) == dict.fromkeys(METRICS, 0)
    assert field_metrics(after.text) == answer.json()["metrics"]
    assert answer.json()["metrics"]["density"] > 0
    assert answer.json()["peers"] == {"took": 0, "missed": 0}
    assert answer.json()["at_risk"] is False
    assert answer.json()["step"] == {"counter": 1, "pod": "psi-0"}


def test_the_guardian_is_off_by_default() -> None:
    (plain,) = ask(post_step({"x": X}))
    (guarded,) = ask(post_step({"x": [9] * 16, "apply_guardian": True}))
    (unguarded,) = ask(post_step({"x": [9] * 16, "apply_guardian": False}))
    assert plain.json()["metrics"] == ask(post_step())[0].json()["metrics"]
    assert guarded.json()["metrics"]["prediction_error"] == 0.5
    assert unguarded.json()["metrics"]["prediction_error"] == pytest.approx(1)


def test_the_metrics_name_the_engine_and_count_steps_and_their_time() -> None:
    *_, metrics = ask(post_step(), post_step(), post_step({"x": []}), GET_METRICS)
    assert 'psi_field_engine_info{engine="fallback"} 1.0' in metrics.text
    assert 'psi_field_step_requests_total{code="200"} 2.0' in metrics.text
    assert 'psi_field_step_requests_total{code="422"} 1.0' in metrics.text
    assert "psi_field_step_duration_seconds_count 2.0" in metrics.text
    assert 'psi_field_step_duration_seconds_bucket{le="0.25"}' in metrics.text


BAD_STEPS: dict[str, tuple[str | bytes, int]] = {
    "no JSON": ("{", 400),
    "no vector": ("{}", 422),
    "15 numbers": (json.dumps({"x": [0] * 15}), 422),
    "17 numbers": (json.dumps({"x": [0] * 17}), 422),
    "NaN": (json.dumps({"x": [math.nan] + [0] * 15}), 422),
    "infinity": (json.dumps({"x": [0] * 15 + [math.inf]}), 422),
    "overflow": ('{"x": [' + "0," * 15 + "1e999]}", 422),
    "a string": (json.dumps({"x": ["0"] + [0] * 15}), 422),
    "a boolean": (json.dumps({"x": [True] + [0] * 15}), 422),
    "null": (json.dumps({"x": [None] + [0] * 15}), 422),
    "a nested list": (json.dumps({"x": [[0] * 16]}), 422),
    "a number as guardian": (json.dumps({"x": X, "apply_guardian": 1}), 422),
    "null as guardian": (json.dumps({"x": X, "apply_guardian": None}), 422),
    "an unknown field": (json.dumps({"x": X, "guardian": True}), 422),
    "too large": (json.dumps(STEP).encode().ljust(BODY_LIMIT + 1), 413),
}


@pytest.mark.parametrize("case", BAD_STEPS)
def test_a_bad_step_changes_only_the_count_of_refusals(case: str) -> None:
    body, status = BAD_STEPS[case]
    bad: Call = ("POST", "/step", {"content": body, "headers": JSON})
    _, before, history, answer, after, same_history = ask(
        post_step(), GET_METRICS, GET_HISTORY, bad, GET_METRICS, GET_HISTORY
    )
    assert answer.status_code == status
    assert list(answer.json()) == ["error"]
    assert without_request_counts(after.text) == without_request_counts(before.text)
    assert same_history.content == history.content
    assert f'step_requests_total{{code="{status}"}} 1.0' in after.text


def test_a_step_counts_once_under_its_key_which_is_valid_for_no_other_step() -> None:
    first, again, other, invalid, history = ask(
        post_step(**{"Idempotency-Key": "minute-1"}),
        post_step(**{"Idempotency-Key": "minute-1"}),
        post_step({"x": [0] * 16}, **{"Idempotency-Key": "minute-1"}),
        post_step(**{"Idempotency-Key": "a b"}),
        GET_HISTORY,
    )
    assert again.json() == first.json()
    assert (other.status_code, invalid.status_code) == (422, 400)
    assert "Idempotency-Key" in other.json()["error"]
    assert len(history.json()["entries"]) == 1


def test_a_pod_takes_no_step_before_it_has_taken_the_field_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("services.psi_field.sharing.PAUSE_SECONDS", 0.01)

    async def scenario() -> None:
        settings = PsiFieldSettings(peers=(Address("127.0.9.9", 9),), takeover_seconds=1.5)
        async with serving(build(settings)) as client:
            early = await client.post("/step", json=STEP)
            assert (early.status_code, early.headers["retry-after"]) == (503, "1")
            assert (await client.get("/ready")).status_code == 503
            await wait_until_ready(client)
            late = await client.post("/step", json=STEP)
            assert late.json()["peers"] == {"took": 0, "missed": 1}
            assert late.json()["at_risk"] is True

    asyncio.run(scenario())


def test_steps_are_refused_while_too_many_are_under_way() -> None:
    async def scenario() -> None:
        settings = ALONE.model_copy(update={"max_concurrent": 3})
        async with serving(build(settings)) as client:
            await wait_until_ready(client)
            answers = await asyncio.gather(*(client.post("/step", json=STEP) for _ in range(9)))
            assert sorted(answer.status_code for answer in answers) == [200] * 3 + [503] * 6
            refusals = [answer for answer in answers if answer.status_code == 503]
            assert {answer.headers["retry-after"] for answer in refusals} == {"1"}
            assert (await client.post("/step", json=STEP)).json()["step"]["counter"] == 4

    asyncio.run(scenario())


async def slow_body(go_on: asyncio.Event) -> AsyncGenerator[bytes]:
    """The body of STEP; all but its first byte waits for `go_on`."""
    yield b"{"
    await go_on.wait()
    yield json.dumps(STEP).encode()[1:]


def test_a_body_that_arrives_slowly_keeps_no_other_step_out() -> None:
    async def scenario() -> None:
        go_on = asyncio.Event()
        settings = ALONE.model_copy(update={"max_concurrent": 1})
        async with serving(build(settings)) as client:
            await wait_until_ready(client)
            slow = asyncio.create_task(client.post("/step", content=slow_body(go_on), headers=JSON))
            await asyncio.sleep(0.01)
            assert (await client.post("/step", json=STEP)).json()["step"]["counter"] == 1
            go_on.set()
            assert (await slow).json()["step"]["counter"] == 2

    asyncio.run(scenario())


def test_steps_whose_bodies_end_at_once_are_not_more_than_may_be_under_way() -> None:
    async def scenario() -> None:
        go_on = asyncio.Event()
        settings = ALONE.model_copy(update={"max_concurrent": 1})
        async with serving(build(settings)) as client:
            await wait_until_ready(client)
            posts = [client.post("/step", content=slow_body(go_on), headers=JSON) for _ in range(3)]
            slow = [asyncio.create_task(post) for post in posts]
            await asyncio.sleep(0.01)
            go_on.set()
            codes = [answer.status_code for answer in await asyncio.gather(*slow)]
            assert sorted(codes) == [200, 503, 503]

    asyncio.run(scenario())


def test_a_repeated_step_is_answered_with_its_own_metrics() -> None:
    key = {"Idempotency-Key": "minute-1"}
    first, later, again = ask(post_step(**key), post_step({"x": [1] * 16}), post_step(**key))
    assert again.json() == first.json()
    assert later.json()["metrics"] != first.json()["metrics"]


# The exchange of histories


def test_only_a_peer_may_add_to_the_history_and_anybody_may_read_it() -> None:
    push = post_entries(entry_json())
    history, refused, after, metrics = ask(GET_HISTORY, push, GET_HISTORY, GET_METRICS)
    assert (refused.status_code, list(refused.json())) == (403, ["error"])
    assert after.content == history.content
    assert 'psi_field_step_requests_total{code="403"}' not in metrics.text


def test_a_push_is_told_the_steps_that_its_keys_belong_to() -> None:
    theirs = entry_json(1, pod="a", key="k", x=[1] * 16)
    own, receipt, history = ask(
        post_step(**{"Idempotency-Key": "k"}),
        post_entries(theirs),
        GET_HISTORY,
        settings=CALLED_BY_PEER,
    )
    assert own.json()["step"] == {"counter": 1, "pod": "psi-0"}
    assert receipt.json()["conflicts"] == history.json()["entries"]
    assert [one["pod"] for one in history.json()["entries"]] == ["psi-0"]


def test_pushed_entries_change_the_field() -> None:
    push = post_entries(entry_json(1), entry_json(2, x=[1] * 16))
    receipt, history, metrics, after = ask(
        push, GET_HISTORY, GET_METRICS, post_step(), settings=CALLED_BY_PEER
    )
    assert receipt.json() == {"incarnation": history.json()["incarnation"], "conflicts": []}
    assert [one["counter"] for one in history.json()["entries"]] == [1, 2]
    assert field_metrics(metrics.text)["density"] > 0
    assert after.json()["step"]["counter"] == 3


@pytest.mark.parametrize("counter", [2 + MAX_LEAD, 2**52, 2**53])
def test_a_counter_far_ahead_is_refused_and_steps_go_on(counter: int) -> None:
    far = post_entries(entry_json(2), entry_json(counter))
    near = post_entries(entry_json(1 + MAX_LEAD))
    _, refused, history, after, accepted = ask(
        post_step(), far, GET_HISTORY, post_step(), near, settings=CALLED_BY_PEER
    )
    assert refused.status_code == 422
    assert "counter" in refused.json()["error"]
    assert [one["counter"] for one in history.json()["entries"]] == [1]
    assert (after.status_code, after.json()["step"]["counter"]) == (200, 2)
    assert accepted.status_code == 200


BAD_PUSHES: dict[str, Any] = {
    "no entries": {"entries": []},
    "too many entries": {"entries": [entry_json(n) for n in range(1, MAX_ENTRIES + 2)]},
    "a counter of 0": {"entries": [entry_json(0)]},
    "a counter as text": {"entries": [entry_json(counter="1")]},
    "a fractional counter": {"entries": [entry_json(counter=1.5)]},
    "a counter without bounds": {"entries": [entry_json(2**53 + 1)]},
    "an invalid pod": {"entries": [entry_json(pod="a b")]},
    "an invalid incarnation": {"entries": [entry_json(incarnation="x")]},
    "an invalid key": {"entries": [entry_json(key="")]},
    "no guardian": {"entries": [{k: v for k, v in entry_json().items() if k != "apply_guardian"}]},
    "15 numbers": {"entries": [entry_json(x=X[1:])]},
    "NaN": {"entries": [entry_json(x=[math.nan, *X[1:]])]},
    "a boolean": {"entries": [entry_json(x=[True, *X[1:]])]},
    "one bad among good": {"entries": [entry_json(7), entry_json(8, x=[])]},
    "an unknown field": {"entries": [entry_json()], "more": 1},
}


@pytest.mark.parametrize("case", BAD_PUSHES)
def test_a_bad_push_is_refused_as_a_whole_and_changes_nothing(case: str) -> None:
    bad: Call = ("POST", "/window", {"content": json.dumps(BAD_PUSHES[case]), "headers": JSON})
    _, before, metrics, answer, after, same_metrics = ask(
        *(post_step(), GET_HISTORY, GET_METRICS, bad, GET_HISTORY, GET_METRICS),
        settings=CALLED_BY_PEER,
    )
    assert answer.status_code == 422
    assert answer.json()["error"].startswith(("entries", "more"))
    assert after.content == before.content
    assert same_metrics.content == metrics.content


def test_a_scrape_shows_the_digest_of_the_history() -> None:
    *scrapes, history = ask(GET_METRICS, post_step(), GET_METRICS, GET_HISTORY)
    before, after = (
        parse(scrape.text).value("psi_field_history_digest") for scrape in scrapes[::2]
    )
    assert before != after == int(history.headers["etag"].strip('"')[:12], 16)


def test_an_unchanged_history_is_not_sent_again() -> None:
    async def scenario() -> None:
        async with serving(build(ALONE)) as client:
            await wait_until_ready(client)
            etag = (await client.get("/window")).headers["etag"]
            same = await client.get("/window", headers={"If-None-Match": etag})
            assert (same.status_code, same.content) == (304, b"")
            await client.post("/step", json=STEP)
            other = await client.get("/window", headers={"If-None-Match": etag})
            assert other.status_code == 200
            assert other.headers["etag"] != etag

    asyncio.run(scenario())


def test_a_pod_is_not_ready_while_its_engine_is_broken_and_recovers_without_a_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "broken"
    source = f"""
from pathlib import Path
from services.psi_field.engine import FallbackPsiEngine

broken = Path({str(broken)!r})
if broken.exists():
    raise OSError

class PsiEngine(FallbackPsiEngine):
    def step(self, x, apply_guardian):
        if broken.exists():
            import os
            os._exit(1)
        return super().step(x, apply_guardian)
"""
    (tmp_path / "vaultmesh_psi.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    async def scenario() -> None:
        settings = ALONE.model_copy(update={"sync_seconds": 0.02})
        async with serving(build(settings)) as client:
            await wait_until_ready(client)
            broken.touch()
            assert (await client.post("/step", json=STEP)).status_code == 500
            unready = await client.get("/ready")
            assert unready.status_code == 503
            assert unready.json() == {"error": "the engine failed: OSError:"}
            broken.unlink()
            await wait_until_ready(client)
            assert (await client.post("/step", json=STEP)).status_code == 200

    asyncio.run(scenario())


def test_the_largest_history_fits_into_a_message() -> None:
    longest = tuple(-1.2345678901234567e-300 for _ in range(16))
    entry = Entry(
        counter=2**53,
        pod="p" * 253,
        incarnation="f" * 16,
        key="k" * 64,
        x=longest,
        apply_guardian=False,
    )
    entries = (entry,) * MAX_ENTRIES
    history = PeerHistory(incarnation="f" * 16, established=False, entries=entries)
    assert len(history.model_dump_json()) <= MESSAGE_LIMIT
