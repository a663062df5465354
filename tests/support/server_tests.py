"""The texts on which the servers' own tests try them."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.support.verdicts import Server
from toolchain import golang
from toolchain.base import MODULES
from toolchain.golang import ModuleFile

_LITERAL = r'("(?:\\.|[^"\\\n])*"|`[^`]*`)'
_EVALUATED = re.compile(r"^\s*eval\w* (?:instant at \S+|range from \S+ to \S+ step \S+) (.+)", re.M)


def source(server: Server, path: str) -> Path:
    """A file or folder of the server's source code, which the build of its tools has fetched."""
    file = ModuleFile(module=f"github.com/prometheus/{server}", path=path)
    return golang.fetch_file(golang.find(), file, MODULES / server)


def literals(go: str, before: str) -> Iterator[str]:
    """The string literals of Go code that follow a match of `before`."""
    for match in re.finditer(f"{before}{_LITERAL}", go):
        text = match[match.lastindex or 1]
        # Go's escapes in these files are Python's.
        yield text[1:-1] if text.startswith("`") else ast.literal_eval(text)


def expressions() -> list[str]:
    """What Prometheus' tests parse and evaluate; some of it is wrong on purpose."""
    parsed = literals(source("prometheus", "promql/parser/parse_test.go").read_text(), r"input:\s*")
    files = sorted(source("prometheus", "promql/promqltest/testdata").glob("*.test"))
    evaluated = [text for file in files for text in _EVALUATED.findall(file.read_text())]
    return list(dict.fromkeys([*parsed, *map(str.strip, evaluated)]))
