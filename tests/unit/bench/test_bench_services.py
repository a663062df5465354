"""The arithmetic of the benchmarks of the services."""

import base64
import json
from collections.abc import Generator
from dataclasses import replace
from typing import Any

import pytest

from bench import __main__ as command
from bench import agreement, results
from bench.agreement import Sight
from bench.load import Load, Target, read_report
from bench.parts import services, soak
from bench.parts.services import Turn
from bench.results import Finding, Row
from toolchain.base import UserError


def report(codes: dict[str, int], **changes: Any) -> str:
    own = {
        "requests": sum(codes.values()),
        "duration": 1_900_000_000,
        "wait": 100_000_000,
        "latencies": {"50th": 4_000_000, "99th": 25_000_000},
        "status_codes": codes,
        "errors": ["503 Service Unavailable"],
    }
    return json.dumps(own | changes)


def load(rate: float) -> Load:
    return Load(
        requests=100, succeeded=100, seconds=100 / rate, p50=0.001, p99=0.01, cpu_seconds=0.01
    )


def test_a_rate_counts_what_succeeded_until_the_last_answer() -> None:
    found = read_report(report({"200": 90, "201": 10, "503": 20}), cpu_seconds=0.5)
    assert (found.requests, found.succeeded, found.seconds, found.rate) == (120, 100, 2, 50)
    assert (found.p50, found.p99) == (0.004, 0.025)


@pytest.mark.parametrize("codes", [{"0": 10}, {"503": 10}, {}])
def test_a_load_that_fails_as_a_whole_is_an_error(codes: dict[str, int]) -> None:
    with pytest.raises(UserError, match="a load failed"):
        read_report(report(codes), cpu_seconds=0)


def test_a_target_is_one_line_with_its_body() -> None:
    line = Target(method="POST", url="http://127.0.0.1/step", body={"x": [1]}).line()
    assert line.endswith("\n")
    assert json.loads(base64.b64decode(json.loads(line)["body"])) == {"x": [1]}


def test_a_goal_limits_the_share_of_the_bare_endpoint_s_median_rate() -> None:
    ours = [Turn(load=load(rate), cpu_seconds=0.0004) for rate in (100, 260, 400)]
    theirs = [Turn(load=load(rate), cpu_seconds=0.0002) for rate in (900, 1000, 5000)]
    rate, cpu, *_, successes = services.compare("/step", ours, theirs, least_rate=0.25, most_cost=3)
    assert rate.ratio == pytest.approx(0.26) and rate.meets_goal
    assert cpu.ratio == pytest.approx(2) and cpu.meets_goal
    assert {rate.runs, cpu.runs} == {3}
    assert successes.value == 1 and successes.meets_goal


def test_one_failed_request_of_either_side_misses_a_goal() -> None:
    whole = Turn(load=load(100), cpu_seconds=0.0004)
    failed = replace(whole, load=replace(whole.load, succeeded=99))
    for ours, theirs in ((failed, whole), (whole, failed)):
        *_, successes = services.compare("/step", [whole, ours], [theirs, whole])
        assert successes.value == 0.99 and not successes.meets_goal


@pytest.mark.parametrize(
    ("step", "shown", "past"),
    [
        ((5, "b"), True, False),
        ((5, "a"), False, False),
        ((3, "b"), False, True),
        ((4, "a"), False, True),
        ((7, "a"), False, False),
    ],
)
def test_a_history_shows_only_the_steps_it_has(
    step: tuple[int, str], shown: bool, past: bool
) -> None:
    entries = [{"counter": counter, "pod": "b"} for counter in (4, 5, 6)]
    counter, pod = step
    looked_for = {"counter": counter, "pod": pod}
    assert agreement.is_shown(looked_for, entries) is shown
    assert agreement.is_past(looked_for, entries) is past


def test_an_empty_history_may_still_get_each_step() -> None:
    step = {"counter": 1, "pod": "a"}
    assert not agreement.is_shown(step, []) and not agreement.is_past(step, [])


def test_one_late_step_in_a_hundred_misses_the_goal_of_the_first_look() -> None:
    early = Sight(seconds=0.002, step_seconds=0.004, at_once=True, look_seconds=0.001)
    late = Sight(seconds=0.3, step_seconds=0.1, at_once=False, look_seconds=0.001)
    half, slowest, whole, at_once = agreement.rows([early] * 97 + [late] * 3, rate=0, goal=0.05)
    assert (half.value, half.ratio, slowest.value, at_once.value) == (0.002, 2, 0.3, 0.97)
    assert whole.value == 0.4
    assert (slowest.meets_goal, at_once.meets_goal) == (False, False)


def test_memory_is_flat_after_an_early_jump_and_not_if_it_grows_steadily() -> None:
    jump = [(second, 1e6 + 262144 * (second > 20)) for second in range(100)]
    leak = [(second, 1e6 + 1000 * second) for second in range(100)]
    flat, growing = soak.rows({"a": jump, "b": leak}, seconds=100)
    assert flat.meets_goal and flat.ratio == 1
    assert (growing.value, growing.beside_value) == (1_096_000, 1_033_000)
    assert not growing.meets_goal


def test_readings_after_the_load_do_not_hide_that_memory_grew() -> None:
    leak = [(second, 1e6 + 1000 * second) for second in range(101)]
    idle = [(second, 1e6) for second in range(101, 2000)]
    [row] = soak.rows({"a": [*leak, *idle]}, seconds=100)
    assert row.value > 1_090_000 and not row.meets_goal


def test_the_soak_begins_before_the_other_parts_and_ends_after_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    events: list[str] = []

    def measure(part: str, *, smoke: bool) -> Generator[Finding | None]:
        try:
            events.append(f"{part} begins")
            if part == "soak":
                yield None
            if part == "services" and not smoke:
                raise UserError("it broke")
            yield Row(what=part, value=1)
            events.append(f"{part} measured")
        finally:
            events.append(f"{part} ends")

    monkeypatch.setattr(command, "measure", measure)
    monkeypatch.setattr(results, "load", dict)
    assert command.main(["--smoke", "soak", "services"]) == 0
    whole = ["soak begins", "services begins", "services measured", "services ends"]
    assert events == [*whole, "soak measured", "soak ends"]
    events.clear()
    with pytest.raises(UserError, match="it broke"):
        command.main(["soak", "services"])
    assert events == ["soak begins", "services begins", "services ends", "soak ends"]
