"""The findings with their likely causes, above all of drift, and the actions."""

from pathlib import Path

import httpx

from ops.report.document import Part, html, markdown
from tests.support.report.report_answers import (
    FIRST,
    SECOND,
    TREATY,
    fire_alert,
    loaded_rule,
    sample,
)
from tests.support.report.report_platform import Platform, list_items, report_on


def moves_by_pod(first: float, second: float) -> list[dict[str, object]]:
    return [sample(first, pod=FIRST), sample(second, pod=SECOND)]


def drift_cause(platform: Platform, rendered: Path) -> str:
    found = list_items(report_on(platform, rendered)[0], "findings")
    return next(text for text in found if "PsiFieldPodDrift" in text)


def test_drift_names_the_pods_that_differ_most(rendered: Path) -> None:
    cause = drift_cause(Platform(), rendered)
    assert f"0.8625 on {FIRST} and 0.0625 on {SECOND}" in cause


def test_drift_names_the_pod_that_did_not_move(rendered: Path) -> None:
    cause = drift_cause(Platform(moves=moves_by_pod(9, 0)), rendered)
    assert f"{SECOND} did not move in the last hour, while {FIRST} moved 9 times" in cause
    assert "ClusterIP" in cause


def test_drift_names_the_pod_that_was_never_sent_a_step(rendered: Path) -> None:
    cause = drift_cause(Platform(moves=moves_by_pod(0, 0)), rendered)
    assert f"{SECOND} was never sent a step since it started, while {FIRST} got 12" in cause


def test_a_pod_without_the_counter_was_sent_no_step(rendered: Path) -> None:
    platform = Platform()
    platform.samples = [
        one for one in platform.samples
        if one["metric"]["__name__"] != "psi_field_step_requests_total"
        or one["metric"]["pod"] == FIRST
    ]  # fmt: skip
    assert f"{SECOND} was never sent a step" in drift_cause(platform, rendered)


def test_pods_that_all_moved_got_different_steps(rendered: Path) -> None:
    cause = drift_cause(Platform(moves=moves_by_pod(9, 8)), rendered)
    assert "Every pod was stepped in the last hour, but not with the same steps" in cause
    assert "got no step" not in cause


def test_pods_with_different_engines_are_named(rendered: Path) -> None:
    platform = Platform(moves=moves_by_pod(9, 0))
    name = "psi_field_engine_info"
    platform.samples.append(sample(1, __name__=name, pod=FIRST, engine="vaultmesh_psi"))
    platform.samples.append(sample(1, __name__=name, pod=SECOND, engine="fallback"))
    assert f"different engines: {FIRST} runs vaultmesh_psi, {SECOND} runs fallback" in drift_cause(
        platform, rendered
    )


def test_without_any_history_no_pod_is_blamed(rendered: Path) -> None:
    platform = Platform()
    platform.samples = [
        one for one in platform.samples if "step_requests" not in one["metric"]["__name__"]
    ]
    assert "do not tell which pod" in drift_cause(platform, rendered)


def test_an_idle_treaty_comes_with_the_command_that_silences_it(rendered: Path) -> None:
    actions = list_items(report_on(Platform(), rendered)[0], "actions")
    command = f"python -m ops silence TreatyNoRequests --label treaty={TREATY} --for 2h"
    assert any(command in text for text in actions)


def test_a_treaty_with_a_hostile_name_gets_no_command_made_of_it(rendered: Path) -> None:
    platform = Platform()
    for group in platform.groups:
        for rule in group["rules"]:
            for alert in rule.get("alerts", ()):
                if "treaty" in alert["labels"]:
                    alert["labels"] = {**alert["labels"], "treaty": "x; rm -rf /"}
    actions = " ".join(list_items(report_on(platform, rendered)[0], "actions"))
    assert "--label" not in actions


def test_the_most_severe_comes_first_and_missing_maturity_last(rendered: Path) -> None:
    document, _ = report_on(Platform(), rendered)
    found = [text.split(":")[0] for text in list_items(document, "findings")]
    assert found == ["critical", "warning", "warning"]
    provide = [one for one in list_items(document, "actions") if one.startswith("Provide: ")]
    assert provide[0].startswith("Provide: SLO")
    assert list_items(document, "actions")[-len(provide) :] == provide
    assert provide[-1].endswith("long-term store without loss.")


def test_the_first_line_says_what_is_found_and_nothing_beside_it_is_green(rendered: Path) -> None:
    platform = Platform()
    platform.samples = [
        one | {"value": [0, "1"]} if one["metric"]["__name__"] == "vaultmesh:health_score" else one
        for one in platform.samples
    ]
    document, _ = report_on(platform, rendered)
    first = markdown(document).splitlines()[2]
    assert first.startswith(
        "**1 critical, 2 warning findings. The first: PsiFieldPodDrift fires on"
    )
    tones = {tile.label: tile.tone for tile in document.tiles}
    assert (tones["Health score"], tones["Maturity"]) == ("bad", "")
    page = html(document)
    assert page.index("1 critical, 2 warning findings") < page.index("Health score")


def test_a_page_that_finds_nothing_says_so_in_its_first_line(rendered: Path) -> None:
    platform = Platform()
    for group in platform.groups:
        for rule in group["rules"]:
            rule.pop("alerts", None)
    document, _ = report_on(platform, rendered)
    assert document.verdict == Part("Nothing is wrong.", "good")


def test_a_grafana_that_is_down_is_a_finding(rendered: Path) -> None:
    refused = {"/api/search": lambda _: httpx.Response(503)}
    document, _ = report_on(Platform(broken=refused), rendered)
    assert [one for one in list_items(document, "findings") if "Grafana could not be asked" in one]


def test_no_rules_at_all_is_a_finding(rendered: Path) -> None:
    found = list_items(report_on(Platform(groups=[]), rendered)[0], "findings")
    assert any("no rules loaded" in text for text in found)


def test_series_without_their_pods_name_are_a_finding(rendered: Path) -> None:
    platform = Platform()
    platform.targets[0]["labels"]["pod"] = "unknown"
    found = list_items(report_on(platform, rendered)[0], "findings")
    assert any("psi-field do not carry the real name of their pod" in text for text in found)


def test_fewer_pods_than_declared_are_a_finding(rendered: Path) -> None:
    platform = Platform()
    del platform.targets[1]
    found = list_items(report_on(platform, rendered)[0], "findings")
    assert any("psi-field has 1 of 2 pods" in text for text in found)
    assert found[0].startswith("critical: PsiFieldPodDrift")


def test_the_watchdog_that_always_fires_is_left_out(rendered: Path) -> None:
    platform = Platform()
    before, quiet = report_on(platform, rendered)
    rule = {"alert": "Watchdog", "expr": "vector(1)", "labels": {"severity": "none"}}
    rule |= {"annotations": {"summary": "Alerting works"}}
    platform.groups.append(
        {"name": "watchdog", "file": "w.yaml", "interval": 30, "rules": [loaded_rule(rule)]}
    )
    fire_alert(platform.groups, "Watchdog", {}, "1e+00")
    after, snapshot = report_on(platform, rendered)
    assert list_items(after, "findings") == list_items(before, "findings")
    assert list_items(after, "actions") == list_items(before, "actions")
    assert snapshot.firing == quiet.firing
