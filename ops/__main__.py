"""The operator's commands: `python -m ops COMMAND [ARGUMENT...]`."""

import sys
from importlib import import_module

COMMANDS = {
    "dashboards": "ops.pictures.command",
    "live": "ops.live.command",
    "report": "ops.report.command",
    "silence": "ops.silence_command",
}
"""Each command, and the module whose `main(arguments)` runs it and returns its exit code."""


def main(arguments: list[str]) -> int:
    """Run one command; its exit code."""
    name = "".join(arguments[:1])
    if name not in COMMANDS:
        sys.stderr.write(f"error: there is no command {name!r}: choose {' or '.join(COMMANDS)}\n")
        return 2
    try:
        return import_module(COMMANDS[name]).main(arguments[1:])
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
