"""`python -m ops dashboards`: writes the dashboards for import elsewhere, and a picture of each."""

import sys
from collections.abc import Sequence
from pathlib import Path

from ops.arguments import Parser, loopback_network, whole_number
from ops.live.processes import LiveError
from ops.manifests import ManifestsError
from ops.pages import BrowserError, find_browser, photograph
from ops.pictures.boards import for_import, read_boards
from ops.pictures.collect import collect
from ops.pictures.page import dashboard_page, page_size
from toolchain.base import write_atomically

SHORTEST, LONGEST = 10, 120
"""In minutes of the platform's time. Queries for a current state look back 10 minutes at most; a
longer run would take more than two real minutes."""


def main(arguments: Sequence[str]) -> int:
    """Write JSON and pictures. Exit code: 0 done, 1 failed with one line on stderr."""
    options = _parser().parse_args(arguments)
    pictures: Path = options.pictures or options.out
    try:
        boards = read_boards(options.manifests)
        for board in boards.all:
            _write(options.out / f"{board.name}.json", for_import(board.model))
        find_browser()  # Before the run, which takes a minute.
        collected = collect(
            options.manifests,
            boards,
            state=options.state,
            network=options.network,
            minutes=options.minutes,
            log=_print_line,
        )
        for results in collected:
            path = pictures / f"{results.board.name}.png"
            photograph(dashboard_page(results), path, *page_size(results.board))
            _print_line(str(path))
    except (LiveError, ManifestsError, BrowserError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    except OSError as error:
        sys.stderr.write(f"error: {error.filename}: can't be written: {error.strerror}.\n")
        return 1
    return 0


def _print_line(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _write(path: Path, text: str) -> None:
    write_atomically(path, text)
    _print_line(str(path))


def _parser() -> Parser:
    parser = Parser(
        prog="python -m ops dashboards",
        description="Write the dashboards for import elsewhere, and a picture of each.",
    )
    parser.add_argument("--manifests", type=Path, default=Path("rendered/local/1-manifest"))
    parser.add_argument("--out", type=Path, default=Path("rendered/dashboards"))
    parser.add_argument("--pictures", type=Path, help="folder of the pictures (default: --out)")
    parser.add_argument(
        "--minutes",
        type=whole_number(SHORTEST, LONGEST),
        default=60,
        help="the time that they show",
    )
    parser.add_argument("--state", type=Path, default=Path(".state/dashboards"))
    parser.add_argument(
        "--network", type=loopback_network, default="127.0.82", help="of the pods: 127.X.Y"
    )
    return parser
