"""Runs the commands of a runbook in bash, with a kubectl and a curl that stand in for the real."""

import os
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.support.programs import program
from tests.support.runbook import Runbook

NAMESPACE = "named-by-the-reader"
"""Not that of any stack: a page that spells its own out is found."""
LIMIT_SECONDS = 60
ENDING_SECONDS, ENDING_STEPS = 3.0, 60
"""How long a forward that was killed may take to end, and how often one looks."""

# A port-forward is open while its process runs. It notes what is forwarded in a file that is named
# after the port on this machine. A process that has ended but is not waited for (Z) does not run.
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
for _ in {1..100}; do is_open "$file" && break; sleep 0.02; done
is_open "$file" || fail "curl: nobody forwards localhost:$port"
read -r _ target <"$file"
if address=$(grep "^$target " "$STATE/addresses"); then
    "$CURL" --connect-to "localhost:$port:${address#* }" "$@" || fail "curl: $? of curl $*"
else
    echo '{}'
fi
""",
]
_BEFORE = r"""trap 'code=$?; [ $code -le 1 ] || echo "$code: $BASH_COMMAND" >>"$STATE/failed"' ERR
set -u
"""


@dataclass(frozen=True)
class Outcome:
    """What came of a page: the words of each call of kubectl, and what went wrong."""

    calls: list[list[str]]
    problems: list[str]


def run(
    page: Runbook,
    folder: Path,
    endpoints: Mapping[str, Iterable[str]],
    addresses: Mapping[str, str] | None = None,
    curl: str = "",
) -> Outcome:
    """Run all commands of a page, in a folder that is its own.

    A command may say no (exit code 1: `grep` has found nothing), but neither fail nor complain.
    `endpoints` are the pods behind each Service. `addresses` are where the targets of port-forwards
    really are, as `service/NAME` -> `HOST:PORT`; `curl` asks them, and all others answer {}.
    """
    state = folder / "state"
    (state / "forwards").mkdir(parents=True)
    lines = [f"{service} {pod}\n" for service, pods in endpoints.items() for pod in pods]
    (state / "endpoints").write_text("".join(lines))
    lines = [f"{target} {address}\n" for target, address in (addresses or {}).items()]
    (state / "addresses").write_text("".join(lines))
    for name, text in (("kubectl", _KUBECTL), ("curl", _CURL)):
        path = program(folder / "bin", name, *text)
        path.write_text(path.read_text().replace("#!/bin/sh", "#!/usr/bin/env bash", 1))
    script = folder / "page.sh"
    script.write_text(_BEFORE + page.commands)
    environment = {**os.environ, "STATE": str(state), "CURL": curl, "NAMESPACE": NAMESPACE}
    environment["PATH"] = f"{folder / 'bin'}:{os.environ['PATH']}"
    with (
        (folder / "stderr").open("w") as complaints,
        subprocess.Popen(
            ["bash", script],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=complaints,
            start_new_session=True,
        ) as process,
    ):
        try:
            process.wait(LIMIT_SECONDS)
        finally:
            left = _still_open(state / "forwards")
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    return Outcome(calls=_calls(state), problems=[*_failures(folder), *map(_not_ended, left)])


def _still_open(forwards: Path) -> list[str]:
    """The ports that are forwarded, after those that are being killed have had time to end."""
    for _ in range(ENDING_STEPS):
        left = [path.name for path in forwards.iterdir() if _is_open(path)]
        if not left:
            break
        time.sleep(ENDING_SECONDS / ENDING_STEPS)
    return left


def _calls(state: Path) -> list[list[str]]:
    path = state / "calls"
    records = path.read_text().split("\x1e")[:-1] if path.exists() else []
    return [record.split("\x1f") for record in records]


def _failures(folder: Path) -> list[str]:
    failed = folder / "state" / "failed"
    lines = (folder / "stderr").read_text().splitlines()
    said = [line for line in lines if "Terminated" not in line]
    noted = failed.read_text().splitlines() if failed.exists() else []
    # Whoever waits for a port-forward that was ended is told 143.
    return [*said, *(line for line in noted if not line.startswith("143: "))]


def _not_ended(port: str) -> str:
    return f"the port-forward at localhost:{port} is never ended"


def _is_open(forward: Path) -> bool:
    pid = forward.read_text().split()[0]
    try:
        return " Z " not in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
