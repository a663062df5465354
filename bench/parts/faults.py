"""Which faults each tool finds before anything is deployed: each tool runs with each fault.

The faults are mistakes that a change of a stack can make: in its rules, its routes, a dashboard,
its settings, and in the code that writes the servers' configuration.
"""

import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from bench.measuring import output
from bench.peer_programs import PEERS, SOURCE, Texts, preview_ours, render, write_files
from bench.program import copy_of_the_program
from bench.results import Finding, Matrix, Row
from toolchain import tools
from toolchain.base import UserError
from toolchain.stacks import Run

OURS, SERVERS = "our preview", "`promtool`, `amtool`"
PROMETHEUS, ALERTMANAGER = "files/prometheus-server", "files/alertmanager"
PSI, STACK, PROJECT = "rules/alerts/psi-field.yaml", "Pulumi.local.yaml", "Pulumi.yaml"


@dataclass(frozen=True, kw_only=True)
class Edit:
    """Replaces the first `old` in a file or text by `new`; without `old`, `new` is added."""

    place: str
    old: str = ""
    new: str

    def edited(self, text: str) -> str:
        """The text with the fault. Raises UserError if `old` is not in it."""
        if self.old not in text:
            raise UserError(f"{self.place}: {self.old!r} is not there. Correct {__name__}.")
        return text.replace(self.old, self.new, 1) if self.old else text + self.new


@dataclass(frozen=True, kw_only=True)
class Fault:
    """The same fault in this program and in what its peers deploy.

    `ours` edits a file of the repository, and our preview must answer what `says` has: another
    mistake that the edit makes too is not this fault. `theirs` edits what `peer_programs`
    separates; any failure of a peer counts.
    """

    what: str
    says: str
    ours: Edit
    theirs: Edit


def _in_rule(what: str, old: str, new: str, *, says: str) -> Fault:
    """A fault in an alert, whose text is the same in the source and in what is deployed."""
    theirs = Edit(place=f"{PROMETHEUS}/alerting_rules.yml", old=old, new=new)
    return Fault(what=what, says=says, ours=Edit(place=PSI, old=old, new=new), theirs=theirs)


def _in_configuration(
    what: str, *, ours: tuple[str, str], theirs: tuple[str, str], says: str
) -> Fault:
    """A fault in the configuration of Prometheus, which a component of ours writes."""
    return Fault(
        what=what,
        says=says,
        ours=Edit(place="components/prometheus.py", old=ours[0], new=ours[1]),
        theirs=Edit(place=f"{PROMETHEUS}/prometheus.yml", old=theirs[0], new=theirs[1]),
    )


