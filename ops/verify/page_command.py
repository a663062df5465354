"""`python -m ops test-page`: a test alert through each channel, and which channels accepted it."""

import sys
from collections.abc import Sequence

from ops.http_api import ApiError
from ops.live.terminal import Screen
from ops.manifests import ManifestsError
from ops.verify.command import (
    CANNOT_ASK,
    open_platform,
    platform_parser,
    print_rows,
    send_page,
)
from ops.verify.stack import StackError

_EXPLANATION = (
    "A channel is green if it accepted Alertmanager's request, harbinger if it lists the alert."
    " Only the recipients know whether a phone rang."
)


def main(arguments: Sequence[str]) -> int:
    """Send the test page. Exit code: 0 all took it, 1 some did not, 2 can't ask."""
    parser = platform_parser("test-page", "Send a test alert of each severity to everybody.")
    options = parser.parse_args(arguments)
    screen = Screen(sys.stderr if options.json else sys.stdout)
    try:
        with open_platform(options) as checks:
            rows = send_page(checks, screen)
    except (StackError, ManifestsError, ApiError) as error:
        sys.stderr.write(f"error: {error}\n")
        return CANNOT_ASK
    for row in rows:
        screen.print_line(f"{row.state.value:<10} {row.subject}: {row.detail}")
    screen.print_line(_EXPLANATION)
    return print_rows(rows, screen, as_json=options.json)
