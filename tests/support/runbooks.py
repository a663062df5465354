"""Runbooks: parses pages, checks their text, and runs their commands with stand-ins."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

from promql.errors import PromqlError
from tests.support.programs import program
from tests.support.recording import ROOT, stack_values
from tests.support.series import expression_problems

FOLDER = ROOT / "docs" / "runbooks"
STACK = "staging"
"""The pages use the namespace of this stack, unless the reader exports NAMESPACE."""
HEADINGS = ["## Meaning", "## Impact", "## Diagnosis", "## Mitigation"]
LEAST_WORDS = 25
_PLACEHOLDER = re.compile(
    r"\b(todo|tbd|tba|fixme|xxx+|placeholder|lorem|ipsum|coming soon|work in progress)\b", re.I
)
# `<name>` is a placeholder for the reader; `<<END` starts a here-document.
_BLANK = re.compile(r"(?<!<)<[a-z][\w -]*>|\.\.\.|…")
_BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.M | re.S)
_INLINE_COMMAND = re.compile(r"(?<!`)`((?:kubectl|curl) [^`]+)`")

NAMESPACE = "named-by-the-reader"
"""Not a stack's namespace, so that a page with a hard-coded namespace fails."""
LIMIT_SECONDS = 60
ENDING_SECONDS, POLL_SECONDS = 3.0, 0.05
"""How long a killed port-forward may take to end."""

# A port-forward is open while its process runs. It writes its pid and target into a file named
# after the local port. A process in state Z (zombie) has ended.
_IS_OPEN = r"""
is_open() {
    [ -e "$1" ] && read -r pid _ <"$1" && found=$(grep -s ^State: "/proc/$pid/status") &&
        [[ $found != *Z* ]]
}
fail() { echo "$1" >>"$STATE/failed"; echo "$1" >&2; exit 1; }
"""
_KUBECTL = [
    _IS_OPEN,
    r"""
IFS=$'\x1f'; printf '%s\x1e' "$*" >>"$STATE/calls"; unset IFS
case " $* " in
*" port-forward "*)
    what=${*: -2:1} ports=${*: -1} file=$STATE/forwards/${ports%%:*}
    is_open "$file" && fail "kubectl: port ${ports%%:*} is already in use"
    echo "$$ $what" >"$file.part" && mv "$file.part" "$file"
    exec sleep 60 ;;
*service-name=*targetRef.name*)
    words=$* name=${words#*service-name=}
    grep "^${name%% *} " "$STATE/endpoints" | cut -d' ' -f2 ;;
esac
""",
]
_CURL = [
    _IS_OPEN,
    r"""
urls=$(printf '%s\n' "$@" | grep -oE '^https?://[^/]+') || fail "curl: no URL"
[[ $urls =~ ^http://localhost:([0-9]+)$ ]] || fail "curl: asks $urls, which is not forwarded"
port=${BASH_REMATCH[1]} file=$STATE/forwards/${BASH_REMATCH[1]}
if grep -qx "$port" "$STATE/ports"; then
    for _ in {1..100}; do is_open "$file" && break; sleep 0.02; done
fi
is_open "$file" || fail "curl: nobody forwards localhost:$port"
read -r _ target <"$file"
if address=$(grep "^$target " "$STATE/addresses"); then
    "$CURL" --connect-to "localhost:$port:${address#* }" "$@" || fail "curl: $? of curl $*"
else
    echo '{}'
fi
""",
]
# Bash sources this before the page, so that line numbers in its messages are the page's.
_BEFORE = r"""unset BASH_ENV
trap 'code=$?; [ $code -le 1 ] || echo "$code: line $LINENO: $BASH_COMMAND" >>"$STATE/failed"' ERR
set -u
"""


