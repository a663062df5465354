"""Fixtures: rendered stacks, and platforms that run them on loopback."""

import itertools
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from components import prometheus
from ops.live.launch import RunOptions
from ops.live.observation import Observation, Observer
from ops.live.platform import Platform
from ops.live.scenario import load_scenario
from ops.live.terminal import status_table
from promql.durations import parse_duration
from tests.support.project import Project

SPEED = 20
"""How many times faster time runs: at 60, the limit, two stacks ask too much of two slow cores."""
INTERVAL = parse_duration(prometheus.INTERVAL) / 1000 / SPEED
"""Seconds between two scrapes of a target, in fast time."""
MANIFESTS = "rendered/local/1-manifest"
_NETWORKS = itertools.count(1)


def new_network() -> str:
    """A loopback network that no other test, worker or `make live` uses."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    return f"127.{100 + worker}.{next(_NETWORKS)}"


class Live:
    """A platform with its observer; `logged` holds the lines that it has logged."""

    def __init__(self, state: Path, manifests: Path, **options: Any) -> None:
        self.logged: list[str] = []
        self.platform = Platform(
            RunOptions(
                manifests=manifests,
                state=state,
                network=new_network(),
                speed=SPEED,
                log=self.logged.append,
                **{"jobs": False, **options},
            )
        )
        self.observer = Observer(self.platform)

    def wait_for(
        self, condition: Callable[[Observation], object], what: str, seconds: float = 120
    ) -> Observation:
        """Run the platform until the condition holds; on timeout, fail with the last status."""
        deadline = time.monotonic() + seconds
        while True:
            self.platform.tick()
            seen = self.observer.observe()
            if condition(seen):
                return seen
            if time.monotonic() > deadline:
                status = "\n".join(status_table(seen))
                raise AssertionError(f"{what}: not within {seconds:g} s:\n{status}")
            time.sleep(0.1)

    def wait_for_rules(self) -> Observation:
        """Run the platform until every target is up and every rule healthy."""
        return self.wait_for(
            lambda seen: seen.is_up and all(rule.health == "ok" for rule in seen.rules()),
            "all targets up and all rules healthy",
        )


def running(live: Live) -> Iterator[Live]:
    """Start the platform, and always stop it; for fixtures to `yield from`."""
    try:
        live.platform.start()
        yield live
    finally:
        live.platform.stop()
        live.observer.close()


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A copy of the program after `up`; tests may change it and run `up` again."""
    project = Project.of_the_platform(tmp_path_factory.mktemp("live") / "a clone")
    result = project.up()
    assert result.code == 0, result.text
    return project


@pytest.fixture(scope="session")
def manifests(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The manifests of the first `up`; no test changes them."""
    return Path(shutil.copytree(project.root / MANIFESTS, tmp_path_factory.mktemp("m") / "all"))


# A stack starts in seconds but uses a seventh of a core, so each test module runs its own.


@pytest.fixture(scope="module")
def replayed(
    project: Project, manifests: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Live]:
    """The reference scenario on the stack of `project`."""
    reference = load_scenario("reference")
    yield from running(
        Live(
            tmp_path_factory.mktemp("replayed"),
            project.root / MANIFESTS,
            replay=reference.path,
            replayed=tuple(reference.pods),
        )
    )


@pytest.fixture(scope="module")
def services(manifests: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """The stack with its real services, without runs of its CronJobs."""
    yield from running(Live(tmp_path_factory.mktemp("services"), manifests))
