"""`python -m ops live`: runs the rendered local stack until Ctrl-C, or replays a scenario."""

import signal
import sys
import time
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import NoReturn

from ops.arguments import Parser, loopback_network, whole_number
from ops.live.launch import RunOptions
from ops.live.observation import Observer
from ops.live.platform import Platform
from ops.live.processes import LiveError
from ops.live.scaling import cron_job_variables
from ops.live.scenario import Scenario, load_scenario, replay_scenario
from ops.live.terminal import Screen, pod_addresses, status_table
from ops.manifests import ManifestsError

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SCENARIO_SPEED = 60
FASTEST = 60
"""A scrape interval of 30 s becomes 0.5 s; servers on a laptop can't keep up with less."""


class _StoppedError(Exception):
    """A signal ended the run."""


def main(arguments: list[str]) -> int:
    """Run the stack, or replay a scenario on it.

    Exit code: 0 after Ctrl-C or a scenario that matches its record, 1 after a failure, 130 if a
    scenario was interrupted.
    """
    options = parse_arguments(arguments)
    screen = Screen(sys.stdout)
    for number in SIGNALS:
        signal.signal(number, _stop)
    try:
        scenario = load_scenario(options.scenario) if options.scenario else None
        _run(Platform(run_options(options, scenario, screen.print_line)), scenario, screen)
    except (LiveError, ManifestsError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    except _StoppedError:
        return 130 if options.scenario else 0
    return 0


def parse_arguments(arguments: list[str]) -> Namespace:
    """Parse the command line; exits with code 2 if it is wrong."""
    parser = Parser(prog="python -m ops live", description="Run the rendered local stack.")
    parser.add_argument("--scenario", default="", help="replay this one, then end: reference")
    parser.add_argument(
        "--speed", type=_speed, default=0, help=f"run time faster, 1 to {FASTEST} times"
    )
    parser.add_argument("--manifests", type=Path, default=Path("rendered/local/1-manifest"))
    parser.add_argument("--state", type=Path, default=Path(".state/live"))
    parser.add_argument("--keep", action="store_true", help="keep the samples of the last run")
    parser.add_argument(
        "--network", type=loopback_network, default="127.0.80", help="of the pods: 127.X.Y"
    )
    return parser.parse_args(arguments)


def run_options(
    options: Namespace, scenario: Scenario | None, log: Callable[[str], None]
) -> RunOptions:
    """The options of the run; a scenario runs at SCENARIO_SPEED unless `--speed` is given."""
    speed = options.speed or (SCENARIO_SPEED if scenario else 1)
    return RunOptions(
        manifests=options.manifests,
        state=options.state,
        network=options.network,
        speed=speed,
        environment=cron_job_variables(speed),
        keep=options.keep,
        replay=scenario.path if scenario else None,
        replayed=tuple(scenario.pods) if scenario else (),
        # In the recorded scenario the treaty is idle and the feeder not deployed.
        jobs=scenario is None,
        log=log,
    )


def _run(platform: Platform, scenario: Scenario | None, screen: Screen) -> None:
    observer = Observer(platform)
    try:
        screen.print_line(f"starting {len(platform.pods)} pods; logs in {platform.files.logs}")
        platform.start()
        for line in pod_addresses(platform):
            screen.print_line(line)
        if scenario:
            replay_scenario(platform, observer, scenario, screen)
        else:
            _watch(platform, observer, screen)
    finally:
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        screen.print_line("stopping")
        platform.stop()
        observer.close()


def _watch(platform: Platform, observer: Observer, screen: Screen) -> NoReturn:
    """Run the platform and show its status until a signal ends it."""
    while True:
        platform.tick()
        screen.show_table(status_table(observer.observe()))
        time.sleep(1)


def _speed(text: str) -> int:
    # `make live` passes an empty string if SPEED is not set.
    return whole_number(1, FASTEST)(text) if text else 0


def _stop(_number: int, _frame: FrameType | None) -> NoReturn:
    raise _StoppedError
