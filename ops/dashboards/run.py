"""Runs the rendered stack for a while and asks all that its dashboards ask."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from ops.dashboards.boards import Boards
from ops.dashboards.fill import Window
from ops.dashboards.results import Results, gather
from ops.http_api import ApiError
from ops.live import pace, processes
from ops.live.launch import PROGRAMS
from ops.live.observation import Observation, Observer
from ops.live.options import Options
from ops.live.platform import Platform
from ops.live.problems import LiveError

SPEED = 60
"""How many times faster than the clock time runs: as fast as the servers keep up with."""
UP_SECONDS = 30
"""How long the targets may take to be up once their processes run."""

STORY = "Halfway, a pod of each service was replaced."
"""What happens while data is collected, so that there is something to see."""


def run(
    manifests: Path,
    boards: Boards,
    *,
    state: Path,
    network: str,
    minutes: int,
    say: Callable[[str], None],
) -> list[Results]:
    """What every dashboard shows after so many minutes of the platform's time.

    Raises LiveError if the stack does not come up, or if a dashboard gets no data at all.
    """
    platform = Platform(
        Options(
            manifests=manifests,
            state=state,
            network=network,
            speed=SPEED,
            environment=pace.environment(SPEED),
            say=say,
        )
    )
    observer = Observer(platform)
    try:
        say(f"starting {len(platform.pods)} pods; logs in {platform.files.root / 'logs'}")
        platform.start()
        _wait(platform, observer, UP_SECONDS, lambda seen: seen.is_up)
        say(f"collecting {minutes} minutes of data; time runs {SPEED} times faster")
        half = minutes * 60 / SPEED / 2
        _wait(platform, observer, half)
        _replace(platform)
        _wait(platform, observer, half)
        window = Window(minutes * 60_000, boards.interval, SPEED)
        found = [
            gather(observer.prometheus, board, window, STORY).with_places(_places(platform))
            for board in boards.all
        ]
    except ApiError as error:
        raise LiveError(f"{error}; logs in {platform.files.root / 'logs'}") from None
    finally:
        platform.stop()
        observer.close()
    require_data(found, say)
    return found


def require_data(found: Sequence[Results], say: Callable[[str], None]) -> None:
    """Say which panels are empty. Raises LiveError if a dashboard is nothing but that."""
    for results in found:
        title, empty = results.board.title, results.empty()
        if len(empty) == len(results.board.charts):
            raise LiveError(
                f"Prometheus has no data for any panel of the dashboard {title}: the logs of the "
                "pods, whose folder is named above, say more"
            )
        for panel in empty:
            say(f"{title}, {panel.title}: {panel.defaults.get('noValue', 'no data')}")


def _places(platform: Platform) -> dict[str, str]:
    """Where each mounted folder is here, and where it is in the cluster."""
    return {
        str(folder): mount
        for pod in platform.pods
        for mount, folder in platform.files.folders(pod).items()
    }


def _replace(platform: Platform) -> None:
    """End the first pod of each service: the platform gives it a successor, as a rollout does."""
    services = [pod.workload.name for pod in platform.pods if pod.workload.name not in PROGRAMS]
    firsts = [platform.of(name)[0] for name in dict.fromkeys(services)]
    processes.stop([platform.children[pod.name] for pod in firsts])


def _wait(
    platform: Platform,
    observer: Observer,
    seconds: float,
    until: Callable[[Observation], bool] = lambda _: False,
) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not until(observer.look()):
        platform.tick()
        time.sleep(0.2)
