"""Runs an operator's command: `python -m ops COMMAND [ARGUMENT...]`."""

import sys
from importlib import import_module

from problems import did_you_mean

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


def main(arguments: list[str]) -> int:
    """Run one command. Returns its exit code, 2 for an unknown command, 130 after Ctrl-C."""
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


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
