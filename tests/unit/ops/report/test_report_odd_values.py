"""One odd value, wherever a server puts it, never costs the report: it says what it lost."""

from collections.abc import Iterator
from copy import deepcopy
from functools import wraps
from pathlib import Path
from typing import Any, NoReturn

import pytest

from ops.report import alerts, changes, findings, history, maturity, metrics, slos, workloads
from ops.report.document import Document, Figures, html, markdown
from ops.report.facts import Facts
from ops.report.history import CHARTS
from tests.support.report.report_answers import NOW, PSI, find_rule, range_series, sample
from tests.support.report.report_platform import (
    Platform,
    find_section,
    list_items,
    report_on,
    table_rows,
)

SURROGATE = "\ud800"
HUGE = "9" * 400
ODD = {
    "infinity": float("inf"),
    "minus infinity": float("-inf"),
    "NaN": float("nan"),
    "1e308": 1e308,
    "a number as a text": "+Inf",
    "a number without end": int(HUGE),
    "a year beyond the calendar": "292277026-12-04T15:30:07Z",
    "the last year": "9999-12-31T23:59:59-23:59",
    "before the first year": "0001-01-01T00:00:00+23:59",
    "a lone surrogate": SURROGATE,
    "nothing": None,
    "an empty text": "",
    "a list": [],
    "a deep list": [[[[{}]]]],
    "an object": {"": {}},
    "truth": True,
    "a long text": "x" * 100_000,
    "marks": "\u202e\n# heading\r\x1b[31m\x00",
}
SILENCE = {
    "id": "1",
    "status": {"state": "active"},
    "matchers": [{"name": "alertname", "value": "A", "isRegex": False}],
    "createdBy": "ann",
    "comment": "soak test",
    "startsAt": NOW.isoformat(),
    "endsAt": NOW.isoformat(),
}
SLO = {"sloth_id": "treaty-requests"}


