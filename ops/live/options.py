"""How to run a stack."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Options:
    """How to run a stack.

    `network`: the first three numbers of the pods' addresses. `replay`: a scenario's file, whose
    values stand in for the workloads in `replayed`. `jobs`: whether CronJobs run at their times;
    else it is as if there were none. `environment`: further variables for the pods or jobs of a
    name. `say` gets a line for whatever happens.
    """

    manifests: Path
    state: Path
    network: str
    speed: int = 1
    keep: bool = False
    replay: Path | None = None
    replayed: tuple[str, ...] = ()
    jobs: bool = True
    environment: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    say: Callable[[str], None] = print
