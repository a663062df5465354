"""Each alert has a runbook that says something, and says of the alert what is so."""

import re
from collections.abc import Callable

import pytest

from tests.support.runbook import RUNBOOKS, Runbook, first_line
from tests.support.runbook_form import wrong_with_facts, wrong_with_form, wrong_with_names
from tests.support.series import alerts

SOUND = "PsiFieldDown"

each_page = pytest.mark.parametrize("page", RUNBOOKS)


def problems(page: Runbook) -> list[str]:
    return [*wrong_with_form(page), *wrong_with_facts(page, alerts()[page.alert])]


def test_every_alert_has_a_runbook_and_every_runbook_an_alert() -> None:
    assert wrong_with_names(alerts(), RUNBOOKS) == []


def test_an_alert_without_a_page_and_a_page_without_an_alert_are_noticed() -> None:
    pages = {*RUNBOOKS, "PsiFieldBored"} - {SOUND}
    assert wrong_with_names(alerts(), pages) == [
        f"{SOUND} has no runbook: write docs/runbooks/{SOUND}.md",
        "no alert is called PsiFieldBored: rename or remove docs/runbooks/PsiFieldBored.md",
    ]


@each_page
def test_a_runbook_is_whole_and_agrees_with_its_alert(page: str) -> None:
    assert problems(RUNBOOKS[page]) == [], f"docs/runbooks/{page}.md"


def without(heading: str) -> Callable[[str], str]:
    return lambda text: text.replace(f"{heading}\n", "")


def emptied(heading: str) -> Callable[[str], str]:
    return lambda text: re.sub(rf"(?s)({heading}\n).*?(\n## |$)", r"\1\nSee above.\n\2", text)


def replaced(old: str, new: str) -> Callable[[str], str]:
    return lambda text: text.replace(old, new, 1)


BROKEN = {
    "a missing heading": (without("## Impact"), "its headings are"),
    "headings out of order": (replaced("## Impact", "## Effects"), "its headings are"),
    "another alert's title": (replaced(f"# {SOUND}", "# TreatyDown"), "its headings are"),
    "a section that says nothing": (emptied("## Mitigation"), "## Mitigation has 2 words"),
    "a placeholder": (replaced("## Impact\n", "## Impact\n\nTODO\n"), "'TODO' stands for"),
    "a name to fill in": (replaced("deployment psi-field", "deployment <name>"), "'<name>' stands"),
    "something left out": (replaced("deployment psi-field", "deployment ..."), "'...' stands"),
    "a dead link": (replaced("(PsiFieldPodDrift.md)", "(Drift.md)"), "links to Drift.md"),
    "a link to elsewhere": (replaced("(PsiFieldPodDrift.md)", "(../x.md)"), "links to ../x.md"),
    "a block of no language": (replaced("```bash\n", "```\n"), "not marked as ```bash"),
    "another namespace": (replaced(first_line(), "NAMESPACE=elsewhere"), "does not begin with"),
    "two namespaces": (
        replaced("```bash\n", f"```bash\n{first_line()}\n"),
        "sets NAMESPACE more than once",
    ),
    "another severity": (replaced("Severity: critical", "Severity: warning"), "Severity: critical"),
    "another duration": (replaced("5 minutes", "6 minutes"), "for how long (5m)"),
    "an unknown metric": (
        replaced("kill ", "query 'psi_field_boredom'\nkill "),
        "no workload exports 'psi_field_boredom'",
    ),
    "a query that is none": (replaced("kill ", "query 'up =='\nkill "), "up == does not parse"),
    "a query in a pipe": (replaced("kill ", "query 'up' | cat\nkill "), "alone on its line"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_runbook_is_refused_for(case: str) -> None:
    change, words = BROKEN[case]
    text = RUNBOOKS[SOUND].text
    assert change(text) != text
    assert any(words in problem for problem in problems(Runbook(SOUND, change(text))))


def test_a_threshold_that_the_page_does_not_state_is_noticed() -> None:
    rule = alerts()["PsiFieldPodDrift"]
    moved = {**rule, "annotations": {**rule["annotations"], "threshold": "0.35"}}
    page = RUNBOOKS["PsiFieldPodDrift"]
    assert list(wrong_with_facts(page, rule)) == []
    assert list(wrong_with_facts(page, moved)) == [
        "its meaning does not state the threshold 0.35: state it"
    ]


def siblings() -> list[tuple[str, str]]:
    """Pairs of alerts that judge the same series and differ in severity and numbers alone."""
    shape = {name: re.sub(r"[\d.]+", "#", rule["expr"]) for name, rule in alerts().items()}
    severity = {name: rule["labels"]["severity"] for name, rule in alerts().items()}
    return [
        (one, other)
        for one in shape
        for other in shape
        if shape[one] == shape[other] and severity[one] != severity[other]
    ]


@pytest.mark.parametrize(("page", "sibling"), siblings())
def test_a_warning_and_its_critical_sibling_link_to_each_other(page: str, sibling: str) -> None:
    assert f"[{sibling}]({sibling}.md)" in RUNBOOKS[page].text


def test_the_fill_rate_alerts_are_known_as_siblings() -> None:
    assert ("TreatyFillRateLow", "TreatyFillRateCritical") in siblings()
