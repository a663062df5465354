"""Steps and their entries, each made from a number."""

from services.psi_field.engine import SIZE
from services.psi_field.history import Entry

SMALL = 4
"""A history length that overflows often."""


def vector(number: int) -> tuple[float, ...]:
    return tuple(((number * 7 + i * 3) % 11 - 5) / 4 for i in range(SIZE))


def entry(counter: int, pod: str = "a", key: str | None = None, number: int = 0) -> Entry:
    return Entry(
        counter=counter,
        pod=pod,
        incarnation="0" * 16,
        key=key,
        x=vector(number),
        apply_guardian=False,
    )
