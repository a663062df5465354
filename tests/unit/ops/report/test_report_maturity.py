"""The maturity score: the owners' stages, and points only for what was observed."""

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from ops.manifests import read_manifests
from ops.report.maturity import BEFORE, CAPABILITIES, REPORT, SINCE, judge, score
from tests.support.recording import Recording
from tests.support.report.report_answers import find_rule, probe_target, sample
from tests.support.report.report_platform import Platform, gather_facts, render_manifests

STAGES = {BEFORE: 3.5, REPORT: 7.0, SINCE: 8.5}


def earned(platform: Platform, rendered: Path) -> dict[str, float]:
    return {one.capability.name: one.earned for one in judge(gather_facts(platform, rendered))}


def test_the_points_of_the_stages_add_up_to_the_owners_scores() -> None:
    total = 0.0
    for stage, owners in STAGES.items():
        total += sum(one.points for one in CAPABILITIES if one.stage == stage)
        assert total == owners, stage
    assert [one.points for one in CAPABILITIES if one.stage == SINCE] == [0.5, 0.5, 0.5]


def test_the_reference_scenario_earns_8_points(rendered: Path) -> None:
    assert score(judge(gather_facts(Platform(), rendered))) == 8.0


def test_slo_dashboards_and_synthetic_monitoring_earn_the_missing_points(
    recordings: dict[str, Recording], tmp_path: Path
) -> None:
    folder = render_manifests(recordings["local"], tmp_path)
    name = "SLO dashboards and synthetic monitoring"
    assert earned(Platform(), folder)[name] == 0
    platform = Platform()
    of = probe_target("psi-field")["labels"]
    platform.samples.append(sample(1, __name__="probe_success", **of))
    assert earned(platform, folder)[name] == 0.5
    assert score(judge(gather_facts(platform, folder))) == 8.5
    (path,) = folder.rglob("*-dashboard-slos.yaml")
    path.unlink()
    assert earned(platform, folder)[name] == 0


def lose_job(job: str) -> Callable[[Platform], None]:
    def lose(platform: Platform) -> None:
        platform.targets = [one for one in platform.targets if one["labels"]["job"] != job]

    return lose


def lose_metric(name: str) -> Callable[[Platform], None]:
    def lose(platform: Platform) -> None:
        platform.samples = [one for one in platform.samples if one["metric"]["__name__"] != name]

    return lose


def spoil_rule(name: str) -> Callable[[Platform], None]:
    return lambda platform: find_rule(platform.groups, name).update(health="err")


def one_pod_down(platform: Platform) -> None:
    platform.targets[1]["health"] = "down"


@pytest.mark.parametrize(
    ("change", "lost"),
    [
        (lose_job("scheduler"), "The scheduler is deployed, with its dashboard"),
        (lose_job("harbinger"), "Harbinger is deployed"),
        (lose_job("aurora-treaty"), "The treaty service is scraped"),
        (one_pod_down, "ψ-Field is scraped"),
        (lose_metric("psi_field_futurity"), "ψ-Field's seven metrics have values"),
        (lose_metric("treaty_dropped_requests"), "The treaty's six metrics have values"),
        (spoil_rule("PsiFieldDown"), "Alerts on ψ-Field are evaluated"),
        (spoil_rule("TreatyDown"), "Alerts on the treaty are evaluated"),
        (spoil_rule("psi:entropy:max"), "Aggregations are recorded"),
    ],
)
def test_a_capability_that_was_not_observed_earns_nothing(
    rendered: Path, change: Callable[[Platform], None], lost: str
) -> None:
    platform = Platform()
    change(platform)
    before, now = earned(Platform(), rendered), earned(platform, rendered)
    assert before[lost] > 0
    assert {name for name in now if now[name] != before[name]} == {lost}
    assert now[lost] == 0


def test_a_dashboard_that_is_not_rendered_earns_nothing(
    recordings: dict[str, Recording], tmp_path: Path
) -> None:
    folder = render_manifests(recordings["local"], tmp_path)
    (path,) = folder.rglob("*-dashboard-aurora-kpis.yaml")
    path.unlink()
    assert earned(Platform(), folder)["Dashboard Aurora KPIs"] == 0


def test_servers_that_do_not_answer_earn_nothing(tmp_path: Path) -> None:
    platform = Platform(broken={"prometheus": lambda _: httpx.Response(500)})
    judged = judge(gather_facts(platform, tmp_path / "none"))
    assert score(judged) == 0
    assert all(one.evidence.text for one in judged)


def test_the_rendered_dashboards_are_those_of_the_stack(rendered: Path) -> None:
    titles = {model["title"] for model in read_manifests(rendered).dashboards.values()}
    assert {"ψ-Field Metrics", "Aurora KPIs", "Scheduler"} <= titles
