"""Every alert has a runbook that agrees with its rule, and whose commands run as written."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.support.kubectl import CallError, call_problems, parse
from tests.support.recording import Recording
from tests.support.runbooks import (
    NAMESPACE,
    RUNBOOKS,
    Outcome,
    Runbook,
    fact_problems,
    first_command,
    form_problems,
    name_problems,
    run,
)
from tests.support.series import alerts

SOUND = "PsiFieldDown"
DRIFT = "PsiFieldPodDrift"


def text_problems(page: Runbook) -> list[str]:
    return [*form_problems(page), *fact_problems(page, alerts()[page.alert])]


def command_problems(page: Runbook, stacks: Mapping[str, Recording], folder: Path) -> list[str]:
    """Run the page, then look for every object that it names in every stack."""
    endpoints = {
        service["metadata"]["name"]: [f"{next(iter(service['spec']['selector'].values()))}-0"]
        for service in stacks["local"].all("Service")
    }
    outcome = run(page, folder, endpoints)
    assert outcome.calls, f"docs/runbooks/{page.alert}.md never looks at the cluster"
    lacking = [
        f"{name}: {text}" for name in stacks for text in missing_objects(stacks[name], outcome)
    ]
    return [*outcome.problems, *dict.fromkeys(lacking)]


def missing_objects(stack: Recording, outcome: Outcome) -> list[str]:
    found: list[str] = []
    for words in outcome.calls:
        try:
            found += call_problems(parse(words), stack, NAMESPACE)
        except CallError as error:
            found.append(f"{error}, in `kubectl {' '.join(words)}`")
    return found


def test_every_alert_has_a_runbook_and_every_runbook_an_alert() -> None:
    assert name_problems(alerts(), RUNBOOKS) == []


def test_an_alert_without_a_page_and_a_page_without_an_alert_are_reported() -> None:
    pages = {*RUNBOOKS, "PsiFieldBored"} - {SOUND}
    assert name_problems(alerts(), pages) == [
        f"{SOUND} has no runbook. Write docs/runbooks/{SOUND}.md.",
        "docs/runbooks/PsiFieldBored.md: no such alert. Rename or remove the page.",
    ]


@pytest.mark.parametrize("page", RUNBOOKS)
def test_a_runbook_agrees_with_its_alert_and_its_commands_run(
    page: str, recordings: dict[str, Recording], tmp_path: Path
) -> None:
    assert text_problems(RUNBOOKS[page]) == []
    assert command_problems(RUNBOOKS[page], recordings, tmp_path) == [], f"docs/runbooks/{page}.md"


def remove(heading: str) -> Callable[[str], str]:
    return lambda text: text.replace(f"{heading}\n", "")


def empty_section(heading: str) -> Callable[[str], str]:
    return lambda text: re.sub(rf"(?s)({heading}\n).*?(\n## |$)", r"\1\nSee above.\n\2", text)


def replace_text(old: str, new: str) -> Callable[[str], str]:
    return lambda text: text.replace(old, new, 1)


BROKEN_TEXT = {
    "a missing heading": (remove("## Impact"), "the headings are"),
    "headings out of order": (replace_text("## Impact", "## Effects"), "the headings are"),
    "another alert's title": (replace_text(f"# {SOUND}", "# TreatyDown"), "the headings are"),
    "a section that says nothing": (empty_section("## Mitigation"), "## Mitigation has 2 words"),
    "a placeholder": (
        replace_text("## Impact\n", "## Impact\n\nTODO\n"),
        "'TODO' is a placeholder",
    ),
    "a name to fill in": (replace_text("deployment psi-field", "deployment <name>"), "'<name>' is"),
    "something left out": (replace_text("deployment psi-field", "deployment ..."), "'...' is"),
    "a dead link": (
        replace_text("(PsiFieldPodDrift.md)", "(Drift.md)"),
        "Drift.md is not a runbook",
    ),
    "a link to elsewhere": (replace_text("(PsiFieldPodDrift.md)", "(../x.md)"), "../x.md is not a"),
    "a block of no language": (replace_text("```bash\n", "```\n"), "not marked as ```bash"),
    "another namespace": (replace_text(first_command(), "NAMESPACE=other"), "does not begin with"),
    "an explanation before the commands": (
        replace_text("## Diagnosis\n", "## Diagnosis\n\nStart with the pods:\n"),
        "the diagnosis does not begin with a block",
    ),
    "two namespaces": (
        replace_text("```bash\n", f"```bash\n{first_command()}\n"),
        "NAMESPACE is set more than once",
    ),
    "another severity": (
        replace_text("Severity: critical", "Severity: warning"),
        "Severity: critical",
    ),
    "another duration": (
        replace_text("5 minutes", "6 minutes"),
        "the duration `for: 5m` is missing",
    ),
    "an unknown metric": (
        replace_text("kill ", "query 'psi_field_boredom'\nkill "),
        "no workload exports 'psi_field_boredom'",
    ),
    "a query that does not parse": (
        replace_text("kill ", "query 'up =='\nkill "),
        "up == does not parse",
    ),
    "a query in a pipe": (
        replace_text("kill ", "query 'up' | cat\nkill "),
        "a query shares its line",
    ),
}


@pytest.mark.parametrize("case", BROKEN_TEXT)
def test_a_runbook_is_refused_for(case: str) -> None:
    change, words = BROKEN_TEXT[case]
    text = RUNBOOKS[SOUND].text
    assert change(text) != text
    found = text_problems(Runbook(SOUND, change(text)))
    assert any(words in problem for problem in found), found


def test_a_problem_names_the_page_and_the_line() -> None:
    page = Runbook(SOUND, RUNBOOKS[SOUND].text.replace("## Impact\n", "## Impact\n\nTODO\n"))
    line = page.text.splitlines().index("TODO") + 1
    assert any(f"docs/runbooks/{SOUND}.md:{line}: 'TODO'" in text for text in text_problems(page))


def test_a_threshold_that_the_page_does_not_state_is_reported() -> None:
    rule = alerts()[DRIFT]
    moved = {**rule, "annotations": {**rule["annotations"], "threshold": "0.35"}}
    assert list(fact_problems(RUNBOOKS[DRIFT], rule)) == []
    assert [text for text in fact_problems(RUNBOOKS[DRIFT], moved) if "threshold 0.35" in text]


BROKEN_COMMANDS = {
    "a Service that does not exist": (
        SOUND,
        replace_text("service/psi-field ", "service/psi-fields "),
        "there is no service psi-fields",
    ),
    "a port that the Service lacks": (
        SOUND,
        replace_text("18000:8000", "18000:8001"),
        "service psi-field has no port 8001",
    ),
    "a port that the pod lacks": (
        DRIFT,
        replace_text("18000:8000", "18000:8001"),
        "pod psi-field-0 has no port 8001",
    ),
    "a Deployment that does not exist": (
        SOUND,
        replace_text("get deployment psi-field", "get deployment psi"),
        "there is no deployment psi",
    ),
    "a workload of another kind": (
        SOUND,
        replace_text("statefulset/prometheus-server", "deployment/prometheus-server"),
        "there is no deployment prometheus-server",
    ),
    "a container that does not exist": (
        SOUND,
        replace_text("-c prometheus-server", "-c prometheus"),
        "there is no container prometheus",
    ),
    "an unknown kind": (SOUND, replace_text("get pods", "get pots"), "no kind pots"),
    "a label that no object has": (
        DRIFT,
        replace_text("service-name=psi-field-headless -o wide", "service-name=psi -o wide"),
        "nothing with the label kubernetes.io/service-name=psi",
    ),
    "a missing namespace": (
        SOUND,
        replace_text('kubectl -n "$NAMESPACE" get', "kubectl get"),
        'without -n "$NAMESPACE"',
    ),
    "a namespace that is spelled out": (
        SOUND,
        replace_text('"$NAMESPACE"', "aurora-staging"),
        'without -n "$NAMESPACE"',
    ),
    "an unknown flag": (
        SOUND,
        replace_text("--tail=50", "--tails=50"),
        "unknown flag: --tails of kubectl logs",
    ),
    "a flag of another verb": (
        SOUND,
        replace_text("--timeout=5m", "--tail=5"),
        "unknown flag: --tail of kubectl rollout status",
    ),
    "a command inside a pod": (
        SOUND,
        replace_text("describe deployment psi-field", "exec deployment/psi-field -- sh"),
        "`kubectl exec` does not belong in a runbook",
    ),
    "a port that is not forwarded": (
        SOUND,
        replace_text("localhost:9090", "localhost:9091"),
        "nobody forwards localhost:9091",
    ),
    "another machine": (SOUND, replace_text("localhost:9090", "prometheus"), "is not forwarded"),
    "a port-forward without an end": (
        SOUND,
        replace_text('kill "$PROMETHEUS"\n', ""),
        "the port-forward at localhost:9090 is never ended",
    ),
    "a port that is in use": (SOUND, replace_text(" 9090:80", " 18000:80"), "localhost:9090"),
    "an unknown program": (
        SOUND,
        replace_text("tail -n 20", "tial -n 20"),
        "tial: command not found",
    ),
    "a variable that is not set": (SOUND, replace_text('"$PSI_FIELD"', '"$PSI"'), "PSI: unbound"),
    "a syntax error": (SOUND, replace_text("| tail -n 20", "| | tail"), "syntax error"),
    "a pattern that grep refuses": (SOUND, replace_text("'forbidden|", "'(forbidden|"), "grep: "),
}


@pytest.mark.parametrize("case", BROKEN_COMMANDS)
def test_commands_are_refused_for(
    case: str, recordings: dict[str, Recording], tmp_path: Path
) -> None:
    page, change, words = BROKEN_COMMANDS[case]
    text = RUNBOOKS[page].text
    assert change(text) != text
    found = command_problems(Runbook(page, change(text)), recordings, tmp_path)
    assert any(words in problem for problem in found), found


def test_bash_names_the_page_and_the_line(tmp_path: Path) -> None:
    page = Runbook(SOUND, RUNBOOKS[SOUND].text.replace("tail -n 20", "tial -n 20", 1))
    found = run(page, tmp_path, {}).problems
    assert any(f"{SOUND}.md: line {page.line_of('tial')}: tial: " in text for text in found), found


def siblings() -> list[tuple[str, str]]:
    """Pairs of alerts whose expressions differ in numbers alone, with different severities."""
    shape = {name: re.sub(r"[\d.]+", "#", rule["expr"]) for name, rule in alerts().items()}
    severity = {name: rule["labels"]["severity"] for name, rule in alerts().items()}
    return [
        (one, other)
        for one in shape
        for other in shape
        if shape[one] == shape[other] and severity[one] != severity[other]
    ]


def test_a_warning_and_its_critical_sibling_link_to_each_other() -> None:
    assert ("TreatyFillRateLow", "TreatyFillRateCritical") in siblings()
    for page, sibling in siblings():
        assert f"[{sibling}]({sibling}.md)" in RUNBOOKS[page].text, f"docs/runbooks/{page}.md"
