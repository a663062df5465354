"""`python -m ops dashboards`: writes the dashboards for import elsewhere, and draws them."""

import sys
from collections.abc import Sequence
from pathlib import Path

from ops.arguments import Parser, loopback_network, whole_number
from ops.dashboards import provisioned, run
from ops.dashboards.drawing import draw
from ops.dashboards.export import for_import
from ops.live.problems import LiveError
from ops.manifests import ManifestsError
from toolchain.files import write_whole

SHORTEST, LONGEST = 10, 120
"""Minutes of the platform's time: the longest range that shows a state is 10 minutes; and two
minutes of the clock."""


def main(arguments: Sequence[str]) -> int:
    """Write and draw them; 0, or 1 with one line that says what could not be done."""
    given = _parser().parse_args(arguments)
    pictures: Path = given.pictures or given.out
    try:
        found = provisioned.load(given.manifests)
        for board in found.all:
            _write(given.out / f"{board.name}.json", for_import(board.model))
        drawn = run.run(
            given.manifests,
            found,
            state=given.state,
            network=given.network,
            minutes=given.minutes,
            say=_say,
        )
        for results in drawn:
            path = pictures / f"{results.board.name}.png"
            draw(results).save(path)
            _say(str(path))
    except (LiveError, ManifestsError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    except OSError as error:
        sys.stderr.write(f"error: {error.filename} can't be written: {error.strerror}\n")
        return 1
    return 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _write(path: Path, text: str) -> None:
    write_whole(path, text)
    _say(str(path))


def _parser() -> Parser:
    parser = Parser(prog="python -m ops dashboards", description="Write and draw the dashboards.")
    parser.add_argument("--manifests", type=Path, default=Path("rendered/local/1-manifest"))
    parser.add_argument("--out", type=Path, default=Path("rendered/dashboards"))
    parser.add_argument("--pictures", type=Path, help="where the pictures go, if not there too")
    parser.add_argument(
        "--minutes",
        type=whole_number(SHORTEST, LONGEST),
        default=60,
        help="how much time they show",
    )
    parser.add_argument("--state", type=Path, default=Path(".state/dashboards"))
    parser.add_argument(
        "--network", type=loopback_network, default="127.0.82", help="of the pods: 127.X.Y"
    )
    return parser
