"""The table, the pictures and the file of results."""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from bench import __main__ as command
from bench import pictures, results
from bench.results import Curve, Goal, Matrix, PartResult, Row
from ops.numbers import NOTHING
from tests.support.recording import ROOT
from toolchain.base import UserError

CURVE = Curve(
    name="growth",
    title="Growth",
    size="pods",
    unit="s",
    lines={"a": [(1, 0.001), (10, 0.02), (1000, 3)], "b": [(1, 0), (10, 0.5)]},
)
HALF = Row(
    what="ours",
    value=3.0,
    unit="s",
    beside="theirs",
    beside_value=1.5,
    goal=Goal(comparison="≤", limit=1.9),
)
RATE = Row(what="rate", value=6000, goal=Goal(comparison="≥", limit=5000), note="of rules")
FAULTS = Matrix(title="Faults", header=["", "ours"], rows=[["a syntax error", "found"]])
RESULT = PartResult(
    date="2026-01-02 03:04 UTC",
    commit="abc",
    machine="2 cores",
    seconds=61.2,
    python_seconds=0.028,
    rows=[HALF, RATE],
    curves=[CURVE],
    matrices=[FAULTS],
)


def test_a_goal_limits_the_ratio_if_there_is_one_else_the_value() -> None:
    assert HALF.cells() == ("ours", "3 s", "theirs: 1.5 s", "2 times", "≤ 1.9 times", "**missed**")
    number = "6\N{NARROW NO-BREAK SPACE}000"
    limit = "5\N{NARROW NO-BREAK SPACE}000"
    assert RATE.cells() == ("rate (of rules)", number, "", "", f"≥ {limit}", "met")


def test_a_row_says_of_how_many_runs_it_is_the_median() -> None:
    assert replace(RATE, runs=5).cells()[0] == "rate (of rules; 5 runs)"
    assert replace(HALF, runs=1).cells()[0] == "ours (1 run)"


def test_a_row_shows_the_lowest_and_the_highest_of_its_runs() -> None:
    assert replace(HALF, runs=3, spread=(1.9, 2.25)).cells()[1] == "3 s"
    assert replace(HALF, runs=3, spread=(1.9, 2.25)).cells()[3] == "2 times (1.9 to 2.25)"
    alone = Row(what="ours", value=3.0, unit="s", runs=3, spread=(2.5, 4.0))
    assert alone.cells()[1] == "3 s (2.5 s to 4 s)"
    assert replace(alone, runs=1).cells()[1] == "3 s"


def test_results_survive_their_file(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    assert results.load(path) == {}
    results.save({"one": RESULT}, path)
    found = results.load(path)["one"]
    assert (found.rows, found.date, found.seconds) == (RESULT.rows, RESULT.date, RESULT.seconds)
    assert pictures.svg(found.curves[0]) == pictures.svg(CURVE)
    assert found.matrices == RESULT.matrices


def test_the_page_shows_only_the_parts_that_were_measured() -> None:
    page = results.markdown({"one": RESULT}, {"one": "Part one", "two": "Part two"})
    assert f"| **Part one** | {' | '.join(HALF.cells())} |" in page
    assert "![Growth](pictures/growth.svg)" in page
    assert "## Faults\n\n|  | ours |\n|---|---|\n| a syntax error | found |\n" in page
    assert "Part two" not in page


def test_the_page_says_how_fast_the_machine_was_if_that_was_measured() -> None:
    old = replace(RESULT, python_seconds=None, ended=False)
    page = results.markdown({"one": RESULT, "two": old}, {"one": "Part one", "two": "Part two"})
    assert "| one | 2026-01-02 03:04 UTC | abc | 61 s | 28 ms |\n" in page
    assert f"| two | 2026-01-02 03:04 UTC | abc | 61 s, then failed | {NOTHING} |\n" in page


def test_a_picture_places_each_positive_point() -> None:
    root = ElementTree.fromstring(pictures.svg(CURVE))
    lines = [line.attrib["points"].split() for line in root.iter() if "points" in line.attrib]
    assert [len(points) for points in lines] == [3, 1]
    heights = [float(point.split(",")[1]) for point in lines[0]]
    assert heights == sorted(heights, reverse=True)


def test_the_page_and_the_pictures_are_those_of_the_kept_results() -> None:
    kept = results.load()
    assert command.PARTS.keys() <= kept.keys() <= command.ALL.keys(), "run `make bench`"
    page = (ROOT / "bench/results.md").read_text(encoding="utf-8")
    assert page == results.markdown(kept, command.ALL), "run `make bench`"
    assert not any("/" in result.machine for result in kept.values()), "a path of one machine"
    drawn = {f"{curve.name}.svg": curve for result in kept.values() for curve in result.curves}
    folder = ROOT / "bench/pictures"
    assert {path.name for path in folder.glob("*")} == drawn.keys()
    for name, curve in drawn.items():
        assert (folder / name).read_text(encoding="utf-8") == pictures.svg(curve), name


def test_a_new_result_deletes_the_pictures_of_old_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "FOLDER", tmp_path)
    monkeypatch.setattr(results, "save", lambda _: None)
    command.write({"size": RESULT})
    command.write({"size": replace(RESULT, curves=[replace(CURVE, name="other")])})
    assert [path.name for path in (tmp_path / "pictures").iterdir()] == ["other.svg"]


def fail_at_the_end(*_: object, **__: object) -> Iterator[Row]:
    yield HALF
    raise UserError("no disk is left")


@pytest.mark.parametrize("known", [{}, {"size": replace(RESULT, ended=False)}])
def test_a_part_that_fails_keeps_what_it_has_found(
    known: dict[str, PartResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[PartResult] = []
    monkeypatch.setattr(command, "measure", fail_at_the_end)
    monkeypatch.setattr(command, "write", lambda found: written.append(found["size"]))
    monkeypatch.setattr(results, "load", lambda: {**known})
    with pytest.raises(UserError, match="no disk is left"):
        command.main(["size"])
    assert [(result.rows, result.ended) for result in written] == [([HALF], False)]


def test_a_part_that_fails_keeps_the_whole_result_of_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(command, "measure", fail_at_the_end)
    monkeypatch.setattr(command, "write", lambda _: pytest.fail("it is lost"))
    monkeypatch.setattr(results, "load", lambda: {"size": RESULT})
    with pytest.raises(UserError, match="no disk is left"):
        command.main(["size"])


def test_a_part_that_ends_replaces_its_result(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[PartResult] = []
    monkeypatch.setattr(command, "measure", lambda *_, **__: (row for row in [RATE]))
    monkeypatch.setattr(command, "write", lambda found: written.append(found["size"]))
    monkeypatch.setattr(results, "load", lambda: {"size": RESULT})
    assert command.main(["size"]) == 0
    assert [(result.rows, result.ended) for result in written] == [([RATE], True)]
    assert (written[0].python_seconds or 0) > 0


def test_a_part_beside_all_others_counts_from_its_start() -> None:
    def beside(*_: object, **__: object) -> Iterator[Row | None]:
        yield None
        yield RATE

    began = time.monotonic()
    running = command.run_part("soak", beside())
    assert next(running) is None
    time.sleep(0.2)
    *_, result = running
    assert result and 0.2 <= result.seconds <= time.monotonic() - began


def test_an_unknown_part_is_refused() -> None:
    with pytest.raises(UserError, match="there is no part 'fast'"):
        command.main(["fast"])
