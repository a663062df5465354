"""Our checks and preview beside what a user would pick instead: promtool, Helm, Jsonnet, Pulumi.

The whole stack `local` is compared as the same objects in each tool's own language. The chart
kube-prometheus-stack and the libraries of kube-prometheus come from places that a machine with
package registries alone does not reach; what they ask of a cluster stands in the part `size`.
"""

import os
import statistics
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from bench import peer_programs
from bench.measuring import comparison, in_turns, measured_row, run, run_planned
from bench.program import copy_of_the_program
from bench.results import Curve, Finding, Row
from bench.rule_copies import check, write_copies
from toolchain import stacks, tools
from toolchain.base import CLONE, VENV_PYTHON

ROUNDS = {1: 5, 10: 3, 100: 1}
"""Copies of the rules, and how often each number of them is checked."""
CHECK = (
    VENV_PYTHON,
    "-c",
    "import gc, sys; gc.disable(); from pathlib import Path; from bench.rule_copies import check;"
    " check(Path(sys.argv[1]))",
)
"""Checks the rules below a folder, without garbage collection, as the program does."""
SLOW_TO_BUILD = "`helm template`"
CONTENT = {SLOW_TO_BUILD: "kube-prometheus-stack", "`jsonnet`": "kube-prometheus"}
"""What users of a peer would render. Here, the peer prints the objects that our program made."""
PRINTS = (
    "{} only prints finished objects here, with no provider or state; "
    "{}, which would compute them, is in no package registry"
)


def measure(*, smoke: bool) -> Iterator[Finding]:
    """The rules in our checks and in promtool, then the whole stack in each tool.

    With `smoke`, of one copy, and without the peer that takes long to build.
    """
    yield from rule_findings({1: 1} if smoke else ROUNDS)
    names = ["`jsonnet`", "plain Pulumi", *([] if smoke else [SLOW_TO_BUILD])]
    yield from whole_stack(names, rounds=1 if smoke else 3)


def rule_findings(rounds: dict[int, int]) -> Iterator[Finding]:
    """Rules a second by our checks and by `promtool check rules`, and how both grow."""
    promtool = tools.folders(["prometheus"])[0] / "promtool"
    python = stacks.python_environment()
    ours, theirs = list[tuple[float, float]](), list[tuple[float, float]]()
    for copies, number in rounds.items():
        with tempfile.TemporaryDirectory(prefix="vaultmesh-bench-") as folder:
            root = Path(folder)
            files = write_copies(root, copies)
            command = [promtool, "check", "rules", "--lint-fatal", *files]
            rules = check(root)
            found = in_turns(
                number,
                lambda root=root: run([*CHECK, root], cwd=CLONE, env=python).seconds,
                lambda root=root, command=command: run(command, cwd=root, env=os.environ).seconds,
            )
        for line, times in zip((ours, theirs), found, strict=True):
            line.append((rules, statistics.median(times)))
        mine, promtools = ([rules / seconds for seconds in times] for times in found)
        yield measured_row(
            mine,
            promtools,
            what=f"rules checked a second, of {rules}",
            beside="`promtool check rules`",
            note="both with their start; ours also checks names, labels, routes, runbooks,"
            " templates and results",
        )
    yield Curve(
        name="rule-checks",
        title="Checking all rules",
        size="rules",
        unit="s",
        lines={"ours": ours, "promtool": theirs},
    )


def whole_stack(names: list[str], *, rounds: int) -> Iterator[Row]:
    """Time, CPU time and memory of our preview of the stack `local`, beside each peer's."""
    with copy_of_the_program() as rendered:
        texts = peer_programs.render(rendered)
    # Nothing is up in this copy, so that our preview creates all objects, as plain Pulumi's does.
    with (
        copy_of_the_program() as root,
        tempfile.TemporaryDirectory(prefix="vaultmesh-bench-") as scratch,
    ):
        programs = [peer_programs.preview_ours(root)]
        for number, name in enumerate(names):
            folder = Path(scratch, str(number))
            folder.mkdir()
            write, prepare = peer_programs.PEERS[name]
            write(folder, texts)
            programs.append(prepare(folder))
        ours, *peers = in_turns(rounds, *(partial(run_planned, program) for program in programs))
        for name, uses in zip(names, peers, strict=True):
            what = f"preview of {len(peer_programs.objects(texts))} objects"
            note = PRINTS.format(name, CONTENT[name]) if name in CONTENT else ""
            yield from comparison(what, ours, f"the same in {name}", uses, note=note)
