"""The commands behind `make`."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from toolchain import packages
from toolchain.errors import UserError
from toolchain.paths import CLONE, VENV, VENV_BIN, VENV_PYTHON, cache, state

LEVELS = {
    "unit": "components and the whole program, on Pulumi's mocks",
    "rules": "promtool on the bytes that are provisioned",
    "engine": "the real Pulumi engine, with a backend of its own",
    "live": "the services, Prometheus and Alertmanager as processes on loopback",
}
MADE = (
    ".venv",
    ".state",
    "rendered",
    "reports",
    ".pytest_cache",
    ".ruff_cache",
    ".hypothesis",
    ".coverage",
)
UV = "uv==0.13.9"
VERBS = (
    *("preview", "up", "refresh", "destroy"),
    *("live", "dashboards", "report", "test", "lint", "lock", "clean"),
)


def main(arguments: Sequence[str]) -> None:
    """Run `VERB [--stack=NAME] [ARGUMENT...]`; a UserError ends it with its one line and code 1."""
    verb, rest = "".join(arguments[:1]), list(arguments[1:])
    try:
        if verb not in VERBS:
            raise UserError(f"there is no command {verb!r}: choose one of {', '.join(VERBS)}")
        if verb == "clean":
            clean()
            return
        packages.ensure_venv()
        if Path(sys.prefix).resolve() != VENV:
            os.chdir(CLONE)
            os.execv(VENV_PYTHON, [str(VENV_PYTHON), "-m", "toolchain", *arguments])
        if verb == "lint":
            lint()
        elif verb == "test":
            test(rest)
        elif verb == "lock":
            lock(rest)
        elif verb in ("live", "dashboards"):
            run_local(verb, rest)
        elif verb == "report":
            report(rest)
        else:
            pulumi(verb, rest)
    except UserError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


def pulumi(verb: str, arguments: list[str]) -> NoReturn:
    """Become `pulumi VERB` for the stack."""
    from toolchain import stacks

    stack, rest = arguments[0].removeprefix("--stack="), arguments[1:]
    run = stacks.plan(verb, stack, rest)
    os.chdir(run.root)
    os.execve(run.command[0], run.command, run.environment)


def run_local(command: str, arguments: list[str]) -> NoReturn:
    """Provision the stack `local`, then become a command that runs it, with the servers on PATH."""
    from toolchain import browser, stacks, tools

    if command == "dashboards":
        browser.ensure()
    run = stacks.plan("up", stacks.LOCAL, ["--suppress-outputs"])
    if subprocess.run(run.command, env=run.environment, cwd=run.root).returncode:
        raise UserError(f"the stack {stacks.LOCAL} can't be provisioned: see above")
    env, _ = stacks.base_environment()
    env["PATH"] = tools.on_path(tools.folders(tools.SERVERS), env["PATH"])
    os.chdir(CLONE)
    os.execve(VENV_PYTHON, [str(VENV_PYTHON), "-m", "ops", command, *arguments], env)


def report(arguments: list[str]) -> NoReturn:
    """Become the command that writes the KPI status report."""
    os.chdir(CLONE)
    os.execv(VENV_PYTHON, [str(VENV_PYTHON), "-m", "ops", "report", *arguments])


def test(arguments: list[str]) -> NoReturn:
    """Become pytest, over the test levels that need no cluster, with the tools on PATH."""
    from toolchain import browser, stacks, tools

    browser.ensure()
    env, _ = stacks.base_environment()
    env["PATH"] = tools.on_path(tools.folders(tools.TEST_TOOLS), env["PATH"])
    present = [level for level in LEVELS if (CLONE / "tests" / level).is_dir()]
    for level in present:
        print(f"tests/{level}: {LEVELS[level]}", flush=True)
    coverage = [f"--cov={package}" for package in ("stacks", "components", "rules")]
    command = [
        str(VENV_PYTHON),
        "-m",
        "pytest",
        *coverage,
        *(f"tests/{level}" for level in present),
        *arguments,
    ]
    os.chdir(CLONE)
    os.execve(command[0], command, env)


def lint() -> None:
    """Check format, lint and types; go through all three before failing."""
    checks = (["ruff", "format", "--check", "."], ["ruff", "check", "."], ["basedpyright"])
    failed = [
        check
        for check in checks
        if subprocess.run([VENV_BIN / check[0], *check[1:]], cwd=CLONE).returncode
    ]
    if failed:
        raise UserError(
            f"{', '.join(' '.join(check) for check in failed)}: see above (`ruff format .` formats)"
        )


def lock(arguments: list[str]) -> None:
    """Write requirements.txt anew from pyproject.toml; `--upgrade` lifts what is pinned already."""
    home = state() / "uv"
    subprocess.run(
        [VENV_PYTHON, "-m", "pip", "install", "--quiet", "--target", home, "--upgrade", UV],
        check=True,
    )
    command = [
        home / "bin" / "uv",
        "pip",
        "compile",
        "pyproject.toml",
        "--group",
        "dev",
        "--universal",
    ]
    command += [
        "--python-version",
        "3.11",
        "--generate-hashes",
        "--no-annotate",
        "--no-emit-index-url",
    ]
    command += ["--no-emit-find-links", "--custom-compile-command", "make lock", "--quiet"]
    subprocess.run([*command, "-o", "requirements.txt", *arguments], cwd=CLONE, check=True)


def clean() -> None:
    """Remove what the project has made in the clone."""
    for name in MADE:
        path = CLONE / name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    for folder in CLONE.rglob("__pycache__"):
        shutil.rmtree(folder, ignore_errors=True)
    print(f"removed {', '.join(MADE)}; built tools stay in {cache()} for other clones")
