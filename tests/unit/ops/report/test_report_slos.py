"""The section on objectives, and the findings on them."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from ops.report import slos
from ops.report.document import Document
from tests.support.report.report_answers import PSI, find_rule, fire_alert, sample
from tests.support.report.report_platform import (
    Platform,
    find_section,
    list_items,
    report_on,
    table_rows,
)
from tests.support.series import slo_rules

ID = "psi-field-step-latency"
PAGE, TICKET = "PsiStepLatencyBudgetBurnFast", "PsiStepLatencyBudgetBurnSlow"
SPACE = "\N{NO-BREAK SPACE}"
ERRORS = slos.ERRORS.format(30)
KEPT = {ERRORS: 0.004, slos.BURN: 0.5, slos.LEFT: 0.6, slos.LASTS: 36 * 86_400}


def objective_series(
    values: dict[str, float], name: str = ID, days: int = 30
) -> list[dict[str, Any]]:
    """The recorded series of an objective of 99 %."""
    whose = {"sloth_id": name}
    promised = {slos.OBJECTIVE: 0.99, slos.PERIOD: days}
    known = [sample(value, __name__=one, **whose) for one, value in promised.items()]
    return [*known, *(sample(v, __name__=one, **whose, **PSI) for one, v in values.items())]


def platform(**changes: float | None) -> Platform:
    """A platform that meets its one objective, with changed values; None is not recorded."""
    series = {"errors": ERRORS, "burn": slos.BURN, "left": slos.LEFT, "lasts": slos.LASTS}
    values = {**KEPT, **{series[name]: value for name, value in changes.items()}}
    made = Platform()
    made.samples += objective_series(
        {name: value for name, value in values.items() if value is not None}
    )
    loaded = [
        {
            "name": rule["alert"],
            "query": rule["expr"],
            "health": "ok",
            "type": "alerting",
            "labels": rule["labels"],
            "annotations": rule["annotations"],
            "alerts": [],
        }
        for rule in slo_rules()
        if "alert" in rule
    ]
    made.groups.append({"name": "slo", "file": "slo_rules.yml", "interval": 30, "rules": loaded})
    return made


def objective_row(document: Document) -> dict[str, str]:
    return table_rows(document, "slos")[ID]


def findings(document: Document) -> list[str]:
    return [text for text in list_items(document, "findings") if ID in text]


def test_an_objective_that_is_met_is_shown_with_its_budget(rendered: Path) -> None:
    document, _ = report_on(platform(), rendered)
    assert objective_row(document) == {
        "Objective": ID,
        "Promised": f"99{SPACE}% over 30 days",
        "Kept": f"99.6{SPACE}%",
        "Budget left": f"60{SPACE}%",
        "Burn rate": "0.5",
        "Lasts": "36 d",
        "Alerts": "none is active",
    }
    assert findings(document) == []


def test_without_errors_the_budget_lasts_a_year_or_more(rendered: Path) -> None:
    document, _ = report_on(platform(burn=0, lasts=31_536_000), rendered)
    assert objective_row(document)["Lasts"] == "a year or more"
    assert findings(document) == []


def test_a_budget_that_is_spent_is_critical(rendered: Path) -> None:
    document, _ = report_on(platform(errors=0.025, left=-1.5, lasts=0), rendered)
    (text,) = findings(document)
    assert text.startswith(f"critical: The error budget of {ID} is spent: -150{SPACE}%")
    assert "bad" in {part.tone for row in table(document) for cell in row for part in cell}


def table(document: Document) -> Any:
    block: Any = find_section(document, "slos").blocks[0]
    return block.rows


def test_a_budget_that_will_not_last_is_a_warning(rendered: Path) -> None:
    document, _ = report_on(platform(burn=5, left=0.6, lasts=3.6 * 86_400), rendered)
    (text,) = findings(document)
    assert text.startswith(f"warning: The error budget of {ID} burns")
    assert f"the remaining 60{SPACE}% lasts 3 d 14 h" in text


def test_a_burn_rate_alert_is_one_finding_with_its_thresholds(rendered: Path) -> None:
    burning = platform(burn=20, lasts=86_400)
    fire_alert(burning.groups, PAGE, {"sloth_id": ID, **PSI}, "2e+01")
    document, _ = report_on(burning, rendered)
    assert objective_row(document)["Alerts"] == f"{PAGE} firing"
    (text,) = findings(document)
    assert text.startswith(f"critical: {PAGE} fires on {ID}: 20 (threshold 6 (slow), 14.4 (fast)).")


def test_a_pending_alert_is_shown_as_pending(rendered: Path) -> None:
    waiting = platform()
    fire_alert(waiting.groups, TICKET, {"sloth_id": ID, **PSI}, "2e+00")
    find_rule(waiting.groups, TICKET)["alerts"][0]["state"] = "pending"
    document, _ = report_on(waiting, rendered)
    assert objective_row(document)["Alerts"] == f"{TICKET} pending"


def test_the_alerts_of_another_objective_are_not_shown(rendered: Path) -> None:
    other = platform()
    fire_alert(other.groups, "TreatyRequestsBudgetBurnFast", {"sloth_id": "other"}, "2e+01")
    assert objective_row(report_on(other, rendered)[0])["Alerts"] == "none is active"


@pytest.mark.parametrize("nothing", [None, float("nan")])
def test_a_missing_indicator_does_not_count_as_perfect(
    nothing: float | None, rendered: Path
) -> None:
    document, _ = report_on(platform(burn=nothing, lasts=nothing), rendered)
    assert objective_row(document)["Burn rate"] == "unknown"
    (text,) = findings(document)
    assert text.startswith(f"warning: Nothing is known of {ID} now")


def test_an_objective_over_a_week_is_shown_with_the_errors_of_that_week(rendered: Path) -> None:
    weekly = Platform()
    weekly.samples += objective_series({**KEPT, "slo:sli_error:ratio_rate7d": 0.02}, days=7)
    row = objective_row(report_on(weekly, rendered)[0])
    assert row["Promised"] == f"99{SPACE}% over 7 days"
    assert row["Kept"] == f"98{SPACE}%"


def test_several_objectives_are_shown_by_name(rendered: Path) -> None:
    both = platform()
    both.samples += objective_series(KEPT, "aurora-treaty-requests-routed")
    assert list(table_rows(report_on(both, rendered)[0], "slos")) == [
        "aurora-treaty-requests-routed",
        ID,
    ]


def test_without_objectives_the_section_says_so(rendered: Path) -> None:
    block: Any = find_section(report_on(Platform(), rendered)[0], "slos").blocks[0]
    assert (list(block.rows), block.empty) == ([], "No objective is recorded.")


def test_missing_samples_are_reported(rendered: Path) -> None:
    broken = platform()
    broken.broken = {"/query": lambda _: httpx.Response(500)}
    found = find_section(report_on(broken, rendered)[0], "slos")
    assert found.unavailable
    block: Any = found.blocks[0]
    assert (list(block.rows), block.empty) == ([], "")


def test_missing_rules_make_the_section_unavailable(rendered: Path) -> None:
    broken = platform()
    broken.broken = {"/rules": lambda _: httpx.Response(500)}
    facts_of_rules_missing = report_on(broken, rendered)[0]
    found = find_section(facts_of_rules_missing, "slos")
    assert found.unavailable
