"""What a run would change in a stack, as Markdown for a review: `make plan` and `make drift`."""

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from toolchain import rehearsal, stacks
from toolchain.base import CLONE, UserError, state, write_atomically

ALLOW_LOSS = "--allow-loss"
"""Argument that accepts the loss of what holds data or is protected."""
STATEFUL = frozenset(
    {
        "aws:amp/workspace:Workspace",
        "aws:ecr/repository:Repository",
        "aws:kms/key:Key",
        "kubernetes:apps/v1:StatefulSet",
        "kubernetes:core/v1:Namespace",
        "kubernetes:core/v1:PersistentVolumeClaim",
        "kubernetes:storage.k8s.io/v1:StorageClass",
    }
)
"""Types of resources whose end takes data with it, or what data depends on."""
OPERATIONS = {
    "create": "create",
    "import": "create",
    "update": "update",
    "delete": "delete",
    "replace": "replace",
    "create-replacement": "replace",
    "delete-replaced": "replace",
    "import-replacement": "replace",
}
"""The engine's steps that change a resource, and our word for each; the others change nothing."""
ROWS, PATHS = 60, 4
"""Rows of a table and paths of a row; three stacks then fit into one comment on GitHub."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """One resource that a run would change.

    `paths` are the properties that differ, without their values: a value may be a secret.
    """

    operation: str
    type: str
    name: str
    paths: tuple[str, ...]
    protected: bool

    @property
    def loses(self) -> bool:
        """Whether the change ends a resource that holds data or is protected."""
        ends = self.operation in ("delete", "replace")
        return ends and (self.protected or self.type in STATEFUL)


def plan(stack: str, arguments: Sequence[str], *, root: Path = CLONE) -> None:
    """Preview the stack; save the plan for `up --plan`, and print its changes as Markdown.

    Raises UserError if the preview fails, or if it ends a resource that holds data or is protected
    and the arguments don't contain `--allow-loss`.
    """
    saved = plan_file(stack, root)
    saved.unlink(missing_ok=True)
    saved.parent.mkdir(parents=True, exist_ok=True)
    given = [argument for argument in arguments if argument != ALLOW_LOSS]
    run = stacks.plan("preview", stack, [f"--save-plan={saved}", *given], root=root)
    digest = _digest(run, f"the preview of stack {stack}", saved.with_suffix(".md"))
    changes = changes_of(digest)
    title = f"Stack `{stack}`" + (", rehearsed: no cluster is asked" if run.rehearsed else "")
    _publish(saved.with_suffix(".md"), as_markdown(title, changes, digest))
    if lost := [change for change in changes if change.loses]:
        names = ", ".join(f"{change.operation} {_kind(change)} {change.name}" for change in lost)
        if ALLOW_LOSS not in arguments:
            saved.unlink(missing_ok=True)
            raise UserError(
                f"stack {stack}: this loses data, or what is protected: {names}. Undo the change, "
                f"or accept the loss with ARGS={ALLOW_LOSS}."
            )


def drift(stack: str, arguments: Sequence[str], *, root: Path = CLONE) -> None:
    """Compare the stack's state with its cluster and account; print what differs as Markdown.

    Nothing is changed. Raises UserError if that fails, or if anything differs.
    """
    report = state(root) / "drift" / f"{stack}.md"
    run = stacks.plan("refresh", stack, ["--preview-only", *arguments], root=root)
    digest = _digest(run, f"the refresh of stack {stack}", report)
    changes = changes_of(digest)
    _publish(report, as_markdown(f"Drift of stack `{stack}`", changes, digest))
    if changes:
        raise UserError(
            f"stack {stack}: {_count(changes)} outside of Pulumi. Undo it with "
            f"`make refresh STACK={stack}` and `make up STACK={stack}`, or change the program."
        )


def plan_file(stack: str, root: Path = CLONE) -> Path:
    """Where `plan` saves the stack's plan; its Markdown is beside it."""
    return state(root) / "plans" / f"{stack}.json"


def require_fresh(run: stacks.Run, stack: str, file: Path) -> None:
    """Raise UserError if the stack's state or a secret has changed since the plan was made.

    The engine holds an update to the plan's operations and values, but doesn't ask from which state
    the plan began. Where a secret differs, its message would quote both values.
    """
    again = f"Run `make plan STACK={stack}` and have the new plan approved."
    try:
        planned = json.loads((run.root / file).read_text(encoding="utf-8"))
        made = datetime.fromisoformat(planned["manifest"]["time"])
    except (OSError, ValueError, KeyError, TypeError):
        raise UserError(f"{file}: is not a plan. {again}") from None
    configured = yaml.safe_load(stacks.config_file(run, stack).read_text(encoding="utf-8")) or {}
    before, now = (_ciphertexts(one.get("config")) for one in (planned, configured))
    if changed := sorted(key for key in before | now if before.get(key) != now.get(key)):
        text = f"{', '.join(changed)} changed after this plan was made"
        raise UserError(f"{file}: {text}. {again}")
    exported = _run([run.command[0], "stack", "export", "--stack", stack], run)
    if exported.returncode:
        reason = "".join(exported.stderr.strip().splitlines()[-1:])
        raise UserError(f"the state of stack {stack} can't be read: {reason}. Correct that.")
    manifest = (json.loads(exported.stdout).get("deployment") or {}).get("manifest") or {}
    if "time" in manifest and datetime.fromisoformat(manifest["time"]) > made:
        raise UserError(f"{file}: stack {stack} has changed since this plan was made. {again}")


