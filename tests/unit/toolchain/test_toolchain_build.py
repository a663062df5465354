"""Tools are built once a machine, completely or not at all, and the build shows its progress."""

import dataclasses
import io
import json
import os
import re
import sys
import threading
from pathlib import Path

import pytest

from tests.support.programs import program
from toolchain import golang, progress, tools
from toolchain.base import UserError
from toolchain.golang import Build, ModuleFile

SCHEMA = ModuleFile(module="example.org/module", path="data/schema.json")
SCRIPT = ModuleFile(module="example.org/module", path="data/script")
TOOL = Build(
    module="tool",
    packages=("example.org/tool", "./own"),
    minutes=1.5,
    gib=1,
    variables=("main.v=1",),
    embedded=(("own", SCHEMA),),
    scripts=(SCRIPT,),
    shared=("lines.go",),
)
LIST = "list) echo go: downloading example.org/x; printf 'fmt\\nexample.org/tool\\n' ;;"
DOWNLOAD = """mod) printf '{"Dir": "%s"}' "$HERE/module" ;;"""
BUILD = """build) for out; do case "$out" in */) break;; esac; done
  echo "$*" > "$out/tool"; cp "$3" "$out/own"; echo example.org/tool >&2 ;;"""


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine whose `go build` writes its arguments into one program, and its overlay into the
    other."""
    module = tmp_path / "go" / "tool"
    (module / "own").mkdir(parents=True)
    for file in ("go.mod", "go.sum", "own/main.go"):
        (module / file).write_text(file)
    (tmp_path / "go" / "lines.go").write_text("package main\n")
    (tmp_path / "module" / "data").mkdir(parents=True)
    (tmp_path / "module" / "data" / "script").write_text("#!/bin/sh\n")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for module in (tools, golang):
        monkeypatch.setattr(module, "MODULES", tmp_path / "go")
    monkeypatch.setattr(tools, "TOOLS", {"tool": (TOOL,)})
    monkeypatch.setattr(tools, "require_disk", lambda *_: None)
    go_with(tmp_path, monkeypatch, BUILD)
    return tmp_path


def go_with(folder: Path, monkeypatch: pytest.MonkeyPatch, build: str) -> None:
    """Make the machine's Go count its builds in `calls`; `build` is its case for `go build`."""
    calls = f'HERE="{folder}"; [ "$1" = build ] && echo build >> {folder}/calls'
    go = program(folder, "go-program", calls, 'case "$1" in', LIST, DOWNLOAD, build, "esac")
    monkeypatch.setattr(golang, "find", lambda: go)


def test_a_tool_is_built_once_for_all_clones(machine: Path):
    [folder] = tools.folders(["tool"])
    assert "-X main.v=1" in (folder / "tool").read_text()
    assert tools.folders(["tool"]) == [folder]
    assert (machine / "calls").read_text() == "build\n"


def test_clones_that_build_at_once_end_with_one_whole_tool(machine: Path):
    clones = [threading.Thread(target=tools.folders, args=(["tool"],)) for _ in range(3)]
    for clone in clones:
        clone.start()
    for clone in clones:
        clone.join()
    assert (machine / "calls").read_text() == "build\n"
    assert (tools.folder_of("tool") / "tool").exists()


def test_a_main_of_our_own_sees_files_of_others_and_scripts_lie_beside_the_programs(
    machine: Path,
):
    [folder] = tools.folders(["tool"])
    own = machine / "go/tool/own"
    assert json.loads((folder / "own").read_text()) == {
        "Replace": {
            str(own / "schema.json"): str(machine / "module/data/schema.json"),
            str(own / "lines.go"): str(machine / "go/lines.go"),
        }
    }
    assert os.access(folder / "script", os.X_OK)
    assert sorted(path.name for path in own.iterdir()) == ["main.go"]


def test_a_build_says_how_long_it_takes_and_how_far_it_is(
    machine: Path, capsys: pytest.CaptureFixture[str]
):
    tools.folders(["tool"])
    shown = capsys.readouterr().err.splitlines()
    assert shown[0] == "building tool, once on this machine: about 2 min on 2 idle cores"
    steps = [re.sub(r", \d+ s done", " done", line) for line in shown]
    assert "tool (1 of 1): sources: 1 modules fetched done" in steps
    assert steps[-1] == "tool (1 of 1): 1 of 2 packages compiled done"


