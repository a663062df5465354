"""Dashboards for another Grafana, and the command that writes them."""

import json
from pathlib import Path
from typing import Any

import pytest

from ops.live.processes import LiveError
from ops.pictures import command
from ops.pictures.boards import INPUT, Boards, for_import, read_boards
from tests.unit.ops.test_pictures_page import panel, results, series


@pytest.fixture
def boards(rendered: Path) -> Boards:
    return read_boards(rendered / "1-manifest")


def sources(value: Any) -> list[str]:
    """Every data source that the JSON refers to."""
    if isinstance(value, list):
        return [uid for item in value for uid in sources(item)]
    if not isinstance(value, dict):
        return []
    own = [value["uid"]] if value.get("type") == "prometheus" and "uid" in value else []
    return own + [uid for item in value.values() for uid in sources(item)]


def test_an_import_asks_for_the_data_source_and_uses_it_everywhere(boards: Boards) -> None:
    for board in boards.all:
        written = json.loads(for_import(board.model))
        (asked,) = written["__inputs"]
        assert (asked["name"], asked["pluginId"]) == (INPUT, "prometheus")
        assert set(sources(written)) == {f"${{{INPUT}}}"}
        # Each panel, each variable, each annotation.
        expected = len(board.charts) + len(board.variables) + len(board.annotations)
        assert len(sources(written)) == len(sources(board.model)) == expected


def test_the_export_differs_from_the_provisioned_dashboard_in_the_data_source_only(
    boards: Boards,
) -> None:
    for board in boards.all:
        written = json.loads(for_import(board.model).replace(f"${{{INPUT}}}", "prometheus"))
        assert written.pop("__inputs")
        assert written == {**board.model, "editable": True}


def arguments(rendered: Path, out: Path) -> list[str]:
    return [f"--manifests={rendered / '1-manifest'}", f"--out={out}", f"--state={out / 'state'}"]


def test_a_stack_that_does_not_come_up_is_one_line_and_the_json_is_there(
    rendered: Path,
    boards: Boards,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise LiveError("Prometheus has no data for any panel of the dashboard X: see logs")

    monkeypatch.setattr(command, "collect", fail)
    monkeypatch.setattr("toolchain.browser.find", lambda: "/bin/false")
    assert command.main(arguments(rendered, tmp_path)) == 1
    assert capsys.readouterr().err == (
        "error: Prometheus has no data for any panel of the dashboard X: see logs\n"
    )
    for board in boards.all:
        assert (tmp_path / f"{board.name}.json").read_text() == for_import(board.model)


@pytest.mark.parametrize(
    ("program", "expected"), [(None, "No browser is found"), ("/bin/false", "ended with code 1")]
)
def test_a_browser_that_is_missing_or_fails_is_one_line(
    program: str | None,
    expected: str,
    rendered: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("toolchain.browser.find", lambda: program)
    drawn = results((panel("stat"), [series([1])]))
    monkeypatch.setattr(command, "collect", lambda *_, **__: [drawn])
    assert command.main(arguments(rendered, tmp_path)) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ") and expected in line
    assert not list(tmp_path.glob("*.png"))


def test_a_folder_that_can_t_be_written_is_one_line(
    rendered: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    assert command.main(arguments(rendered, tmp_path / "file")) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ") and "can't be written" in line


def test_without_manifests_the_error_names_the_command_to_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main([f"--manifests={tmp_path}"]) == 1
    assert capsys.readouterr().err == f"error: {tmp_path}: holds no stack. Run `make up` first.\n"


@pytest.mark.parametrize("minutes", ["9", "121", "ten", "-60"])
def test_a_wrong_number_of_minutes_is_one_line(
    minutes: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main([f"--minutes={minutes}"])
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert minutes in line
