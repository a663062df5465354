"""A Pulumi program in its own folder with its own backend, run by the real engine."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.support.processes import kill_family
from toolchain import stacks
from toolchain.base import CLONE, VENV, state

SOURCES = (
    "*.py",
    "Pulumi*.yaml",
    "stacks",
    "components",
    "rules",
    "dashboards",
    "promql",
    "templates",
    "docs",
)
LIMIT_SECONDS = 180


@dataclass(frozen=True)
class Result:
    """The result of a `pulumi` command: exit code, stdout and stderr."""

    code: int
    text: str

    @property
    def changes(self) -> dict[str, int]:
        """The summary's counts by sign, such as `{"+": 3, "+-": 1}`; `=` is unchanged."""
        summary = self.text.rpartition("\nResources:\n")[2]
        lines = re.findall(r"^ +([-+~]+) *(\d+) ", summary, re.MULTILINE)
        counts = {sign: int(number) for sign, number in lines}
        if unchanged := re.search(r"(\d+) unchanged", summary):
            counts["="] = int(unchanged[1])
        return counts

    @property
    def errors(self) -> list[str]:
        """The error lines of the final diagnostics."""
        lines = [line.strip() for line in self.text.rpartition("Diagnostics:")[2].splitlines()]
        return [line for line in lines if line.startswith("error:")]

    def diagnostics(self, resource: str) -> str:
        """What the final diagnostics say about a resource; empty if they don't name it."""
        parts = re.split(r"^  \S+ \((.+)\):$", self.text.rpartition("Diagnostics:")[2], flags=re.M)
        texts = dict(zip(parts[1::2], parts[2::2], strict=True))
        return texts.get(resource, "")


class Project:
    """A project's folder; commands run the stack `local` by default."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @classmethod
    def of_the_platform(cls, root: Path) -> "Project":
        """Copy this repository's program, so that a test can change it."""
        root.mkdir(parents=True)
        for source in (path for pattern in SOURCES for path in CLONE.glob(pattern)):
            if source.is_dir():
                skip = shutil.ignore_patterns("__pycache__")
                shutil.copytree(source, root / source.name, ignore=skip)
            else:
                shutil.copy(source, root)
        # Pulumi.yaml names this folder, and an official language host looks for it there.
        (root / VENV.name).symlink_to(VENV)
        return cls(root)

    def preview(self, *arguments: str, stack: str = "local") -> Result:
        """Run `make preview`."""
        return self.run("preview", *arguments, stack=stack)

    def up(self, *arguments: str, stack: str = "local") -> Result:
        """Run `make up`."""
        return self.run("up", *arguments, stack=stack)

    def destroy(self, *arguments: str, stack: str = "local") -> Result:
        """Run `make destroy`."""
        return self.run("destroy", *arguments, stack=stack)

    def run(self, verb: str, *arguments: str, stack: str = "local") -> Result:
        """Run the command as `make` does; lets the toolchain's UserError propagate."""
        return run_planned(stacks.plan(verb, stack, list(arguments), root=self.root))

    def start(self, verb: str, *arguments: str, stack: str = "local") -> subprocess.Popen[bytes]:
        """Start the command and leave it running, for tests that interrupt it."""
        planned = stacks.plan(verb, stack, list(arguments), root=self.root)
        return subprocess.Popen(
            planned.command,
            cwd=planned.root,
            env=planned.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    @contextmanager
    def edited(self, path: str, old: str, new: str) -> Iterator[None]:
        """Replace one text in a file of the program, and restore the file afterwards."""
        file = self.root / path
        text = file.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{path} has {text.count(old)} x {old!r}"
        file.write_text(text.replace(old, new), encoding="utf-8")
        try:
            yield
        finally:
            file.write_text(text, encoding="utf-8")

    def set_secret(self, key: str, value: str, *, stack: str = "local") -> None:
        """Set a declared secret in the rehearsal's configuration."""
        self._pulumi("config", "set", "--secret", key, stack=stack, given=value)

    def unprotect(self, urn: str, *, stack: str = "local") -> None:
        """Let the engine replace or delete a resource."""
        self._pulumi("state", "unprotect", urn, "--yes", stack=stack)

    def _pulumi(self, *command: str, stack: str, given: str = "") -> None:
        """Run a command of Pulumi that does not run the program."""
        planned = stacks.plan("preview", stack, [], root=self.root)
        config = planned.command[planned.command.index("--config-file") + 1]
        subprocess.run(
            [planned.command[0], *command, "--stack", stack],
            input=given,
            cwd=Path(config).parent,
            env=planned.environment,
            check=True,
            capture_output=True,
            text=True,
        )

    def state_bytes(self, *, stack: str = "local") -> bytes:
        """The contents of the stack's state file; empty before the first run."""
        folder = state(self.root) / "backend" / ".pulumi" / "stacks"
        files = list(folder.glob(f"*/{stack}.json"))
        return files[0].read_bytes() if files else b""

    def resources(self, *, stack: str = "local") -> dict[str, dict[str, Any]]:
        """The state's resources by URN."""
        deployment = json.loads(self.state_bytes(stack=stack))["checkpoint"]["latest"]
        return {resource["urn"]: resource for resource in deployment.get("resources", [])}

    def resources_without_ciphertext(self, *, stack: str = "local") -> str:
        """The resources as text; the engine encrypts secrets again at each save."""
        text = json.dumps(self.resources(stack=stack), sort_keys=True)
        return re.sub(r'"ciphertext": "[^"]*"', "", text)

    def rendered(self, folder: str = "rendered/local") -> dict[str, dict[str, Any]]:
        """The rendered manifests by file name."""
        files: Iterable[Path] = (self.root / folder / "1-manifest").glob("*.yaml")
        return {file.name: yaml.safe_load(file.read_text(encoding="utf-8")) for file in files}


def run_planned(planned: stacks.Run) -> Result:
    """Run a prepared command to its end; one that does not end is killed with its plug-ins."""
    process = subprocess.Popen(
        [*planned.command, "--color", "never"],
        cwd=planned.root,
        env=planned.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        output, _ = process.communicate(timeout=LIMIT_SECONDS)
    except BaseException as error:
        kill_family(process.pid)
        output, _ = process.communicate()
        error.add_note(output)
        raise
    return Result(process.returncode, output)
