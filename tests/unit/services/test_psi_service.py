"""Steps sent to a psi-field pod, and its settings."""

import asyncio
import json
import math
from typing import Any

import pytest

from services.psi_field import app as psi_service
from services.psi_field.app import build
from services.psi_field.engine import METRICS
from services.psi_field.settings import PsiFieldSettings
from services.shell import BODY_LIMIT, SettingsError, load_settings
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
    uncounted,
)

# Steps


def test_before_the_first_step_metrics_are_zero_and_after_it_those_of_the_answer() -> None:
    before, answer, after = ask(METRICS_CALL, step(), METRICS_CALL)
    assert shown(before.text) == dict.fromkeys(METRICS, 0)
    assert shown(after.text) == answer.json()["metrics"]
    assert answer.json()["metrics"]["density"] > 0
    assert answer.json()["peers"] == {"took": 0, "missed": 0}
    assert answer.json()["step"] == {"counter": 1, "pod": "psi-0"}


def test_a_step_without_the_guardian_is_a_step_with_it_off() -> None:
    (plain,) = ask(step({"x": X}))
    (guarded,) = ask(step({"x": [9] * 16, "apply_guardian": True}))
    (unguarded,) = ask(step({"x": [9] * 16, "apply_guardian": False}))
    assert plain.json()["metrics"] == ask(step())[0].json()["metrics"]
    assert guarded.json()["metrics"]["prediction_error"] == 0.5
    assert unguarded.json()["metrics"]["prediction_error"] == pytest.approx(1)


def test_the_metrics_name_the_engine_and_count_steps_and_their_time() -> None:
    *_, metrics = ask(step(), step(), step({"x": []}), METRICS_CALL)
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
def test_a_bad_step_changes_nothing_but_the_count_of_refusals(case: str) -> None:
    body, status = BAD_STEPS[case]
    bad: Call = ("POST", "/step", {"content": body, "headers": JSON})
    _, before, window, answer, after, same_window = ask(
        step(), METRICS_CALL, WINDOW_CALL, bad, METRICS_CALL, WINDOW_CALL
    )
    assert answer.status_code == status
    assert list(answer.json()) == ["error"]
    assert uncounted(after.text) == uncounted(before.text)
    assert same_window.content == window.content
    assert f'step_requests_total{{code="{status}"}} 1.0' in after.text


def test_a_step_under_a_key_counts_once_and_its_key_fits_no_other_step() -> None:
    first, again, other, odd, window = ask(
        step(**{"Idempotency-Key": "minute-1"}),
        step(**{"Idempotency-Key": "minute-1"}),
        step({"x": [0] * 16}, **{"Idempotency-Key": "minute-1"}),
        step(**{"Idempotency-Key": "a b"}),
        WINDOW_CALL,
    )
    assert again.json() == first.json()
    assert (other.status_code, odd.status_code) == (422, 400)
    assert "Idempotency-Key" in other.json()["error"]
    assert len(window.json()["entries"]) == 1


def test_no_step_is_taken_before_the_field_is_taken_over() -> None:
    async def scenario() -> None:
        settings = ALONE.model_copy(update={"peers": ("127.0.9.9:9",), "takeover_seconds": 0.4})
        async with serving(build(settings)) as client:
            early = await client.post("/step", json=STEP)
            assert (early.status_code, early.headers["retry-after"]) == (503, "1")
            assert (await client.get("/ready")).status_code == 503
            await asyncio.sleep(1)
            assert (await client.get("/ready")).status_code == 200
            late = await client.post("/step", json=STEP)
            assert late.json()["peers"] == {"took": 0, "missed": 1}

    asyncio.run(scenario())


def test_an_engine_that_fails_costs_the_step_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken:
        def step(self, x: Any, apply_guardian: bool) -> dict[str, float]:
            raise ValueError("s3cret")

    monkeypatch.setattr(psi_service, "load_engine", lambda: ("broken", Broken))
    push: Call = ("POST", "/window", {"json": {"entries": [entry()]}})
    before, answer, pushed, after = ask(METRICS_CALL, step(), push, METRICS_CALL)
    assert (answer.status_code, pushed.status_code) == (500, 500)
    assert uncounted(after.text) == uncounted(before.text)
    assert "s3cret" not in answer.text + caplog.text
    assert [record.getMessage() for record in caplog.records] == ["the engine failed"] * 2


# Settings


@pytest.mark.parametrize("peers", ["psi", "psi:", ":8000", "psi:0", "psi:65536", "psi:8000,b"])
def test_a_peer_that_is_no_name_and_port_is_a_wrong_setting(peers: str) -> None:
    with pytest.raises(SettingsError, match=r"^PSI_FIELD_PEERS: "):
        load_settings(PsiFieldSettings, {"PSI_FIELD_PEERS": peers})


def test_peers_are_a_list_or_none() -> None:
    assert load_settings(PsiFieldSettings, {"PSI_FIELD_PEERS": ""}).peers == ()
    found = load_settings(PsiFieldSettings, {"PSI_FIELD_PEERS": "psi:8000, [::1]:80"})
    assert found.peers == ("psi:8000", "[::1]:80")
