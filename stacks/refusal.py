"""How a user's mistake ends a preview: one line each, no traceback, nothing changed."""

from typing import NoReturn

import pulumi

from problems import Problems, Refused

SHOWN_TO_USER = 32
"""Exit code by which a program tells Pulumi's Python host that it has printed the reason itself."""


def refuse(problems: Problems) -> NoReturn:
    """Show each problem as an error of its own and stop the program, by SystemExit.

    Call it before the first resource is declared.
    """
    try:
        problems.refuse_if_any()
    except Refused as refused:
        for line in refused.problems:
            pulumi.log.error(line)
    raise SystemExit(SHOWN_TO_USER)