def platform() -> Platform:
    """A platform with something in every section."""
    made = Platform(past=range_series, silences=[deepcopy(SILENCE)])
    made.metadata = {"treaty_rtt_ms": [{"type": "gauge", "help": "", "unit": ""}]}
    made.moves = [sample(3, **PSI)]
    made.samples += [
        sample(0.99, __name__="slo:objective:ratio", **SLO),
        sample(30, __name__="slo:time_period:days", **SLO),
        sample(0.001, __name__="slo:sli_error:ratio_rate30d", **SLO),
        sample(0.5, __name__="slo:current_burn_rate:ratio", **SLO),
        sample(0.4, __name__="slo:period_error_budget_remaining:ratio", **SLO),
        sample(1e6, __name__="slo:error_budget_exhaustion:seconds", **SLO),
    ]
    # The first rule, in which each place gets an odd value, has an alert.
    made.groups[0]["rules"].sort(key=lambda rule: not rule.get("alerts"))
    made.notified = made.alertmanager_alerts()
    return made


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path to each part of the value; of a list, to the first and the last item."""
    if path:
        yield path
    if isinstance(value, dict):
        for key, item in value.items():
            yield from places(item, (*path, key))
    elif isinstance(value, list):
        for index in {0, len(value) - 1} if value else ():
            yield from places(value[index], (*path, index))


def with_odd(item: Any, path: tuple[Any, ...], odd: Any) -> Any:
    """A copy of the item with the odd value at the path."""
    changed = deepcopy(item)
    place = changed
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = odd
    return changed


def spoiled(odd: Any) -> Platform:
    """The platform, with copies of the first and last item of each answer: one for each place."""
    made = platform()
    for name in ("groups", "samples", "moves", "targets", "silences", "notified"):
        items = getattr(made, name)
        for item in (items[0], items[-1]):
            items += [with_odd(item, path, odd) for path in places(deepcopy(item))]
    made.metadata["other"] = odd
    past = made.past

    def odd_past(form: dict[str, str]) -> list[dict[str, Any]]:
        series = past(form)
        return [*series, *(with_odd(series[0], path, odd) for path in places(series[0]))]

    made.past = odd_past
    return made


def texts(document: Document) -> str:
    """Both forms, as a file can hold them."""
    text = html(document) + markdown(document)
    assert SURROGATE not in text
    text.encode()
    return text


def could_not(document: Document) -> list[str]:
    """The texts that say that a value was too odd to go on."""
    reasons = [one for section in document.sections for one in section.unavailable]
    found = [*reasons, *list_items(document, "findings"), *list_items(document, "actions")]
    return [one for one in found if "unexpected value" in one]


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_an_odd_value_costs_no_other_row_of_the_report(rendered: Path, odd: Any) -> None:
    sound, document = (report_on(made, rendered)[0] for made in (platform(), spoiled(odd)))
    assert [one.id for one in document.sections] == [one.id for one in sound.sections]
    assert could_not(document) == []
    for name in ("workloads", "alerts", "rules", "silences"):
        assert set(table_rows(sound, name)) <= set(table_rows(document, name)), name
    (charts,) = find_section(document, "charts").blocks
    assert isinstance(charts, Figures)
    assert len(charts.figures) == len(CHARTS)
    texts(document)


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_an_odd_answer_costs_its_own_sections_alone(rendered: Path, odd: Any) -> None:
    for name in ("groups", "samples", "moves", "targets", "silences", "notified", "metadata"):
        made = platform()
        setattr(made, name, odd)
        if name == "notified" and odd is None:
            continue
        document, _ = report_on(made, rendered)
        assert could_not(document) == []
        texts(document)


def test_what_was_left_out_is_counted_and_said(rendered: Path) -> None:
    made = platform()
    made.targets[0]["lastScrape"] = "292277026-12-04T15:30:07Z"
    made.silences += [SILENCE | {"endsAt": "later"}]
    document, taken = report_on(made, rendered)
    for name, place in (("workloads", "data.activeTargets"), ("silences", "its answer")):
        (reason,) = find_section(document, name).unavailable
        assert f"sent invalid items in {place}, left out (1): " in reason
    # The next report would take what was left out for ended.
    assert (taken.workloads, taken.silences) == (None, None)
    assert taken.rules is not None


def test_a_rule_with_an_odd_alert_keeps_its_others(rendered: Path) -> None:
    made = platform()
    rule = find_rule(made.groups, "PsiFieldPredictionErrorHigh")
    rule["alerts"].append(rule["alerts"][0] | {"activeAt": "292277026-12-04T15:30:07Z"})
    document, _ = report_on(made, rendered)
    assert "PsiFieldPredictionErrorHigh" in table_rows(document, "alerts")
    assert "left out" in " ".join(find_section(document, "alerts").unavailable)


def test_many_rows_are_all_shown(rendered: Path) -> None:
    made = platform()
    made.silences = [SILENCE | {"id": str(index), "comment": "one of many"} for index in range(999)]
    document, _ = report_on(made, rendered)
    assert texts(document).count("one of many") == 2 * 999


def fail(*_: object, **__: object) -> NoReturn:
    raise OverflowError("cannot convert float infinity to integer")


SECTIONS = {
    "actions": (findings, "actions_section"),
    "alerts": (alerts, "firing_section"),
    "changes": (changes, "section"),
    "charts": (history, "section"),
    "findings": (findings, "findings_section"),
    "maturity": (maturity, "section"),
    "metrics": (metrics, "metrics_section"),
    "platform": (metrics, "platform_section"),
    "rules": (alerts, "rules_section"),
    "silences": (alerts, "silences_section"),
    "slos": (slos, "section"),
    "workloads": (workloads, "section"),
}


@pytest.mark.parametrize("name", SECTIONS)
def test_a_section_that_can_not_be_made_says_so_and_stops_no_other(
    rendered: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(*SECTIONS[name], fail)
    document, _ = report_on(platform(), rendered)
    assert {one.id for one in document.sections} == SECTIONS.keys()
    lost = {one.id: one.unavailable for one in document.sections if one.unavailable}
    assert lost.keys() == {name}
    assert "could not be made: unexpected value (OverflowError" in lost[name][0]
    assert lost[name][0] in html(document)


@pytest.mark.parametrize(
    ("module", "function", "said"),
    [
        (findings, "_workloads", "The findings about workloads are incomplete"),
        (history, "_figure", "ψ-Field: drift between pods: unexpected value"),
        (Facts, "jobs", "unexpected value"),
    ],
)
def test_a_part_that_can_not_be_made_is_named(
    rendered: Path, module: object, function: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    @wraps(getattr(module, function))
    def failing(*arguments: object) -> NoReturn:
        fail(*arguments)

    monkeypatch.setattr(module, function, failing)
    document, taken = report_on(platform(), rendered)
    assert said in texts(document)
    assert taken.time == NOW
