"""`python -m ops live`: run the rendered local stack until Ctrl-C, or replay a scenario."""

import argparse
import signal
import sys
import time
from pathlib import Path
from types import FrameType
from typing import NoReturn

from ops.arguments import Parser, loopback_network, whole_number
from ops.live import pace, view
from ops.live import scenario as scenarios
from ops.live.observation import Observer
from ops.live.options import Options
from ops.live.platform import Platform
from ops.live.problems import LiveError
from ops.live.replay import replay
from ops.live.scenario import Scenario
from ops.manifests import ManifestsError

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SCENARIO_SPEED = 60
FASTEST = 60
"""A scrape interval of 30 s becomes 0.5 s; the servers and a laptop keep up with no more."""


class _StoppedError(Exception):
    """Somebody wants the run to end."""


def main(arguments: list[str]) -> int:
    """Run the command; its exit code.

    0 after a Ctrl-C or a scenario that came out, 1 if something went wrong, 130 if a scenario was
    stopped before its end.
    """
    given = _parser().parse_args(arguments)
    screen = view.Screen(sys.stdout)
    for number in SIGNALS:
        signal.signal(number, _stop)
    try:
        scenario = scenarios.load(given.scenario) if given.scenario else None
        _run(_platform(given, scenario, screen), scenario, screen)
    except (LiveError, ManifestsError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    except _StoppedError:
        return 130 if given.scenario else 0
    return 0


def _run(platform: Platform, scenario: Scenario | None, screen: view.Screen) -> None:
    observer = Observer(platform)
    try:
        screen.say(f"starting {len(platform.pods)} pods; logs in {platform.files.root / 'logs'}")
        platform.start()
        for line in view.addresses(platform):
            screen.say(line)
        if scenario:
            replay(platform, observer, scenario, screen)
        else:
            _watch(platform, observer, screen)
    finally:
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        screen.say("stopping")
        platform.stop()
        observer.close()


def _watch(platform: Platform, observer: Observer, screen: view.Screen) -> NoReturn:
    """Show the platform until somebody stops it."""
    while True:
        platform.tick()
        screen.show(view.table(observer.look()))
        time.sleep(1)


def _platform(
    given: argparse.Namespace, scenario: Scenario | None, screen: view.Screen
) -> Platform:
    speed = given.speed or (SCENARIO_SPEED if scenario else 1)
    return Platform(
        Options(
            manifests=given.manifests,
            state=given.state,
            network=given.network,
            speed=speed,
            environment=pace.environment(speed),
            keep=given.keep,
            replay=scenario.path if scenario else None,
            replayed=tuple(scenario.pods) if scenario else (),
            # The recorded treaty is idle, and the recorded feeder was never deployed.
            jobs=scenario is None,
            say=screen.say,
        )
    )


def _parser() -> Parser:
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
    return parser


def _speed(text: str) -> int:
    return whole_number(1, FASTEST)(text) if text else 0


def _stop(_number: int, _frame: FrameType | None) -> NoReturn:
    raise _StoppedError
