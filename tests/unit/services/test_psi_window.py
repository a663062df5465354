"""What the peers of a psi-field pod may say to it, and what it says to them."""

import asyncio
import json
import math
from typing import Any

import pytest

from services.psi_field.app import build
from services.psi_field.history import AHEAD, WINDOW, Entry, merge
from services.psi_field.messages import Window
from services.shell import BODY_LIMIT
from tests.support.asgi import serving
from tests.support.psi_pod import (
    ALONE,
    JSON,
    METRICS_CALL,
    STEP,
    WINDOW_CALL,
    Call,
    X,
    ask,
    entry,
    shown,
    step,
)


def test_pushed_entries_are_taken_in_and_shown() -> None:
    push: Call = ("POST", "/window", {"json": {"entries": [entry(1), entry(2, x=[1] * 16)]}})
    taken, window, metrics, after = ask(push, WINDOW_CALL, METRICS_CALL, step())
    assert taken.json() == {"incarnation": window.json()["incarnation"]}
    assert [one["counter"] for one in window.json()["entries"]] == [1, 2]
    assert shown(metrics.text)["density"] > 0
    assert after.json()["step"]["counter"] == 3


@pytest.mark.parametrize("counter", [2 + AHEAD, 2**52, 2**53])
def test_a_counter_far_ahead_is_refused_and_steps_go_on(counter: int) -> None:
    push: Call = ("POST", "/window", {"json": {"entries": [entry(2), entry(counter)]}})
    near: Call = ("POST", "/window", {"json": {"entries": [entry(1 + AHEAD)]}})
    _, refused, window, after, taken = ask(step(), push, WINDOW_CALL, step(), near)
    assert refused.status_code == 422
    assert "counter" in refused.json()["error"]
    assert [one["counter"] for one in window.json()["entries"]] == [1]
    assert (after.status_code, after.json()["step"]["counter"]) == (200, 2)
    assert taken.status_code == 200


BAD_PUSHES: dict[str, Any] = {
    "no entries": {"entries": []},
    "too many entries": {"entries": [entry(n) for n in range(1, WINDOW + 2)]},
    "a counter of 0": {"entries": [entry(0)]},
    "a counter as text": {"entries": [entry(counter="1")]},
    "a fractional counter": {"entries": [entry(counter=1.5)]},
    "a counter without bounds": {"entries": [entry(2**53 + 1)]},
    "an odd pod": {"entries": [entry(pod="a b")]},
    "an odd incarnation": {"entries": [entry(incarnation="x")]},
    "an odd key": {"entries": [entry(key="")]},
    "no guardian": {"entries": [{k: v for k, v in entry().items() if k != "apply_guardian"}]},
    "15 numbers": {"entries": [entry(x=X[1:])]},
    "NaN": {"entries": [entry(x=[math.nan, *X[1:]])]},
    "a boolean": {"entries": [entry(x=[True, *X[1:]])]},
    "one bad among good": {"entries": [entry(7), entry(8, x=[])]},
    "an unknown field": {"entries": [entry()], "more": 1},
}


@pytest.mark.parametrize("case", BAD_PUSHES)
def test_a_bad_push_is_refused_as_a_whole_and_changes_nothing(case: str) -> None:
    bad: Call = ("POST", "/window", {"content": json.dumps(BAD_PUSHES[case]), "headers": JSON})
    _, before, metrics, answer, after, same_metrics = ask(
        step(), WINDOW_CALL, METRICS_CALL, bad, WINDOW_CALL, METRICS_CALL
    )
    assert answer.status_code == 422
    assert answer.json()["error"].startswith(("entries", "more"))
    assert after.content == before.content
    assert same_metrics.content == metrics.content


def test_an_unchanged_window_is_not_sent_again() -> None:
    async def scenario() -> None:
        async with serving(build(ALONE)) as client:
            await asyncio.sleep(0.01)
            etag = (await client.get("/window")).headers["etag"]
            same = await client.get("/window", headers={"If-None-Match": etag})
            assert (same.status_code, same.content) == (304, b"")
            await client.post("/step", json=STEP)
            other = await client.get("/window", headers={"If-None-Match": etag})
            assert other.status_code == 200
            assert other.headers["etag"] != etag

    asyncio.run(scenario())


def test_the_largest_window_fits_into_a_message() -> None:
    longest = tuple(-1.2345678901234567e-300 for _ in range(16))
    entries = [
        Entry(
            counter=2**53 - number,
            pod="p" * 253,
            incarnation="f" * 16,
            key=f"{number:064}",
            x=longest,
            apply_guardian=False,
        )
        for number in range(WINDOW)
    ]
    window = Window(incarnation="f" * 16, established=False, entries=merge(entries, ()))
    assert len(window.entries) == WINDOW
    assert len(window.model_dump_json()) <= BODY_LIMIT
