"""The reference scenario, replayed: its values, and exactly its three alerts, each delivered."""

from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from ops.live import scenario
from ops.live.processes import LiveError
from ops.live.scenario import Row, Scenario, load_scenario, replay_scenario
from ops.live.terminal import Screen
from ops.prometheus_api import WATCHDOG
from tests.live.conftest import Live, new_network
from tests.support.runner import run

REFERENCE = load_scenario("reference")


def rows(live: Live, expected: Scenario = REFERENCE) -> list[Row]:
    return expected.compare(live.platform, live.observer.observe(), live.observer)


def all_right(live: Live) -> list[Row]:
    """The comparison, once everything came out as recorded."""
    live.wait_for(lambda _: all(row.is_right for row in rows(live)), "the whole scenario")
    return rows(live)


def test_the_command_replays_it_and_exits_with_0(manifests: Path, tmp_path: Path) -> None:
    code, output = run(manifests, tmp_path, new_network(), "--scenario=reference")
    assert code == 0, output
    assert "all 17 came out as recorded" in output
    assert "WRONG" not in output


def test_every_value_comes_out_and_every_alert_arrives_at_the_receiver_of_its_severity(
    replayed: Live,
) -> None:
    found = {row.what: row.got for row in all_right(replayed)}
    one, two = replayed.platform.pods_of("psi-field")
    assert found["psi:pod_drift:abs"] == "0.8"
    assert found[f"fires: PsiFieldPredictionErrorHigh on {one.name}"] == "warning 0.8625"
    receipt = "firing at critical, runbook PsiFieldPodDrift.md"
    assert found["arrived: PsiFieldPodDrift on psi-field"] == receipt
    assert two.name not in str(found)
    firing = {rule.name for rule, _ in replayed.observer.observe().alerts("firing")}
    assert sorted(firing - {WATCHDOG}) == [
        "PsiFieldPodDrift",
        "PsiFieldPredictionErrorHigh",
        "TreatyNoRequests",
    ]
    for event in replayed.observer.events():
        assert event["annotations"]["runbook_url"].startswith("https://")


DRIFT = "PsiFieldPodDrift"


def with_alert(name: str, **changes: Any) -> dict[str, Any]:
    return {"alerts": [{**a, **changes} if a["alert"] == name else a for a in REFERENCE.alerts]}


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"results": {"psi:pod_drift:abs": 0.81}}, {"psi:pod_drift:abs"}),
        ({"rules": {"alerting_rules.yml": 13}}, {"healthy rules of alerting_rules.yml"}),
        ({"results": {"psi:no_such_record": 1}}, {"psi:no_such_record"}),
        (with_alert(DRIFT, value=0.7), {f"fires: {DRIFT} on psi-field"}),
        (
            with_alert(DRIFT, severity="warning"),
            {f"fires: {DRIFT} on psi-field", f"arrived: {DRIFT} on psi-field"},
        ),
        (
            {"alerts": [a for a in REFERENCE.alerts if a["alert"] != DRIFT]},
            {"other alerts that fire", "other alerts that arrived"},
        ),
    ],
)
def test_each_difference_from_the_record_is_named(
    changes: dict[str, Any], wrong: set[str], replayed: Live
) -> None:
    all_right(replayed)
    found = rows(replayed, replace(REFERENCE, **changes))
    assert {row.what for row in found if not row.is_right} == wrong


def test_a_replay_that_comes_out_differently_fails_in_bounded_time(
    replayed: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    all_right(replayed)
    monkeypatch.setattr(scenario, "settle_seconds", lambda *_: 0.0)
    monkeypatch.setattr(scenario, "GRACE_SECONDS", 1.0)
    changed = replace(REFERENCE, results={"psi:density:avg": 0.5})
    output = StringIO()
    with pytest.raises(LiveError, match=r"psi:density:avg: expected 0\.5, got 0\.526"):
        replay_scenario(replayed.platform, replayed.observer, changed, Screen(output))
    assert "WRONG  psi:density:avg" in output.getvalue()
