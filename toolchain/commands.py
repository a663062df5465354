"""The commands behind `make`."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from toolchain import packages
from toolchain.base import CLONE, VENV, VENV_BIN, VENV_PYTHON, UserError, cache, run_and_wait

GENERATED = (
    *(".venv", ".state", "rendered", "reports", ".coverage"),
    *(".pytest_cache", ".ruff_cache", ".hypothesis"),
)
CHECKS = (["ruff", "format", "--check", "."], ["ruff", "check", "."], ["basedpyright"])
VERBS = (
    *("preview", "up", "refresh", "destroy", "verify", "plan", "drift", "image", "pin"),
    *("cost", "cluster", "live", "dashboards", "report", "bench"),
    *("check", "test", "test-cluster", "lint", "lock", "clean"),
)
PROGRAM_ALONE = [(verb, "--stack=local") for verb in ("preview", "up", "destroy")]
"""Commands that need the program's packages alone, a third of all; other stacks need kubectl."""


def main(arguments: Sequence[str]) -> None:
    """Run `VERB [--stack=NAME] [ARGUMENT...]`; a UserError is printed, with exit code 1."""
    verb, rest = "".join(arguments[:1]), list(arguments[1:])
    try:
        if verb not in VERBS:
            raise UserError(f"there is no command {verb!r}. Choose one of {', '.join(VERBS)}.")
        if verb == "clean":
            clean()
            return
        packages.ensure_venv(dev=(verb, *rest[:1]) not in PROGRAM_ALONE)
        if Path(sys.prefix).resolve() != VENV:
            os.chdir(CLONE)
            os.execv(VENV_PYTHON, [str(VENV_PYTHON), "-m", "toolchain", *arguments])
        if verb == "lint":
            lint()
        elif verb == "check":
            check(rest)
        elif verb == "test":
            test(rest)
        elif verb == "test-cluster":
            test_cluster(rest)
        elif verb == "cluster":
            run_cluster(rest)
        elif verb == "cost":
            cost(rest)
        elif verb == "bench":
            bench(rest)
        elif verb == "lock":
            packages.write_locks(rest)
        elif verb in ("live", "dashboards"):
            run_local(verb, rest)
        elif verb == "report":
            report(rest)
        elif verb in ("plan", "drift", "pin"):
            run_for_stack(verb, rest)
        elif verb == "image":
            publish_image(rest)
        elif verb == "verify":
            verify(rest)
        else:
            run_pulumi(verb, rest)
    except UserError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


def run_pulumi(verb: str, arguments: list[str], root: Path = CLONE) -> NoReturn:
    """Exec `pulumi VERB` for the stack in the first argument, `--stack=NAME`."""
    from toolchain import changes, stacks

    stack, rest = _stack_and_rest(arguments)
    run = stacks.plan(verb, stack, rest, root=root)
    for file in (one.removeprefix(stacks.PLAN) for one in rest if one.startswith(stacks.PLAN)):
        changes.require_fresh(run, stack, Path(file))
    os.chdir(run.root)
    os.execve(run.command[0], run.command, run.environment)


def run_for_stack(verb: str, arguments: list[str], root: Path = CLONE) -> None:
    """Plan the stack in the first argument, look for drift in it, or pin its images."""
    from toolchain import changes, registry

    stack, rest = _stack_and_rest(arguments)
    {"plan": changes.plan, "drift": changes.drift, "pin": registry.pin}[verb](
        stack, rest, root=root
    )


def publish_image(arguments: list[str]) -> None:
    """Build and push the services' image to the repository in the first argument."""
    from toolchain import registry

    registry.publish(arguments[0].removeprefix("--repository="), arguments[1:])


def _stack_and_rest(arguments: list[str]) -> tuple[str, list[str]]:
    """The stack of `--stack=NAME`, which is always first, and the other arguments."""
    return arguments[0].removeprefix("--stack="), arguments[1:]


