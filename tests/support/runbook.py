"""The runbooks as text: sections, links, and the shell commands with their queries."""

import re
from dataclasses import dataclass
from textwrap import dedent

from tests.support.recording import ROOT, stack_values

FOLDER = ROOT / "docs" / "runbooks"
STACK = "staging"
"""The stack whose namespace the pages fill in, unless the reader has named another."""


@dataclass(frozen=True)
class Runbook:
    """The page on one alert."""

    alert: str
    text: str

    @property
    def prose(self) -> str:
        """The page without its blocks."""
        return re.sub(r"^ *```.*?^ *```$", "", self.text, flags=re.M | re.S)

    @property
    def blocks(self) -> list[tuple[str, str]]:
        """Language and text of each block; a block in a list is indented."""
        found = re.findall(r"^( *)```(\w*)\n(.*?)^\1```$", self.text, re.M | re.S)
        return [(language, dedent(text)) for _, language, text in found]

    @property
    def commands(self) -> str:
        """All commands, those inside sentences too, each on one line, without comments."""
        in_sentences = re.findall(r"(?<!`)`((?:kubectl|curl) [^`]+)`", self.text)
        text = "\n".join([*(text for _, text in self.blocks), *in_sentences, ""])
        return re.sub(r"^\s*#.*\n", "", text.replace("\\\n", " "), flags=re.M)

    @property
    def queries(self) -> list[str]:
        """The PromQL that the page sends to Prometheus."""
        return re.findall(r"^query '(.*)'$", self.commands, re.M)

    def section(self, heading: str) -> str:
        """What stands under a heading, up to the next; nothing if there is no such heading."""
        return self.text.partition(f"\n{heading}\n")[2].partition("\n## ")[0]


RUNBOOKS = {page.stem: Runbook(page.stem, page.read_text()) for page in sorted(FOLDER.glob("*.md"))}


def first_line() -> str:
    """What every page's commands begin with: one namespace, in one place."""
    return f"NAMESPACE=${{NAMESPACE:-{stack_values(STACK)['vaultmesh:settings']['namespace']}}}"
