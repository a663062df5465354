"""Keeps one odd value from costing the whole report."""

from collections.abc import Callable
from typing import TypeVar

from problems import one_line

T = TypeVar("T")
_ODD = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What reading a value raises if it is not as expected: a number without end, a missing label."""


def guarded(make: Callable[[], T], otherwise: Callable[[str], T]) -> T:
    """What `make` returns; if a value is odd, what `otherwise` makes of the reason, one line."""
    try:
        return make()
    except _ODD as error:
        return otherwise(one_line(f"unexpected value ({type(error).__name__}: {error})"))
