"""The picture in README.md: which component may connect to which."""

import re

from tests.support.recording import ROOT


def drawn_edges() -> set[tuple[str, str]]:
    """The arrows of the picture, as (source, target)."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (picture,) = re.findall(r"```mermaid\n(.*?)```", readme, re.DOTALL)
    node = r"([\w-]+)(?:\[[^\]]*\]|\(\[[^\]]*\]\))?"
    found = set(re.findall(rf"^\s*{node} -->(?:\|[^|]*\|)? {node}\s*$", picture, re.MULTILINE))
    assert len(found) == picture.count("-->"), "README.md: an arrow of the picture does not parse"
    return found