ENTROPY, ENTROPI = "expr: psi_field_temporal_entropy", "expr: psi_field_temporal_entropi"
ALWAYS, NEVER = "* * * * *", "62 25 * * 8"
SLOWEST = "max(scrape_duration_seconds"
FAULTS = (
    _in_rule(
        "two `groups:` in a rule file",
        "groups:\n",
        "groups: []\ngroups:\n",
        says="the key `groups` is already on line",
    ),
    _in_rule("a syntax error in PromQL", f"{ENTROPY} >", f"{ENTROPY} >>", says="does not parse"),
    _in_rule(
        "an alert on a metric that nobody exports",
        ENTROPY,
        ENTROPI,
        says="no workload exports and no rule records",
    ),
    _in_rule(
        "an alert whose severity has no route",
        "severity: critical",
        "severity: urgent",
        says="no route matches",
    ),
    _in_rule(
        "a syntax error in an alert's template",
        "{{ $labels.pod }}",
        "{{ $labels.pod }",
        says="unbalanced braces",
    ),
    _in_rule(
        "two alerts of one name",
        "alert: PsiFieldTemporalEntropyHigh",
        "alert: PsiFieldDensityAnomaly",
        says="the alert PsiFieldDensityAnomaly is already",
    ),
    Fault(
        what="a route to a receiver that does not exist",
        says="`webhok` is not a channel",
        ours=Edit(place=STACK, old="critical: webhook", new="critical: webhok"),
        theirs=Edit(
            place=f"{ALERTMANAGER}/alertmanager.yml",
            old="- receiver: critical",
            new="- receiver: critcal",
        ),
    ),
    Fault(
        what="a syntax error in a dashboard's query",
        says="does not parse",
        ours=Edit(place="dashboards/scheduler.py", old=SLOWEST, new=SLOWEST.replace("(", "((")),
        theirs=Edit(
            place="files/dashboard-scheduler/scheduler.json",
            old=SLOWEST,
            new=SLOWEST.replace("(", "(("),
        ),
    ),
    Fault(
        what="`memory: 512Mx`",
        says="`512Mx` is not a quantity",
        ours=Edit(place=STACK, old="memory: 512Mi", new="memory: 512Mx"),
        theirs=Edit(place="objects/StatefulSet-prometheus-server", old='"512Mi"', new='"512Mx"'),
    ),
    Fault(
        what=f"a CronJob's schedule `{NEVER}`",
        says=f"`{NEVER}`: in the minute",
        ours=Edit(place=PROJECT, old=f'schedule: "{ALWAYS}"', new=f'schedule: "{NEVER}"'),
        theirs=Edit(place="objects/CronJob-synthetic-feeder", old=ALWAYS, new=NEVER),
    ),
    Fault(
        what="a misspelled key",
        says="unknown key. Did you mean `replicas`?",
        ours=Edit(place=PROJECT, old="replicas: 2", new="replcias: 2"),
        theirs=Edit(place="objects/Deployment-psi-field", old='"replicas"', new='"replcias"'),
    ),
    Fault(
        what="two objects of one name",
        says="the ServiceAccount `scheduler` belongs to",
        ours=Edit(
            place=STACK,
            old="    cronJobs:\n",
            new="    cronJobs:\n      scheduler: {command: [x], calls: [psi-field], "
            f"deadlineSeconds: 50, schedule: '{ALWAYS}'}}\n",
        ),
        theirs=Edit(
            place="objects/ServiceAccount-scheduler",
            old='"name": "scheduler",\n  "namespace"',
            new='"name": "harbinger",\n  "namespace"',
        ),
    ),
    _in_configuration(
        "a scrape interval of `30x`",
        ours=('"scrape_interval": INTERVAL', '"scrape_interval": "30x"'),
        theirs=("scrape_interval: 30s", "scrape_interval: 30x"),
        says="30x",
    ),
    _in_configuration(
        "a misspelled key of Prometheus' configuration",
        ours=('"evaluation_interval"', '"evaluation_intervall"'),
        theirs=("evaluation_interval:", "evaluation_intervall:"),
        says="evaluation_intervall",
    ),
    _in_configuration(
        "a relabeling whose pattern does not parse",
        ours=('"regex": "^$"', '"regex": "^($"'),
        theirs=("regex: ^$", "regex: ^($"),
        says="^($",
    ),
    Fault(
        what="a syntax error in the tool's own language",
        says="is not YAML",
        ours=Edit(place=STACK, new="\n}{{{\n"),
        theirs=Edit(place=SOURCE, new="\n}{{{\n"),
    ),
)
Judge = Callable[[Fault | None], bool | None]
"""Whether a tool finds this fault; with None, whether it refuses what has no fault.

None if the tool does not read the file that has the fault.
"""
WORDS = {True: "found", False: "missed", None: "not read"}


def measure(*, smoke: bool) -> Iterator[Finding]:
    """The matrix, and how many of the faults each tool finds.

    With `smoke`, of one fault in one peer.
    """
    faults = FAULTS[:1] if smoke else FAULTS
    peers = ["`jsonnet`"] if smoke else [*PEERS]
    with (
        tempfile.TemporaryDirectory(prefix="vaultmesh-bench-") as scratch,
        judges(Path(scratch), peers) as tried,
        # Tools run side by side: only what they find counts.
        ThreadPoolExecutor(max_workers=2) as pool,
    ):
        stopped = Event()
        answers = [pool.submit(verdicts, judge, faults, stopped) for judge in tried.values()]
        try:
            found = {name: answer.result() for name, answer in zip(tried, answers, strict=True)}
        finally:
            stopped.set()
    yield from findings(faults, found)


