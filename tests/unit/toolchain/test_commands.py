"""The commands behind `make`, the test levels, and the commands that automation calls."""

import re
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml

from tests.support.programs import program
from toolchain import browser, changes, commands, judges, levels, stacks, tools
from toolchain.base import CLONE, UserError
from toolchain.node import host, images


def test_the_makefile_offers_exactly_the_commands() -> None:
    targets = re.findall(r"^([a-z-]+):.*## ", (CLONE / "Makefile").read_text(), re.MULTILINE)
    assert set(targets) == {"help", *commands.VERBS}


def test_clean_removes_what_the_commands_made_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(commands, "CLONE", tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", "/cache-of-the-user")
    for made in (".venv/bin", ".state", "rendered/local", "stacks/__pycache__"):
        (tmp_path / made).mkdir(parents=True)
    for file in (".coverage", "Pulumi.yaml", "Pulumi.local.yaml"):
        (tmp_path / file).touch()
    commands.main(["clean"])
    kept = {path.name for path in tmp_path.iterdir()}
    assert kept == {"Pulumi.yaml", "Pulumi.local.yaml", "stacks"}
    assert "/cache-of-the-user/vaultmesh-observability" in capsys.readouterr().out


def test_a_failure_is_one_line_and_code_1(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        commands.main(["no-such-verb"])
    assert str(ended.value).startswith("error: there is no command 'no-such-verb'. Choose one of")


class TestLevels:
    """`make test` and `make check` with every program recorded and none run."""

    @pytest.fixture
    def codes(self) -> dict[str, int]:
        """The exit code of each level's pytest; 0 unless a test sets it."""
        return {}

    @pytest.fixture
    def ran(
        self, codes: dict[str, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> list[list[str]]:
        """The arguments of each pytest, from the tests' path on."""
        ran: list[list[str]] = []

        def run(command: Sequence[str], environment: object, cwd: Path) -> int:
            level = next(name for name in levels.LEVELS if f"{name}.xml" in " ".join(command))
            first = next(i for i, word in enumerate(command) if word.startswith("tests/"))
            assert command[3 : first - 1] == [*levels.LEVELS[level].options]
            ran.append(list(command[first:]))
            code = codes.get(level, 0)
            report = tmp_path / "tests" / f"{level}.xml"
            report.parent.mkdir(exist_ok=True)
            counts = f'tests="12" failures="{code}" errors="0" skipped="1"'
            report.write_text(f"<testsuites><testsuite {counts}/></testsuites>")
            return code

        monkeypatch.setattr(levels, "run_and_wait", run)
        monkeypatch.setattr(levels, "state", lambda: tmp_path)
        monkeypatch.setattr(browser, "ensure", lambda: ran.append(["browser"]))
        monkeypatch.setattr(judges, "ensure", lambda: ran.append(["judges"]))
        monkeypatch.setattr(host, "missing", lambda: None)
        monkeypatch.setattr(host, "ensure", lambda: ran.append(["packages"]))
        monkeypatch.setattr(images, "build", lambda: ran.append(["images"]))
        monkeypatch.setattr(stacks, "base_environment", lambda: ({"PATH": "/bin"}, Path("pulumi")))
        monkeypatch.setattr(tools, "folders", lambda names: [Path("/tools", n) for n in names])
        return ran

    def test_every_folder_of_tests_is_a_level(self) -> None:
        folders = {path.parts[-2] for path in (CLONE / "tests").glob("*/conftest.py")}
        assert folders == set(levels.LEVELS)

    def test_every_level_runs_with_the_arguments(self, ran: list[list[str]]) -> None:
        assert levels.run(levels.LEVELS, ["-k", "grafana"]) == 0
        assert ran[:4] == [["judges"], ["browser"], ["packages"], ["images"]]
        assert ran[4:] == [[f"tests/{level}", "-k", "grafana"] for level in levels.LEVELS]

    def test_paths_choose_levels_and_what_they_need(self, ran: list[list[str]]) -> None:
        paths = ["tests/unit/rules", "tests/engine/test_secrets.py::test_a"]
        assert levels.run(levels.LEVELS, [*paths, "-x"]) == 0
        assert ran[0] == ["judges"]
        assert ran[1:] == [
            ["tests/unit/rules", "-x"],
            ["tests/engine/test_secrets.py::test_a", "-x"],
        ]

    def test_the_unit_level_needs_no_built_tool(
        self, ran: list[list[str]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(stacks, "base_environment", lambda: pytest.fail("it builds Pulumi"))
        monkeypatch.setattr(tools, "folders", lambda names: [*map(pytest.fail, names)])
        assert levels.run(["unit"], []) == 0
        assert ran == [["tests/unit"]]

    def test_a_failed_level_fails_the_command_and_the_others_still_run(
        self, ran: list[list[str]], codes: dict[str, int], capsys: pytest.CaptureFixture[str]
    ) -> None:
        codes |= {"unit": levels.NOTHING_SELECTED, "rules": 1}
        assert levels.run(["unit", "rules", "engine"], []) == 1
        assert ran == [["judges"], ["tests/unit"], ["tests/rules"], ["tests/engine"]]
        summary = capsys.readouterr().out.splitlines()[-2:]
        assert [" ".join(line.split()) for line in summary] == [
            "rules 10 passed, 1 failures, 1 skipped 0 s",
            "engine 11 passed, 1 skipped 0 s",
        ]

    def test_arguments_that_select_no_test_are_refused(
        self, ran: list[list[str]], codes: dict[str, int]
    ) -> None:
        codes |= dict.fromkeys(levels.LEVELS, levels.NOTHING_SELECTED)
        with pytest.raises(UserError, match="no test is selected by -k nothing"):
            levels.run(levels.LEVELS, ["-k", "nothing"])


def test_up_checks_a_plan_before_it_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = stacks.Run(command=["pulumi"], environment={}, root=tmp_path)
    happened: list[object] = []
    monkeypatch.setattr(stacks, "plan", lambda *_, root: run)
    monkeypatch.setattr(changes, "require_fresh", lambda *checked: happened.append(checked))
    monkeypatch.setattr(commands.os, "execve", lambda *_: happened.append("started"))
    monkeypatch.chdir(tmp_path)
    commands.run_pulumi("up", ["--stack=staging", "--yes", "--plan=a.json"], tmp_path)
    assert happened == [(run, "staging", Path("a.json")), "started"]


@pytest.mark.parametrize("broken", ["ruff", "basedpyright", "actionlint"])
def test_lint_runs_every_check_and_names_those_that_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    for name in ("ruff", "basedpyright", "actionlint"):
        program(tmp_path, name, f"echo {name} >> {tmp_path}/ran", f"exit {int(name == broken)}")
    monkeypatch.setattr(commands, "VENV_BIN", tmp_path)
    monkeypatch.setattr(tools, "folders", lambda names: [tmp_path])
    with pytest.raises(UserError, match=f"^{broken}.* failed"):
        commands.lint()
    ran = (tmp_path / "ran").read_text().split()
    assert ran == ["ruff", "ruff", "basedpyright", "actionlint"]


def test_pre_commit_runs_what_make_lint_runs() -> None:
    config = yaml.safe_load((CLONE / ".pre-commit-config.yaml").read_text())
    [repository] = config["repos"]
    [hook] = repository["hooks"]
    assert (repository["repo"], hook["language"], hook["entry"]) == ("local", "system", "make lint")
    assert hook["always_run"] and not hook["pass_filenames"]
