"""The maturity score: the owners' stages, and points only for what was observed."""

import json
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from dashboards.catalog import endpoints_dashboard
from ops.grafana_api import Grafana
from ops.manifests import read_manifests
from ops.report.maturity import (
    BEFORE,
    CAPABILITIES,
    LAST,
    REPORT,
    SCALE,
    SINCE,
    Judged,
    judge,
    score,
)
from ops.verification import Verification
from tests.support.recording import Recording
from tests.support.report.report_answers import NOW, find_rule, probe_target, sample
from tests.support.report.report_platform import Platform, gather_facts, render_manifests

STAGES = {BEFORE: 3.5, REPORT: 7.0, SINCE: 8.5, LAST: SCALE}
VERIFIED = "A real cluster passes `make verify`"
PROBED = "Probes from several regions"
STORED = "Metrics are kept for long"
EVERYONE = ("grafana", "kubernetes")


def judged(platform: Platform, rendered: Path, *asked: str) -> dict[str, Judged]:
    facts = gather_facts(platform, rendered, asked=asked or ("grafana",))
    return {one.capability.name: one for one in judge(facts)}


def earned(platform: Platform, rendered: Path) -> dict[str, float]:
    return {name: one.earned for name, one in judged(platform, rendered).items()}


def test_the_points_of_the_stages_add_up_to_the_owners_scores() -> None:
    total = 0.0
    for stage, owners in STAGES.items():
        total += sum(one.points for one in CAPABILITIES if one.stage == stage)
        assert total == owners, stage
    for stage in (SINCE, LAST):
        assert [one.points for one in CAPABILITIES if one.stage == stage] == [0.5, 0.5, 0.5]


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
    platform.boards = without("SLOs", platform)
    assert earned(platform, folder)[name] == 0


def without(words: str, platform: Platform) -> dict[str, Any]:
    """Grafana's dashboards but one."""
    boards = platform.boards or {}
    return {uid: one for uid, one in boards.items() if one["title"] != words}


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


def test_a_dashboard_that_grafana_does_not_have_earns_nothing(rendered: Path) -> None:
    platform = Platform()
    assert earned(platform, rendered)["Dashboard Aurora KPIs"] == 0.5
    platform.boards = without("Aurora KPIs", platform)
    found = judged(platform, rendered)["Dashboard Aurora KPIs"]
    assert (found.earned, found.evidence.text) == (0, "Grafana has no dashboard Aurora KPIs")


@pytest.mark.parametrize("name", ["Aurora KPIs", "ψ-Field Metrics"])
def test_a_rendered_dashboard_earns_nothing_while_grafana_is_down_or_not_asked(
    rendered: Path, name: str
) -> None:
    down = Platform(broken={"grafana": lambda _: httpx.Response(503)})
    for platform, asked, why in (
        (down, "grafana", "HTTP 503"),
        (Platform(), "nobody", "Grafana was not asked: name it with --grafana"),
    ):
        found = judged(platform, rendered, asked)[f"Dashboard {name}"]
        assert found.earned == 0
        assert f"dashboard {name} is rendered, not observed: " in found.evidence.text
        assert why in found.evidence.text


def verified(**changes: str) -> dict[str, str]:
    """What `make verify` leaves, two days ago."""
    time = NOW - timedelta(days=2)
    return Verification(checks=57, red=0, time=time).manifest()["data"] | changes


@pytest.mark.parametrize(
    ("data", "points", "text"),
    [
        (verified(), 0.5, "57 of 57 checks green, 2 d ago"),
        (verified(red="2"), 0, "55 of 57 checks green, 2 d ago"),
        (verified(time="2025-10-15T12:00:00Z"), 0, "8 d ago: longer than 7 days"),
        (verified(time="2026-10-15T12:00:00Z"), 0, "longer than 7 days"),
        (verified(checks="0"), 0, "0 of 0 checks green"),
        (verified(checks="many"), 0, "is not as `make verify` leaves it"),
        (verified(time="2025-10-23T12:00:00"), 0, "the time has no zone"),
        ({}, 0, "is not as `make verify` leaves it"),
        (None, 0, "no result of `make verify` is kept in the cluster"),
    ],
)
def test_a_verification_that_the_cluster_keeps_earns_points_if_all_was_green_lately(
    rendered: Path, data: dict[str, str] | None, points: float, text: str
) -> None:
    found = judged(Platform(verification=data), rendered, *EVERYONE)[VERIFIED]
    assert found.earned == points
    assert text in found.evidence.text


