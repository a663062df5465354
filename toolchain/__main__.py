"""Entry of `make`'s commands; kept readable for any Python 3, to be able to refuse an old one."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036
    sys.exit(
        "error: {} is Python {}.{}, and 3.11 or newer is needed: install one and name it, "
        "e.g. `make preview PYTHON=python3.12`".format(sys.executable, *sys.version_info[:2])
    )

from toolchain.commands import main

main(sys.argv[1:])