def run_local(command: str, arguments: list[str]) -> NoReturn:
    """Provision the stack `local`, then exec the `ops` command that runs it as processes."""
    from toolchain import browser, stacks, tools

    if command == "dashboards":
        browser.ensure()
    run = stacks.plan("up", stacks.LOCAL, ["--suppress-outputs"])
    if run_and_wait(run.command, run.environment, run.root):
        raise UserError(f"the stack {stacks.LOCAL} can't be provisioned. See the messages above.")
    env, _ = stacks.base_environment()
    env["PATH"] = tools.on_path(tools.folders(tools.SERVERS), env["PATH"])
    os.chdir(CLONE)
    os.execve(VENV_PYTHON, [str(VENV_PYTHON), "-m", "ops", command, *arguments], env)


def run_cluster(arguments: list[str]) -> NoReturn:
    """Run the stack `node` on a Kubernetes node on this machine, until Ctrl-C."""
    from toolchain.node import command

    sys.exit(command.main(arguments))


def cost(arguments: list[str]) -> NoReturn:
    """Exec the command that prices what the stacks would have."""
    from toolchain import costs

    costs.main(arguments)


def report(arguments: list[str]) -> NoReturn:
    """Exec the command that writes the KPI status report."""
    os.chdir(CLONE)
    os.execv(VENV_PYTHON, [str(VENV_PYTHON), "-m", "ops", "report", *arguments])


def bench(arguments: list[str]) -> NoReturn:
    """Exec the command that measures speed, scale and cost."""
    from toolchain import stacks

    os.chdir(CLONE)
    os.execve(
        VENV_PYTHON, [str(VENV_PYTHON), "-m", "bench", *arguments], stacks.base_environment()[0]
    )


def verify(arguments: list[str]) -> NoReturn:
    """Exec the command that checks the running platform of the stack in the first argument."""
    from toolchain import stacks

    run = stacks.verification(*_stack_and_rest(arguments))
    os.chdir(run.root)
    os.execve(run.command[0], run.command, run.environment)


def lint() -> None:
    """Check format, lint, types and workflows; all run even if one fails. Raises UserError."""
    from toolchain import tools

    [folder] = tools.folders(["actionlint"])
    # A machine may have the linters that actionlint calls, or not: every machine judges the same.
    _run_checks([*CHECKS, [f"{folder}/actionlint", "-shellcheck=", "-pyflakes="]])


def check(arguments: list[str]) -> NoReturn:
    """Run the checks and the tests that need no built tools."""
    from toolchain import levels

    _run_checks(CHECKS)
    sys.exit(levels.run(["unit"], arguments))


def _run_checks(checks: Sequence[Sequence[str]]) -> None:
    """Run all commands, of programs in the venv or at a path. Raises UserError if one fails."""
    failed = [
        " ".join([Path(command[0]).name, *command[1:]])
        for command in checks
        if subprocess.run([VENV_BIN / command[0], *command[1:]], cwd=CLONE).returncode
    ]
    if failed:
        raise UserError(
            f"{', '.join(failed)} failed. See the messages above; `ruff format .` formats."
        )


def test(arguments: list[str]) -> NoReturn:
    """Run the test levels that need no cluster."""
    from toolchain import levels

    sys.exit(levels.run([name for name in levels.LEVELS if name != levels.CLUSTER], arguments))


def test_cluster(arguments: list[str]) -> NoReturn:
    """Run the tests on a Kubernetes node on this machine."""
    from toolchain import levels

    sys.exit(levels.run([levels.CLUSTER], arguments))


def clean() -> None:
    """Remove the files that these commands have created in the clone."""
    for name in GENERATED:
        path = CLONE / name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    for folder in CLONE.rglob("__pycache__"):
        shutil.rmtree(folder, ignore_errors=True)
    print(f"removed {', '.join(GENERATED)}; built tools stay in {cache()} for other clones")
