"""Whole previews beside empty Pulumi programs, and what each of their processes takes."""

import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from bench import peer_programs, preview_processes
from bench.measuring import comparison, in_turns, measured_row, run, run_planned
from bench.program import copy_of_the_program
from bench.results import Goal, Row
from toolchain import stacks
from toolchain.base import CLONE, VENV_PYTHON
from toolchain.stacks import Run

AWS_PROVIDER = """
from pulumi_aws import Provider as AwsProvider

AwsProvider("aws", region="eu-west-1")
"""
EMPTY_PROGRAMS = {
    stacks.LOCAL: ("empty program with the same provider", ""),
    "production": ("empty program with the same provider, and the stand-in for AWS", AWS_PROVIDER),
}
"""The measured stacks, and what each is compared with: its name, and what its source ends with."""
TWICE = Goal(comparison="≤", limit=2.0)


def measure(*, smoke: bool) -> Iterator[Row]:
    """Our previews beside programs that declare the same providers and no other resource."""
    rounds = 1 if smoke else 5
    with copy_of_the_program() as root, tempfile.TemporaryDirectory() as scratch:
        programs: list[Run] = []
        for stack, (_, source) in EMPTY_PROGRAMS.items():
            folder = Path(scratch, stack)
            folder.mkdir()
            peer_programs.plain_pulumi(folder, {peer_programs.SOURCE: source})
            programs += [
                peer_programs.preview_ours(root, stack),
                peer_programs.preview_plain(folder, on_aws=bool(source)),
            ]
        # The first run of a program compiles its modules.
        for program in programs:
            run_planned(program)
        uses = in_turns(rounds, *(partial(run_planned, program) for program in programs))
        # Apart, because to watch the processes disturbs them.
        watched = in_turns(
            min(rounds, 3), *(partial(preview_processes.watch, program) for program in programs)
        )
    # Our programs and the empty ones alternate.
    sides = (uses[::2], uses[1::2], watched[::2], watched[1::2])
    for (stack, (empty, _)), ours, theirs, processes, others in zip(
        EMPTY_PROGRAMS.items(), *sides, strict=True
    ):
        what = f"preview of {stack}"
        yield from comparison(what, ours, empty, theirs, goal=TWICE)
        yield from preview_processes.rows(what, processes, others, empty)
    yield planning(rounds)


def planning(rounds: int) -> Row:
    """The time that `make preview` takes to plan its run of Pulumi."""
    source = f"from toolchain import stacks; stacks.plan('preview', '{stacks.LOCAL}', [])"
    command = [VENV_PYTHON, "-c", source]
    env = {**stacks.python_environment(), "PYTHONPATH": str(CLONE)}
    uses = [run(command, cwd=CLONE, env=env) for _ in range(rounds + 1)]
    return measured_row(
        [use.seconds for use in uses[1:]],
        what="`make preview`: to plan the run of Pulumi",
        unit="s",
    )