def test_the_verification_is_asked_for_in_the_namespace_of_the_stack(rendered: Path) -> None:
    platform = Platform(verification=verified())
    judged(platform, rendered, *EVERYONE)
    namespace = read_manifests(rendered).namespace
    assert f"/api/v1/namespaces/{namespace}/configmaps/verification" in platform.asked


ENDPOINTS = {
    "uid": "vaultmesh-endpoints",
    "title": "Endpoints",
    "panels": [
        {"title": "a", "targets": [{"dimensions": {"Region": "*"}}, {"dimensions": {}}, {}]},
        {"title": "a text"},
    ],
}


@pytest.mark.parametrize(
    ("measured", "points", "text"),
    [
        ({"us-east-1": [None, 12.5], "eu-west-1": [9]}, 0.5, "checkers in eu-west-1, us-east-1"),
        ({"us-east-1": [12.5], "eu-west-1": [None]}, 0, "checkers in us-east-1"),
        ({}, 0, "no checkers measure anything"),
    ],
)
def test_probes_from_regions_are_what_grafana_reads_in_cloudwatch(
    rendered: Path, measured: dict[str, list[float | None]], points: float, text: str
) -> None:
    platform = Platform(boards={"vaultmesh-endpoints": ENDPOINTS}, measured=measured)
    found = judged(platform, rendered)[PROBED]
    assert (found.earned, found.evidence.text) == (points, text)
    assert "/api/ds/query" in platform.asked


def test_the_dashboard_of_the_stack_has_the_query_for_the_regions() -> None:
    board = json.loads(endpoints_dashboard(["grafana"], "us-east-1").json)
    platform = Platform(boards={board["uid"]: board}, measured={"a": [1], "b": [1]})
    transport = httpx.MockTransport(platform.answer)
    with closing(Grafana("http://grafana", transport=transport)) as grafana:
        assert grafana.checker_regions(NOW, NOW) == ["a", "b"]


def test_without_health_checks_cloudwatch_is_not_asked(rendered: Path) -> None:
    platform = Platform()
    assert judged(platform, rendered)[PROBED].evidence.text == "no checkers measure anything"
    assert "/api/ds/query" not in platform.asked


@pytest.mark.parametrize(
    ("behind", "points", "text"),
    [
        ([4.0, 9.0], 0.5, "the last samples were sent 9 s ago"),
        ([4.0, 900.0], 0, "the last samples were sent 15 min ago"),
        ([4.0, "NaN"], 0, "the last samples were sent NaN ago"),
        ([], 0, "no Prometheus sends samples to a long-term store without loss"),
    ],
)
def test_metrics_are_kept_for_long_if_all_writers_have_sent_lately(
    rendered: Path, behind: list[float | str], points: float, text: str
) -> None:
    stored = [sample(one, pod=f"prometheus-server-{n}") for n, one in enumerate(behind)]
    found = judged(Platform(stored=stored), rendered)[STORED]
    assert (found.earned, found.evidence.text) == (points, text)


def test_all_evidence_together_reaches_the_end_of_the_scale(rendered: Path) -> None:
    platform = Platform(verification=verified(), measured={"a": [1], "b": [1]})
    platform.stored = [sample(3, pod="prometheus-server-0")]
    of = probe_target("psi-field")["labels"]
    platform.samples.append(sample(1, __name__="probe_success", **of))
    gather_facts(platform, rendered)
    platform.boards = {**(platform.boards or {}), "vaultmesh-endpoints": ENDPOINTS}
    assert score(list(judged(platform, rendered, *EVERYONE).values())) == SCALE


def test_servers_that_do_not_answer_earn_nothing(tmp_path: Path) -> None:
    servers = ("prometheus", "grafana", "kubernetes")
    platform = Platform(broken=dict.fromkeys(servers, lambda _: httpx.Response(500)))
    found = judge(gather_facts(platform, tmp_path / "none", asked=EVERYONE))
    assert score(found) == 0
    assert all(one.evidence.text for one in found)


def test_the_rendered_dashboards_are_those_of_the_stack(rendered: Path) -> None:
    titles = {model["title"] for model in read_manifests(rendered).dashboards.values()}
    assert {"ψ-Field Metrics", "Aurora KPIs", "Scheduler"} <= titles
