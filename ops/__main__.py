"""Runs an operator's command: `python -m ops COMMAND [ARGUMENT...]`."""

import sys
import traceback
from collections.abc import Iterable
from contextlib import redirect_stderr, redirect_stdout
from importlib import import_module
from typing import Any, TextIO

from problems import did_you_mean, without_userinfo

COMMANDS = {
    "cost": "ops.cost.command",
    "dashboards": "ops.pictures.command",
    "live": "ops.live.command",
    "report": "ops.report.command",
    "silence": "ops.silences",
    "test-page": "ops.verify.page_command",
    "verify": "ops.verify.command",
    "watch": "ops.watch",
}
"""The module of each command; its `main(arguments)` returns the exit code."""


class WithoutPasswords:
    """A stream that writes no user and password of a URL; all that a command prints passes here."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write the text, which holds whole URLs."""
        return self._stream.write(without_userinfo(text))

    def writelines(self, lines: Iterable[str]) -> None:
        """Write the lines."""
        for line in lines:
            self.write(line)


def main(arguments: list[str]) -> int:
    """Run one command. Returns its exit code, 2 for an unknown command, 130 after Ctrl-C."""
    shown: Any = WithoutPasswords(sys.stdout)
    errors: Any = WithoutPasswords(sys.stderr)
    with redirect_stdout(shown), redirect_stderr(errors):
        return _run(arguments)


def _run(arguments: list[str]) -> int:
    name = "".join(arguments[:1])
    if name not in COMMANDS:
        advice = did_you_mean(name, COMMANDS, f"Choose {' or '.join(COMMANDS)}.")
        # Anything but a word may be an address with a password.
        shown = repr(name) if name.replace("-", "").isalnum() else "like the first argument"
        sys.stderr.write(f"error: there is no command {shown}. {advice}\n")
        return 2
    try:
        return import_module(COMMANDS[name]).main(arguments[1:])
    except KeyboardInterrupt:
        return 130
    except Exception:
        # Written here, because what Python writes at its end would not pass the filter.
        traceback.print_exc()
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