def changes_of(digest: Mapping[str, Any]) -> list[Change]:
    """The changes of what `pulumi preview --json` or `pulumi refresh --json` prints.

    A replacement may be several steps; losses come first.
    """
    found: dict[str, Change] = {}
    for step in digest.get("steps") or ():
        operation = OPERATIONS.get(step["op"])
        if operation is None or "$pulumi:providers:" in step["urn"]:
            continue
        before = step.get("oldState") or {}
        _, _, qualified, name = step["urn"].split("::", 3)
        found[step["urn"]] = Change(
            operation=operation,
            type=qualified.rpartition("$")[2],
            name=name,
            paths=tuple(step.get("detailedDiff") or ()),
            protected=bool(before.get("protect")),
        )
    order = ("delete", "replace", "update", "create")
    return sorted(found.values(), key=lambda one: (not one.loses, order.index(one.operation)))


def as_markdown(title: str, changes: Sequence[Change], digest: Mapping[str, Any]) -> str:
    """The changes as a section of Markdown, without any property's value."""
    lines = [f"### {title}", ""]
    if errors := errors_of(digest):
        return "\n".join([*lines, "It fails:", "", "```text", *errors, "```", ""])
    lines += [f"{_count(changes) or 'nothing changes'}.".capitalize(), ""]
    if lost := [change for change in changes if change.loses]:
        names = ", ".join(f"{_kind(change)} `{change.name}`" for change in lost)
        lines += [f"> **This loses data, or what is protected:** {names}.", ""]
    if changes:
        lines += ["| Change | Type | Name | Properties |", "|---|---|---|---|"]
        lines += [_row(change) for change in changes[:ROWS]]
        lines += [""]
    if len(changes) > ROWS:
        lines += [f"And {len(changes) - ROWS} more.", ""]
    return "\n".join(lines)


def errors_of(digest: Mapping[str, Any]) -> list[str]:
    """The lines of the errors that the engine and the program report."""
    found = digest.get("diagnostics") or ()
    texts = [one["message"] for one in found if one.get("severity") == "error"]
    return [line for text in texts for line in text.strip().splitlines()]


def _digest(run: stacks.Run, what: str, report: Path) -> dict[str, Any]:
    """What the command prints with --json; reports why it failed. Raises UserError if it fails."""
    ended = _run([*run.command, "--json"], run)
    try:
        digest = json.loads(ended.stdout or "{}")
    except ValueError:
        digest = {}
    if ended.returncode == 0:
        return digest
    errors = errors_of(digest) or ended.stderr.strip().splitlines()
    failed = {"diagnostics": [{"severity": "error", "message": line} for line in errors]}
    write_atomically(report, as_markdown(what.capitalize(), (), failed))
    raise UserError("\n".join([f"{what} fails:", *errors]))


def _run(command: Sequence[str], run: stacks.Run) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=run.root,
        env=run.environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )


def _publish(file: Path, text: str) -> None:
    write_atomically(file, text)
    sys.stdout.write(text)
    sys.stdout.flush()


def _count(changes: Iterable[Change]) -> str:
    """Such as "2 update, 1 create"; empty without changes."""
    counts: dict[str, int] = {}
    for change in changes:
        counts[change.operation] = counts.get(change.operation, 0) + 1
    return ", ".join(f"{number} {operation}" for operation, number in counts.items())


def _row(change: Change) -> str:
    paths = [f"`{path}`".replace("|", "\\|") for path in change.paths[:PATHS]]
    if len(change.paths) > PATHS:
        paths.append(f"{len(change.paths) - PATHS} more")
    emphasis = "**" if change.loses else ""
    operation = f"{emphasis}{change.operation}{emphasis}"
    return f"| {operation} | `{change.type}` | `{change.name}` | {', '.join(paths)} |"


def _kind(change: Change) -> str:
    return change.type.rpartition(":")[2]


def _ciphertexts(config: Mapping[str, Any] | None) -> dict[str, str]:
    """The encrypted value of each secret of a stack's configuration."""
    found = (config or {}).items()
    return {key: value["secure"] for key, value in found if rehearsal.is_secure(value)}
