"""How the way of an edit is followed and divided into steps."""

import time
from pathlib import Path

import pytest
import yaml

from bench import edits, program
from bench.edits import ENDED
from bench.parts import effect
from toolchain.base import UserError

EDITS = (
    {"written": 2.0, "loaded": 2.5, ENDED: 3.0},
    {"written": 4.0, "loaded": 5.0, "evaluated": 15.0, ENDED: 5.5},
)


def test_each_step_is_measured_from_the_one_before_it() -> None:
    found = edits.stage_times(EDITS, effect.STEPS)
    assert found == {"written": [2.0, 4.0], "loaded": [0.5, 1.0], "evaluated": [10.0]}


def test_the_rows_are_the_way_until_an_edit_is_loaded_and_then_its_parts() -> None:
    rows = effect.rows("here", EDITS, effect.STEPS)
    assert [row.value for row in rows] == [3.75, 4.25, 3.0, 0.75, 10.0]
    assert (rows[0].runs, rows[0].spread) == (2, (2.5, 5.0))
    assert rows[-1].note == "after any edit 30s at most, half of it on average"


def test_a_step_is_looked_for_once_those_before_it_have_happened() -> None:
    asked: list[str] = []

    def happens(step: str, *answers: bool) -> bool:
        asked.append(step)
        return answers[min(asked.count(step), len(answers)) - 1]

    codes = iter([None, None, None, 0])
    seen = edits.watch(
        lambda: next(codes),
        {"first": lambda: happens("first", False, True), "second": lambda: happens("second", True)},
        time.monotonic(),
    )
    assert asked == ["first", "first", "second"]
    assert 0 < seen["first"] <= seen["second"] < seen[ENDED]


def test_an_up_that_fails_ends_the_measurement() -> None:
    with pytest.raises(UserError, match="`up` ended with code 255"):
        edits.watch(lambda: 255, {"written": lambda: False}, time.monotonic())


def test_a_step_that_never_happens_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edits, "LIMIT_SECONDS", 0)
    with pytest.raises(UserError, match="written"):
        edits.watch(lambda: 0, {"written": lambda: False}, time.monotonic())


def test_every_file_must_have_the_text(tmp_path: Path) -> None:
    assert not edits.has_text(tmp_path, "*.yml", "new")
    (tmp_path / "one.yml").write_text("new")
    assert edits.has_text(tmp_path, "*.yml", "new")
    (tmp_path / "two.yml").write_text("old")
    assert not edits.has_text(tmp_path, "*.yml", "new")


def test_the_edit_overrides_a_threshold_that_the_rules_have() -> None:
    with program.copy_of_the_program() as root:
        query = edits.set_threshold(root, "local", 0.2)
        text = (root / "Pulumi.local.yaml").read_text(encoding="utf-8")
        rules = yaml.safe_load((root / "rules/alerts/aurora-treaty.yaml").read_text())
    overrides = yaml.safe_load(text)["config"]["vaultmesh:settings"]["rules"]["overrides"]
    assert overrides == {edits.ALERT: {"threshold": 0.2}}
    [rule] = [
        rule
        for group in rules["groups"]
        for rule in group["rules"]
        if rule.get("alert") == edits.ALERT
    ]
    assert rule["expr"].rpartition(" ")[0] == query.rpartition(" ")[0]