@pytest.mark.parametrize("file", ["go.mod", "go.sum", "own/main.go", "../lines.go"])
def test_a_changed_pin_makes_another_tool(machine: Path, file: str):
    before = tools.folder_of("tool")
    (machine / "go" / "tool" / file).write_text("changed\n")
    assert tools.folder_of("tool") != before


def test_a_main_that_another_tool_compiles_makes_no_other_tool(machine: Path):
    before = tools.folder_of("tool")
    (machine / "go" / "tool" / "other").mkdir()
    (machine / "go" / "tool" / "other" / "main.go").write_text("package main\n")
    assert tools.folder_of("tool") == before


def test_another_estimate_is_no_other_tool(machine: Path, monkeypatch: pytest.MonkeyPatch):
    before = tools.folder_of("tool")
    monkeypatch.setattr(tools, "TOOLS", {"tool": (dataclasses.replace(TOOL, minutes=9, gib=9),)})
    assert tools.folder_of("tool") == before


def test_a_failed_build_leaves_no_tool_and_says_why_and_where(
    machine: Path, monkeypatch: pytest.MonkeyPatch
):
    go_with(machine, monkeypatch, "build) echo 'x.go:1: error: no good'; echo; exit 1 ;;")
    with pytest.raises(UserError) as refused:
        tools.folders(["tool"])
    log = machine / "cache" / "vaultmesh-observability" / "logs" / "tool-build.log"
    assert str(refused.value) == f"tool (1 of 1) failed: x.go:1: error: no good. See {log}."
    assert not tools.folder_of("tool").exists()
    assert not list(tools.cache().glob("build-part-*"))


PACKAGES = [
    (build.module, package)
    for builds in tools.TOOLS.values()
    for build in builds
    for package in build.packages
]


@pytest.mark.parametrize(("module", "package"), PACKAGES)
def test_every_program_is_pinned(module: str, package: str):
    folder = tools.MODULES / module
    ours = package.startswith("./") and (folder / package / "main.go").exists()
    pinned = f"\t{package}\n" in (folder / "go.mod").read_text().replace("tool ", "\t")
    assert ours or pinned, f"toolchain/go/{module} has no {package}. Run `go get -tool {package}`."


class Terminal(io.StringIO):
    """Text that takes itself for a terminal."""

    def isatty(self) -> bool:
        """Yes."""
        return True


def slow(stream: io.StringIO, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The progress of a program that compiles two packages and takes a second to."""
    monkeypatch.setattr(progress, "PLAIN_INTERVAL", 0.2)
    script = "import time\nfor p in 'ab': print('example.org/' + p, flush=True); time.sleep(0.6)"
    progress.run(
        [sys.executable, "-c", script],
        task="pulumi 1 of 4",
        log=tmp_path / "log",
        count={"^example": "packages compiled"},
        env={"PATH": os.environ["PATH"]},
        stream=stream,
    )
    assert (tmp_path / "log").read_text() == "example.org/a\nexample.org/b\n"
    return stream.getvalue()


def test_progress_in_a_log_is_a_line_now_and_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    lines = slow(io.StringIO(), tmp_path, monkeypatch).splitlines()
    shown = [re.sub(r"\d+ s", "N s", line) for line in lines]
    assert "pulumi 1 of 4: 1 packages compiled, N s ..." in shown
    assert shown[-1] == "pulumi 1 of 4: 2 packages compiled, N s done"


def test_a_log_gets_a_line_every_15_seconds_and_a_terminal_every_blink():
    def lines(stream: io.StringIO) -> int:
        now = [0.0]
        shown = progress.Progress("task", stream, clock=lambda: now[0])
        for now[0] in (0.0, 0.1, 7.0, 14.9, 15.0, 29.9, 31.0):
            shown.tick()
        return stream.getvalue().count("task:")

    assert lines(io.StringIO()) == 3
    assert lines(Terminal()) == 5


def test_progress_on_a_terminal_is_one_line_rewritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    text = slow(Terminal(), tmp_path, monkeypatch)
    assert text.count("\n") == 1
    last = text.rpartition("\r\x1b[K")[2]
    assert re.fullmatch(r"pulumi 1 of 4: 2 packages compiled, \d+ s done\n", last)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (59.4, "59 s"), (60, "1 min 00 s"), (425, "7 min 05 s")]
)
def test_durations_are_readable(seconds: float, text: str):
    assert progress.duration(seconds) == text
