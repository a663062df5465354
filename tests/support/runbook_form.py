"""What has to be true of a runbook as a text; each check says what is wrong, and what to do."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from promql.expressions import PromqlError
from tests.support.runbook import RUNBOOKS, Runbook, first_line
from tests.support.series import mistakes

HEADINGS = ["## Meaning", "## Impact", "## Diagnosis", "## Mitigation"]
LEAST_WORDS = 25
_UNWRITTEN = re.compile(
    r"\b(todo|tbd|tba|fixme|xxx+|placeholder|lorem|ipsum|coming soon|work in progress)\b", re.I
)
# `<name>` would have to be filled in; `<<END` starts a here-document.
_TO_FILL_IN = re.compile(r"(?<!<)<[a-z][\w -]*>|\.\.\.|…")


def wrong_with_names(alerts: Iterable[str], pages: Iterable[str]) -> list[str]:
    """The alerts without a page, and the pages without an alert."""
    missing, idle = sorted({*alerts} - {*pages}), sorted({*pages} - {*alerts})
    return [
        *(f"{name} has no runbook: write docs/runbooks/{name}.md" for name in missing),
        *(f"no alert is called {name}: rename or remove docs/runbooks/{name}.md" for name in idle),
    ]


def wrong_with_form(page: Runbook) -> Iterator[str]:
    """Headings, length, placeholders, links, and where the namespace comes from."""
    if (found := re.findall(r"^#.*$", page.prose, re.M)) != [f"# {page.alert}", *HEADINGS]:
        yield f"its headings are {found}: make them # {page.alert} and {HEADINGS}"
    for heading in HEADINGS:
        if (words := len(re.findall(r"\w+", page.section(heading)))) < LEAST_WORDS:
            yield f"{heading} has {words} words: say what helps on call"
    for found in (*_UNWRITTEN.findall(page.text), *_TO_FILL_IN.findall(page.commands)):
        yield f"{found!r} stands for something: write it"
    for text, target in re.findall(r"\[([^\]]+)\]\(([^)]+)\)", page.prose):
        if target != f"{text}.md" or text not in RUNBOOKS:
            yield f"it links to {target}, which is no runbook: correct it"
    if any(language != "bash" for language, _ in page.blocks):
        yield "a block is not marked as ```bash: mark it"
    if f"```bash\n{first_line()}\n" not in page.section("## Diagnosis"):
        yield f"its diagnosis does not begin with {first_line()}: begin with that line"
    if page.commands.count("NAMESPACE=") != 1:
        yield "it sets NAMESPACE more than once: do so once, at the top"


def wrong_with_facts(page: Runbook, rule: Mapping[str, Any]) -> Iterator[str]:
    """Severity, thresholds, duration and queries, compared with the alert's rule."""
    severity, meaning = rule["labels"]["severity"], page.section("## Meaning")
    if f"\nSeverity: {severity}." not in page.text:
        yield f"it does not say `Severity: {severity}.`: correct it"
    numbers = {float(number) for number in re.findall(r"\d+(?:\.\d+)?", meaning)}
    for name, value in rule["annotations"].items():
        if name.startswith("threshold") and float(value) not in numbers:
            yield f"its meaning does not state the {name} {value}: state it"
    waits = rule.get("for", "")
    if waits and (not waits.endswith("m") or f"{waits[:-1]} minutes" not in meaning):
        yield f"its meaning does not say for how long ({waits}): say it in minutes"
    if len(page.queries) != page.commands.count("query '"):
        yield "a query does not stand alone on its line: put it there"
    for query in page.queries:
        try:
            yield from (f"{text}, in {query}" for text in mistakes(query))
        except PromqlError as error:
            yield f"{query} {error}"
