"""Waits for the effects of a test's actions."""

import time
from collections.abc import Callable, Iterable


def wait_for(condition: Callable[[], object], what: str, seconds: float = 20) -> float:
    """Wait until the condition holds; return the seconds taken. Fails after a time limit."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, f"{what}: not within {seconds:g} s"
        time.sleep(0.05)
    return time.monotonic() - began


def wait_for_none(find: Callable[[], Iterable[str]], what: str, seconds: float = 20) -> None:
    """Wait until `find` finds nothing. Fails after a time limit, and says what is still there."""
    began = time.monotonic()
    while found := [*find()]:
        assert time.monotonic() - began < seconds, f"after {seconds:g} s, {what}: {found}"
        time.sleep(0.05)
