"""How a user's mistake ends a preview: one line each, no traceback, nothing changed."""

from collections.abc import Iterable
from typing import NoReturn

import pulumi

SHOWN_TO_USER = 32
"""Exit code by which a program tells Pulumi's Python host that it has printed the reason itself."""


def refuse(problems: Iterable[str]) -> NoReturn:
    """Show each problem as an error of its own and stop the program before it declares anything.

    Raises SystemExit always. Call it before the first resource is declared.
    """
    for problem in problems:
        pulumi.log.error(problem)
    raise SystemExit(SHOWN_TO_USER)
