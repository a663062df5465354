"""Entry point of `make`'s commands; old Pythons can parse it, so that it can refuse them."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036
    sys.exit(
        "error: {} is Python {}.{}, and 3.11 or newer is needed. Install one and name it, "
        "e.g. `make preview PYTHON=python3.12`.".format(sys.executable, *sys.version_info[:2])
    )

from toolchain.commands import main

main(sys.argv[1:])
