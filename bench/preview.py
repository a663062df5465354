"""Preview: beside an empty Pulumi program, where its time goes, and how it grows."""

import os
import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench import peer_programs
from bench.edits import copy_of_the_program
from bench.measuring import Use, in_turns, run
from bench.preview_growth import growth
from bench.preview_phases import phases
from bench.results import Finding, Goal, Row
from toolchain import stacks
from toolchain.base import CLONE, VENV_PYTHON
from toolchain.stacks import Run

NOTES = {
    stacks.LOCAL: "",
    "production": "with the stand-in for the AWS provider, which the empty program has not",
}
"""The measured stacks, and what each has besides what the empty program has."""
TWICE = Goal(comparison="≤", limit=2.0)
EMPTY = """\
from pulumi_kubernetes import Provider

Provider(
    "cluster",
    kubeconfig="",
    render_yaml_to_directory="rendered",
    enable_config_map_mutable=True,
    enable_secret_mutable=True,
)
"""
"""The empty program: it declares the provider as ours does, and no other resource."""


def measure(*, smoke: bool) -> Iterator[Finding]:
    """Whole previews in turns, then the phases of local's, then larger programs."""
    rounds = 1 if smoke else 5
    yield from whole_previews(rounds)
    yield from phases(rounds)
    yield from growth((2,) if smoke else (2, 5, 10))


def whole_previews(rounds: int) -> Iterator[Row]:
    """Our previews beside the empty program and a plain one of as many resources as local's."""
    with copy_of_the_program() as root, tempfile.TemporaryDirectory() as scratch:
        texts = peer_programs.render(root)
        ours = [stacks.plan("preview", stack, [], root=root) for stack in NOTES]
        plain, empty = (_plain_program(Path(scratch, name), texts) for name in ("plain", "empty"))
        (empty.root / "__main__.py").write_text(EMPTY, encoding="utf-8")
        programs = [empty, plain, *ours]
        # The first run of a program compiles its modules.
        for program in programs:
            use_of(program)
        nothing, peer, *found = in_turns(
            rounds, *(lambda program=program: use_of(program) for program in programs)
        )
    for (stack, note), uses in zip(NOTES.items(), found, strict=True):
        yield from beside_empty(f"preview of {stack}", uses, nothing, note=note)
    objects = len(peer_programs.objects(texts))
    yield from beside_empty(f"plain program of {objects} typed resources", peer, nothing, goal=None)
    yield make_itself(rounds)


def beside_empty(
    what: str, uses: list[Use], empty: list[Use], *, goal: Goal | None = TWICE, note: str = ""
) -> Iterator[Row]:
    """The rows of a program beside the empty one; the goal holds for the wall time."""
    for unit, field, label in (
        ("s", "seconds", ""),
        ("s", "cpu_seconds", ", CPU time"),
        ("bytes", "peak_bytes", ", largest process"),
    ):
        own, other = (
            statistics.median(getattr(use, field) for use in side) for side in (uses, empty)
        )
        yield Row(
            what=what + label,
            value=own,
            unit=unit,
            beside="empty program with the same provider",
            beside_value=other,
            goal=goal if field == "seconds" else None,
            note=note,
        )


def make_itself(rounds: int) -> Row:
    """What `make preview` does before it starts Pulumi."""
    planning = f"from toolchain import stacks; stacks.plan('preview', '{stacks.LOCAL}', [])"
    command = [VENV_PYTHON, "-c", planning]
    env = {**stacks.python_environment(), "PYTHONPATH": str(CLONE)}
    uses = [run(command, cwd=CLONE, env=env) for _ in range(rounds + 1)]
    middle = statistics.median(use.seconds for use in uses[1:])
    return Row(what="`make preview` before Pulumi starts", value=middle, unit="s")


def use_of(program: Run) -> Use:
    """What one run of the program took. Raises UserError if it fails."""
    return run(program.command, cwd=program.root, env=program.environment)


def _plain_program(root: Path, texts: peer_programs.Texts) -> Run:
    root.mkdir()
    peer_programs.plain_pulumi(root, texts)
    (root / f"Pulumi.{peer_programs.PLAIN}.yaml").unlink()
    program = peer_programs.preview_plain(root)
    return Run(
        command=program.command,
        environment={**program.environment, "KUBECONFIG": os.devnull},
        root=root,
    )
