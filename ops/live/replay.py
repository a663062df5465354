"""Replays a scenario on a running platform, and judges what came of it."""

import time
from collections.abc import Callable

from ops.live import view
from ops.live.durations import longest_range
from ops.live.observation import Observation, Observer
from ops.live.platform import Platform
from ops.live.problems import LiveError
from ops.live.scenario import Row, Scenario

LONGEST_RANGE = 15 * 60.0
"""Seconds of platform time; the alerts that the platform's owners gave look back 10 minutes."""

GRACE_SECONDS = 60.0
"""How much longer than its rules need a scenario may take, for slow machines."""


def replay(platform: Platform, observer: Observer, scenario: Scenario, screen: view.Screen) -> None:
    """Wait until all that can fire has had its time, and all that must come has come.

    Raises LiveError if something else came, or not all of it in bounded time.
    """
    began = time.monotonic()

    def follow(until: Callable[[Observation], bool], seconds: float) -> Observation:
        deadline = time.monotonic() + seconds
        while True:
            platform.tick()
            seen = observer.look()
            screen.show(view.table(seen))
            if until(seen) or time.monotonic() > deadline:
                return seen
            time.sleep(0.5)

    seen = follow(lambda seen: seen.is_up and is_evaluated(seen), GRACE_SECONDS)
    settle = settle_seconds(seen, platform.options.speed)
    screen.say(f"every alert has had its time in {settle:.0f} s more")
    due = time.monotonic() + settle
    rows: list[Row] = []

    def is_done(seen: Observation) -> bool:
        rows[:] = scenario.compare(platform, seen, observer)
        return time.monotonic() >= due and all(row.is_right for row in rows)

    follow(is_done, settle + GRACE_SECONDS)
    head = ["", "", "expected", "got"]
    cells = [["" if r.is_right else "WRONG", r.what, r.expected, r.got] for r in rows]
    for line in view.columns([head, *cells]):
        screen.say(line)
    wrong = [row for row in rows if not row.is_right]
    took = f"{time.monotonic() - began:.0f} s"
    if wrong:
        raise LiveError(
            f"{len(wrong)} of {len(rows)} did not come out as recorded in {took}, the first: "
            f"{wrong[0].what}: expected {wrong[0].expected}, got {wrong[0].got}"
        )
    screen.say(f"all {len(rows)} came out as recorded, in {took}")


def is_evaluated(seen: Observation) -> bool:
    """Whether every rule has been evaluated."""
    return bool(seen.groups) and all(rule.health != "unknown" for rule in seen.rules())


def settle_seconds(seen: Observation, speed: int) -> float:
    """In what time an alert that can fire on steady values does: its longest range, and `for`.

    A range longer than LONGEST_RANGE sees all of a run from its start on, and settles with the
    first samples.
    """
    ranges = [longest_range(rule.query) for rule in seen.rules()]
    longest = max((length for length in ranges if length <= LONGEST_RANGE / speed), default=0.0)
    return longest + max((rule.duration for rule in seen.rules()), default=0.0)
