"""The command line of a local run, and what it shows."""

import os
from io import StringIO

import pytest

from ops.live.command import main
from ops.live.terminal import Screen


@pytest.mark.parametrize(
    "argument",
    ["--speed=0", "--speed=61", "--speed=fast", "--network=10.0.0", "--network=127.0.256"],
)
def test_a_wrong_option_is_one_line(argument: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([argument])
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert argument.partition("=")[2] in line


def test_an_unknown_scenario_is_refused_with_the_known_ones(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["--scenario=none"]) == 1
    assert "Choose reference" in capsys.readouterr().err


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def test_on_a_terminal_the_table_is_rewritten_in_place_below_the_lines_that_stay() -> None:
    stream = Terminal()
    screen = Screen(stream)
    screen.show_table(["a 1", "b"])
    screen.show_table(["a 2", "b"])
    screen.print_line("said")
    up = "\x1b[2F\x1b[J"
    assert stream.getvalue() == f"a 1\nb\n{up}a 2\nb\n{up}said\na 2\nb\n"


def test_a_table_is_cut_to_the_size_of_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.get_terminal_size", lambda: os.terminal_size((24, 4)))
    stream = Terminal()
    screen = Screen(stream)
    screen.show_table(["x" * 30, "b", "c"])
    screen.show_table(["a", "b", "c", "d"])
    screen.show_table([])
    up = "\x1b[3F\x1b[J"
    assert stream.getvalue() == f"{'x' * 23}\nb\nc\n{up}a\nb\n... and 2 more lines\n{up}"


def test_without_a_terminal_only_new_lines_of_the_table_are_written() -> None:
    stream = StringIO()
    screen = Screen(stream)
    screen.show_table(["a 1", "b"])
    screen.show_table(["a 2", "b"])
    screen.print_line("said")
    screen.show_table(["a 2", "b"])
    assert stream.getvalue() == "a 1\nb\na 2\nsaid\n"
