"""Ends the program with one line for each of the user's mistakes, without a traceback."""

from typing import NoReturn

import pulumi

from problems import Problems, Refused

SHOWN_TO_USER = 32
"""Exit code that tells Pulumi's Python host that the program has already printed the reason."""


def refuse(problems: Problems) -> NoReturn:
    """Log each problem as a separate error and raise SystemExit.

    Call it before the first resource is declared.
    """
    try:
        problems.refuse_if_any()
    except Refused as refused:
        for line in refused.problems:
            pulumi.log.error(line)
    raise SystemExit(SHOWN_TO_USER)