@dataclass(frozen=True)
class Runbook:
    """The page of one alert."""

    alert: str
    text: str

    @property
    def prose(self) -> str:
        """The page without its code blocks."""
        return re.sub(r"^ *```.*?^ *```$", "", self.text, flags=re.M | re.S)

    @property
    def languages(self) -> set[str]:
        """The languages that the code blocks declare; "" for a block without one."""
        return {match[2] for match in _BLOCK.finditer(self.text)}

    @property
    def script(self) -> str:
        """The commands of code blocks and sentences, on the same lines as in the page."""
        lines = [""] * len(self.text.splitlines())
        for match in _BLOCK.finditer(self.text):
            first = self.text.count("\n", 0, match.start(3))
            for number, line in enumerate(dedent(match[3]).splitlines(), first):
                lines[number] = line
        for match in _INLINE_COMMAND.finditer(self.text):
            number = self.text.count("\n", 0, match.start())
            command = match[1].replace("\n", " ")
            lines[number] = f"{lines[number]}; {command}".removeprefix("; ")
        return "\n".join([*lines, ""])

    @property
    def commands(self) -> str:
        """The script without comments, each command on one line."""
        return re.sub(r"^\s*#.*\n", "", self.script.replace("\\\n", " "), flags=re.M)

    @property
    def queries(self) -> list[str]:
        """The PromQL that the page sends to Prometheus."""
        return re.findall(r"^query '(.*)'$", self.commands, re.M)

    def section(self, heading: str) -> str:
        """The text under a heading, up to the next; empty if there is no such heading."""
        return self.text.partition(f"\n{heading}\n")[2].partition("\n## ")[0]

    def line_of(self, text: str) -> int:
        """The number of the first line that contains the text; 1 if none does."""
        return self.text.count("\n", 0, max(self.text.find(text), 0)) + 1


RUNBOOKS = {page.stem: Runbook(page.stem, page.read_text()) for page in sorted(FOLDER.glob("*.md"))}


def first_command() -> str:
    """The first command of every page, the only one that sets the namespace."""
    return f"NAMESPACE=${{NAMESPACE:-{stack_values(STACK)['vaultmesh:settings']['namespace']}}}"


def name_problems(alerts: Iterable[str], pages: Iterable[str]) -> list[str]:
    """Find alerts without a page and pages without an alert."""
    missing, idle = sorted({*alerts} - {*pages}), sorted({*pages} - {*alerts})
    return [
        *(f"{name} has no runbook. Write docs/runbooks/{name}.md." for name in missing),
        *(f"docs/runbooks/{name}.md: no such alert. Rename or remove the page." for name in idle),
    ]


def form_problems(page: Runbook) -> Iterator[str]:
    """Check headings, length, placeholders, links, and that commands come first."""
    if (found := re.findall(r"^#.*$", page.prose, re.M)) != [f"# {page.alert}", *HEADINGS]:
        yield _problem(page, f"the headings are {found}. Write # {page.alert} and {HEADINGS}.")
    for heading in HEADINGS:
        if (words := len(re.findall(r"\w+", page.section(heading)))) < LEAST_WORDS:
            yield _problem(page, f"{heading} has {words} words. Say what helps on call.", heading)
    for found in (*_PLACEHOLDER.findall(page.text), *_BLANK.findall(page.commands)):
        yield _problem(page, f"{found!r} is a placeholder. Write the text.", found)
    for text, target in re.findall(r"\[([^\]]+)\]\(([^)]+)\)", page.prose):
        if target != f"{text}.md" or text not in RUNBOOKS:
            yield _problem(page, f"{target} is not a runbook. Correct the link.", f"({target})")
    if page.languages != {"bash"}:
        yield _problem(page, "a code block is not marked as ```bash. Mark it.", "```\n")
    if not page.section("## Diagnosis").startswith(f"\n```bash\n{first_command()}\n"):
        text = f"the diagnosis does not begin with a block that begins with {first_command()}."
        yield _problem(page, f"{text} Put the commands first.", "## Diagnosis")
    if page.commands.count("NAMESPACE=") != 1:
        yield _problem(page, "NAMESPACE is set more than once. Set it once, in the first command.")


def fact_problems(page: Runbook, rule: Mapping[str, Any]) -> Iterator[str]:
    """Compare severity, thresholds, duration and queries with the alert's rule."""
    severity, meaning = rule["labels"]["severity"], page.section("## Meaning")
    if f"\nSeverity: {severity}." not in page.text:
        yield _problem(page, f"the severity differs. Write `Severity: {severity}.`", "Severity:")
    numbers = {float(number) for number in re.findall(r"\d+(?:\.\d+)?", meaning)}
    for name, value in rule["annotations"].items():
        if name.startswith("threshold") and float(value) not in numbers:
            yield _problem(page, f"the {name} {value} is missing. State it.", "## Meaning")
    waits = rule.get("for", "")
    words = {"m": "minutes", "s": "seconds"}.get(waits[-1:], "minutes")
    if waits and f"{waits[:-1]} {words}" not in meaning:
        text = f"the duration `for: {waits}` is missing. State it in {words}."
        yield _problem(page, text, "## Meaning")
    if len(page.queries) != page.commands.count("query '"):
        yield _problem(page, "a query shares its line. Give each query a line.", "query '")
    for query in page.queries:
        try:
            for text in expression_problems(query):
                yield _problem(page, f"{text}, in {query}", query)
        except PromqlError as error:
            yield _problem(page, f"{query} {error}", query)


