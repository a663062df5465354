"""The vector of a feeding, by its number."""

import math

SIZE = 16
_TURN = 60


def vector(number: int) -> list[float]:
    """The 16 numbers of a feeding: x[i] = sin(2 pi (number / 60 + i / 16)).

    One period of a sine, -1 to 1, that turns once in 60 feedings; fed every minute, once an hour.
    Rounded to 6 digits, so that a step is the same text from every machine.
    """
    turn = number % _TURN / _TURN
    return [round(math.sin(math.tau * (turn + i / SIZE)), 6) for i in range(SIZE)]