def findings(
    faults: tuple[Fault, ...], found: Mapping[str, list[bool | None]]
) -> Iterator[Finding]:
    """The matrix of what each tool found, and a row for each tool."""
    yield Matrix(
        title="Faults that each tool finds before anything is deployed",
        header=["", *found],
        rows=[
            [fault.what, *(WORDS[verdicts[number]] for verdicts in found.values())]
            for number, fault in enumerate(faults)
        ],
    )
    for name, verdicts in found.items():
        yield Row(
            what=f"faults found by {name}, of {len(faults)}",
            value=verdicts.count(True),
            note=f"{verdicts.count(None)} are in files that it does not read"
            if None in verdicts
            else "",
        )


def verdicts(judge: Judge, faults: tuple[Fault, ...], stopped: Event) -> list[bool | None]:
    """What the judge says to each fault, until the measurement is stopped.

    Raises UserError if it refuses what has no fault.
    """
    if judge(None):
        raise UserError("a tool refuses the stack without any fault, so it can't be compared.")
    return [judge(fault) for fault in faults if not stopped.is_set()]


@contextmanager
def judges(scratch: Path, peers: list[str]) -> Iterator[dict[str, Judge]]:
    """Our preview, the servers' own checkers and these peers, by their name in the matrix."""
    with copy_of_the_program() as root:
        texts = render(root)
        found: dict[str, Judge] = {
            OURS: lambda fault: _ours_finds(root, fault),
            SERVERS: lambda fault: _servers_find(scratch / "servers", texts, fault),
        }
        for name in peers:
            write, run = PEERS[name]
            found[name] = lambda fault, write=write, run=run, name=name: _peer_finds(
                scratch / re.sub(r"\W", "", name), _with(texts, fault), write, run
            )
        yield found


def _with(texts: Texts, fault: Fault | None) -> Texts:
    if fault is None:
        return texts
    place = fault.theirs.place
    return {**texts, place: fault.theirs.edited(texts[place])}


def _ours_finds(root: Path, fault: Fault | None) -> bool:
    if fault is None:
        return bool(_failure(preview_ours(root)))
    path = root / fault.ours.place
    text = path.read_text(encoding="utf-8")
    path.write_text(fault.ours.edited(text), encoding="utf-8")
    try:
        return fault.says in _failure(preview_ours(root))
    except UserError as error:
        # `make preview` refuses some faults before it starts Pulumi.
        return fault.says in str(error)
    finally:
        path.write_text(text, encoding="utf-8")


def _servers_find(root: Path, texts: Texts, fault: Fault | None) -> bool | None:
    if fault and not fault.theirs.place.startswith((PROMETHEUS, ALERTMANAGER)):
        return None
    write_files(root, _with(texts, fault))
    folders = tools.folders(["prometheus", "alertmanager"])
    promtool, amtool = folders[0] / "promtool", folders[1] / "amtool"
    rules = sorted(str(path) for path in (root / PROMETHEUS).glob("*_rules.yml"))
    commands = (
        [promtool, "check", "rules", "--lint-fatal", *rules],
        [promtool, "check", "config", "--syntax-only", root / PROMETHEUS / "prometheus.yml"],
        [amtool, "check-config", root / ALERTMANAGER / "alertmanager.yml"],
    )
    return any(
        _failure(Run(command=[str(part) for part in command], environment={}, root=root))
        for command in commands
    )


def _peer_finds(
    root: Path,
    texts: Texts,
    write: Callable[[Path, Texts], None],
    run: Callable[[Path], Run],
) -> bool:
    root.mkdir(exist_ok=True)
    write(root, texts)
    return bool(_failure(run(root)))


def _failure(run: Run) -> str:
    """What the program says if it fails; empty if it accepts what it is given."""
    code, messages = output(run.command, cwd=run.root, env=run.environment, timeout=180)
    return messages or "failed" if code else ""
