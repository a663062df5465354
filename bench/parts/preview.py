"""Preview: beside an empty Pulumi program, where its time goes, and how it grows."""

import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from bench import peer_programs, preview_processes
from bench.measuring import comparison, in_turns, median_of, run, run_planned
from bench.preview_growth import growth
from bench.preview_phases import phases
from bench.program import copy_of_the_program
from bench.results import Finding, Goal, Row
from toolchain import stacks
from toolchain.base import CLONE, VENV_PYTHON

PRODUCTION = "production"
NOTES = {
    stacks.LOCAL: "",
    PRODUCTION: "with the stand-in for the AWS provider, which the empty program has not",
}
"""The measured stacks, and what each has besides what the empty program has."""
AWS_PROVIDER = """
from pulumi_aws import Provider as AwsProvider

AwsProvider("aws", region="eu-west-1")
"""
"""What a program ends with that declares the AWS provider too."""
TWICE = Goal(comparison="≤", limit=2.0)
EMPTY = "empty program with the same provider"
EMPTY_ON_AWS = "empty program with the same provider and stand-in"


def measure(*, smoke: bool) -> Iterator[Finding]:
    """Whole previews and their processes, then the phases of local's, then larger programs."""
    rounds = 1 if smoke else 5
    yield from whole_previews(rounds)
    yield from phases(rounds)
    yield from growth((2,), rounds) if smoke else growth((10, 20), 3)


def whole_previews(rounds: int) -> Iterator[Row]:
    """Our previews beside programs that declare the same providers and no other resource."""
    with copy_of_the_program() as root, tempfile.TemporaryDirectory() as scratch:
        empty, empty_on_aws = Path(scratch, "empty"), Path(scratch, "empty-on-aws")
        for folder, source in ((empty, ""), (empty_on_aws, AWS_PROVIDER)):
            folder.mkdir()
            peer_programs.plain_pulumi(folder, {peer_programs.SOURCE: source})
        programs = [
            peer_programs.preview_plain(empty),
            *(stacks.plan("preview", stack, [], root=root) for stack in NOTES),
        ]
        on_aws = peer_programs.preview_plain(empty_on_aws, on_aws=True)
        # The first run of a program compiles its modules.
        for program in (*programs, on_aws):
            run_planned(program)
        nothing, *found, nothing_on_aws = in_turns(
            rounds, *(partial(run_planned, program) for program in (*programs, on_aws))
        )
        # Apart, because to watch the processes disturbs them.
        without, *watched = in_turns(
            min(rounds, 3), *(partial(preview_processes.watch, program) for program in programs)
        )
    for (stack, note), uses, processes in zip(NOTES.items(), found, watched, strict=True):
        what = f"preview of {stack}"
        yield from comparison(what, uses, EMPTY, nothing, goal=TWICE, note=note)
        yield from preview_processes.rows(what, processes, EMPTY, without)
    what = f"preview of {PRODUCTION}"
    yield from comparison(what, found[-1], EMPTY_ON_AWS, nothing_on_aws, goal=TWICE)
    yield make_itself(rounds)


def make_itself(rounds: int) -> Row:
    """What `make preview` does before it starts Pulumi."""
    planning = f"from toolchain import stacks; stacks.plan('preview', '{stacks.LOCAL}', [])"
    command = [VENV_PYTHON, "-c", planning]
    env = {**stacks.python_environment(), "PYTHONPATH": str(CLONE)}
    uses = [run(command, cwd=CLONE, env=env) for _ in range(rounds + 1)]
    middle = median_of(uses[1:], "seconds")
    return Row(what="`make preview` before Pulumi starts", value=middle, unit="s", runs=rounds)
