"""Judges for all tests, and the summary of what they were asked."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import astuple

import pytest

from tests.support import verdicts
from tests.support.verdicts import Comparison, Judge, Kind, Question, Server, Tally, Verdict
from tests.verdicts.on_purpose import ON_PURPOSE


@pytest.fixture(scope="session")
def running_judges() -> Iterator[dict[Server, Judge]]:
    judges: dict[Server, Judge] = {}
    yield judges
    for judge in judges.values():
        judge.stop()


@pytest.fixture
def compare(request: pytest.FixtureRequest, running_judges: dict[Server, Judge]) -> Comparison:
    """Compares our verdicts with the servers'; starts a judge when it is asked first."""

    def ask(server: Server, questions: Iterable[Question]) -> list[Verdict]:
        if server not in running_judges:
            running_judges[server] = Judge(server)
        return running_judges[server].ask(questions)

    def record(kind: Kind, tally: Tally) -> None:
        counted = json.dumps([kind.name, *astuple(tally)])
        request.node.user_properties.append((verdicts.PROPERTY, counted))

    return Comparison(ask=ask, on_purpose=ON_PURPOSE, record=record)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print how many texts of each kind were tried."""
    reports = [
        report
        for outcome in ("passed", "failed")
        for report in terminalreporter.getreports(outcome)
        if isinstance(report, pytest.TestReport)
    ]
    if lines := verdicts.summary(reports):
        terminalreporter.section("verdicts")
        for line in lines:
            terminalreporter.write_line(line)