def _problem(page: Runbook, text: str, near: str = "") -> str:
    return f"docs/runbooks/{page.alert}.md:{page.line_of(near)}: {text}"


@dataclass(frozen=True)
class Outcome:
    """The arguments of every kubectl call that a page made, and the problems of the run."""

    calls: list[list[str]]
    problems: list[str]


def run(
    page: Runbook,
    folder: Path,
    endpoints: Mapping[str, Iterable[str]],
    addresses: Mapping[str, str] | None = None,
    curl: str = "",
) -> Outcome:
    """Run all commands of a page in bash, with stand-ins for kubectl and curl, in `folder`.

    A command may exit with 1 (`grep` found nothing); any other failure, and any line on stderr, is
    a problem. `endpoints` holds the pods behind each Service. `addresses` maps the target of a
    port-forward, as `service/NAME`, to `HOST:PORT`, which the program `curl` then asks. All other
    targets answer {}.
    """
    state = folder / "state"
    (state / "forwards").mkdir(parents=True)
    ports = re.findall(r"\bport-forward .* (\d+):\d+", page.commands)
    _write_lines(state / "ports", ports)
    _write_lines(state / "addresses", (f"{at} {to}" for at, to in (addresses or {}).items()))
    pods = (f"{service} {pod}" for service, pods in endpoints.items() for pod in pods)
    _write_lines(state / "endpoints", pods)
    for name, text in (("kubectl", _KUBECTL), ("curl", _CURL)):
        path = program(folder / "bin", name, *text)
        path.write_text(path.read_text().replace("#!/bin/sh", "#!/usr/bin/env bash", 1))
    (folder / "before.sh").write_text(_BEFORE)
    script = folder / f"{page.alert}.md"
    script.write_text(page.script)
    environment = {**os.environ, "STATE": str(state), "CURL": curl, "NAMESPACE": NAMESPACE}
    environment["PATH"] = f"{folder / 'bin'}:{os.environ['PATH']}"
    environment["BASH_ENV"] = str(folder / "before.sh")
    with (
        (folder / "stderr").open("w") as stderr,
        subprocess.Popen(
            ["bash", script.name],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            start_new_session=True,
        ) as process,
    ):
        try:
            process.wait(LIMIT_SECONDS)
        finally:
            left = _open_forwards(state / "forwards")
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    unended = [f"the port-forward at localhost:{port} is never ended" for port in left]
    return Outcome(_read_calls(state), [*_failures(folder), *unended])


def _write_lines(path: Path, lines: Iterable[str]) -> None:
    path.write_text("".join(f"{line}\n" for line in lines))


def _open_forwards(forwards: Path) -> list[str]:
    """Wait until killed port-forwards have ended; return the ports that are still forwarded."""
    deadline = time.monotonic() + ENDING_SECONDS
    while any(_is_ending(path) for path in forwards.iterdir()) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    return [path.name for path in forwards.iterdir() if _status(path)]


def _is_ending(forward: Path) -> bool:
    """Whether the process may be about to end: it is running or has a pending signal.

    A port-forward that was not killed sleeps; a killed one is awake until it has ended.
    """
    status = _status(forward)
    pending = re.findall(r"^(?:SigPnd|ShdPnd):\s*([0-9a-f]+)", status, re.M)
    return bool(status) and ("\nState:\tS" not in status or any(int(bits, 16) for bits in pending))


def _status(forward: Path) -> str:
    """The contents of /proc/PID/status; empty if the process has ended."""
    pid = forward.read_text().split()[0]
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return "" if "\nState:\tZ" in status else status


def _read_calls(state: Path) -> list[list[str]]:
    path = state / "calls"
    records = path.read_text().split("\x1e")[:-1] if path.exists() else []
    return [record.split("\x1f") for record in records]


def _failures(folder: Path) -> list[str]:
    failed = folder / "state" / "failed"
    lines = (folder / "stderr").read_text().splitlines()
    noted = failed.read_text().splitlines() if failed.exists() else []
    # `wait` for a port-forward that was killed returns 143.
    noted = [line for line in noted if not line.startswith("143: ")]
    return list(dict.fromkeys([*(line for line in lines if "Terminated" not in line), *noted]))
