"""The real blackbox exporter probes the real services, and failures reach the receivers."""

import os
import signal
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import httpx
import yaml

from ops.alertmanager_api import Alertmanager
from ops.grafana_api import Grafana
from ops.live.observation import Observation
from ops.manifests import read_manifests
from ops.report.gather import gather
from ops.report.maturity import LAST, judge, score
from ops.report.workloads import workloads
from tests.live.conftest import INTERVAL, Live
from tests.live.test_live_services import field_of
from tests.support.project import Project
from tests.support.series import inventory
from toolchain.node.grafana import answer_api

EXPORTER = "blackbox-exporter"
RESULTS = "count by (probe) (probe_success)"
RELOAD_FAILED = "BlackboxExporterConfigReloadFailed"
ONLY_OVER_HTTPS = "probe_ssl_earliest_cert_expiry"
"""The stack `local` probes no https address."""


def by_probe(live: Live, query: str) -> Mapping[str, float]:
    return {s.metric["probe"]: s.value[1] for s in live.observer.prometheus.query(query)}


def wait_for_probes(live: Live) -> set[str]:
    """The names of the probes, once each has been made and has succeeded."""
    made = {
        job.labels["probe"]
        for job in live.wait_for_rules().targets
        if job.labels["job"] == EXPORTER and "probe" in job.labels
    }
    live.wait_for(
        lambda _: by_probe(live, "probe_success == 1").keys() >= made, "every probe succeeds"
    )
    return made


def receipts(seen: Observation, alert: str, **labels: str) -> list[str]:
    """Status and receiver of each event of an alert, newest first."""
    return [
        f"{event['status']} at {event['receiver']}"
        for event in seen.events
        if event["alertname"] == alert and labels.items() <= event["labels"].items()
    ]


def test_every_workload_s_health_and_a_real_step_are_probed_and_succeed(services: Live) -> None:
    workloads = {"psi-field", "aurora-treaty", "scheduler", "harbinger"}
    assert wait_for_probes(services) == {
        *(f"{name}-health" for name in workloads),
        "psi-field-step",
    }
    (pod,) = services.platform.pods_of(EXPORTER)
    for sample in services.observer.prometheus.query("probe_success"):
        workload = sample.metric.pop("workload")
        assert sample.metric.pop("probe").startswith(f"{workload}-")
        assert sample.metric == {
            "__name__": "probe_success",
            "job": EXPORTER,
            "namespace": "aurora-local",
            "pod": pod.name,
            "instance": f"{pod.address}:{pod.port}",
        }
    assert not services.observer.prometheus.query("probe_http_status_code != 200")


def test_the_exporter_exports_what_the_inventory_says_of_it(services: Live) -> None:
    wait_for_probes(services)
    known = services.observer.prometheus.metadata()
    listed = [m for m in inventory()["platform"] if m["workload"] == EXPORTER]
    made = [metric for metric in listed if metric["name"] != ONLY_OVER_HTTPS]
    assert len(made) > 3
    for metric in made:
        (described,) = known[metric["name"]]
        assert described.type == metric["type"], metric["name"]
        found = services.observer.prometheus.query(metric["name"])
        labels = {*inventory()["scrape_labels"], *metric["labels"], "__name__"}
        assert found and {frozenset(sample.metric) for sample in found} == {frozenset(labels)}


def test_a_probe_s_steps_reach_the_field_but_move_it_only_once(services: Live) -> None:
    wait_for_probes(services)
    taken = 'sum(psi_field_step_requests_total{code="200"})'
    prometheus = services.observer.prometheus
    one, two = services.platform.pods_of("psi-field")
    before, field = prometheus.query(taken)[0].value[1], field_of(one)
    services.wait_for(
        lambda _: prometheus.query(taken)[0].value[1] >= before + 5, "five more steps are taken"
    )
    assert field_of(one) == field_of(two) == field


def test_the_recorded_histogram_holds_every_answer_that_came(services: Live) -> None:
    made = wait_for_probes(services)
    window = f"{20 * INTERVAL:g}s"
    total = f"sum by (probe) (sum_over_time(probe:duration_seconds:bucket{{le='+Inf'}}[{window}]))"
    services.wait_for(
        lambda _: all(count >= 10 for count in by_probe(services, total).values()), "ten answers"
    )
    quantile = "histogram_quantile(1, sum by (probe, le) (sum_over_time("
    slowest = by_probe(services, f"{quantile}probe:duration_seconds:bucket[{window}])))")
    # Recorded after they are scraped: an answer of the last moment is not in the histogram yet.
    answered = f"probe_duration_seconds[{14 * INTERVAL:g}s] offset {4 * INTERVAL:g}s"
    answers = f"max by (probe) (max_over_time({answered}))"
    exact = by_probe(services, answers)
    assert slowest.keys() == exact.keys() == made
    for probe in made:
        assert 0 < exact[probe] <= max(slowest[probe], 0.005), probe


def test_real_probes_and_services_earn_the_full_maturity_score(
    services: Live, manifests: Path
) -> None:
    wait_for_probes(services)
    (pod,) = services.platform.pods_of("alertmanager")
    rendered = read_manifests(manifests)
    boards = {board["uid"]: board for board in rendered.dashboards.values()}

    def answer(request: httpx.Request) -> httpx.Response:
        status, found = answer_api(request.url.raw_path.decode(), {}, boards)
        return httpx.Response(status, json=found)

    transport = httpx.MockTransport(answer)
    with (
        closing(Alertmanager(pod.url)) as alertmanager,
        closing(Grafana("http://grafana", transport=transport)) as grafana,
    ):
        facts = gather(
            services.observer.prometheus,
            alertmanager,
            grafana=grafana,
            manifests=rendered,
            now=datetime.now(UTC),
            hours=1,
        )
    judged = judge(facts)
    missing = {one.evidence.text for one in judged if not one.earned}
    assert missing == {one.evidence.text for one in judged if one.capability.stage == LAST}
    assert score(judged) == 8.5
    exporter = {workload.name: workload for workload in workloads(facts)}[EXPORTER]
    assert (exporter.state, exporter.up_of_expected) == ("up", "1 of 1")


def test_a_workload_that_hangs_fails_its_probes_and_the_alert_arrives(services: Live) -> None:
    made = wait_for_probes(services)
    (pod,) = services.platform.pods_of("scheduler")
    process = services.platform.children[pod.name].process.pid
    os.kill(process, signal.SIGSTOP)
    try:
        services.wait_for(
            lambda seen: (
                receipts(seen, "ProbeFailing", workload="scheduler") == ["firing at critical"]
            ),
            "the alert arrives",
        )
        failed = by_probe(services, "probe_success == 0")
        assert failed.keys() == {"scheduler-health"}, "the others go on to succeed"
        assert by_probe(services, RESULTS).keys() == made, "a failed probe is a result"
    finally:
        os.kill(process, signal.SIGCONT)
    services.wait_for(
        lambda seen: receipts(seen, "ProbeFailing")[:1] == ["resolved at critical"], "it is over"
    )


def test_a_probe_that_is_added_in_the_settings_is_made_without_a_restart(
    replayed: Live, project: Project
) -> None:
    (pod,) = replayed.platform.pods_of(EXPORTER)
    process = replayed.platform.children[pod.name].process
    path = project.root / "Pulumi.local.yaml"
    text = path.read_text(encoding="utf-8")
    values = yaml.safe_load(text)
    added = {"treaty-ready": {"workload": "aurora-treaty", "path": "/ready"}}
    values["config"]["vaultmesh:settings"]["synthetics"] = {"probes": added}
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    try:
        result = project.up()
        assert result.code == 0, result.text
        assert result.changes["~"] == 2, "the ConfigMaps of Prometheus and of the exporter"
        replayed.wait_for(
            lambda _: by_probe(replayed, "probe_success").get("treaty-ready") == 1, "the new probe"
        )
        assert replayed.platform.children[pod.name].process is process
        assert process.poll() is None
    finally:
        path.write_text(text, encoding="utf-8")
        assert project.up().code == 0
        replayed.wait_for(
            lambda seen: "treaty-ready" not in {t.labels.get("probe") for t in seen.targets},
            "it is gone again",
        )


def test_a_broken_configuration_leaves_the_old_probes_in_force_and_raises_an_alert(
    replayed: Live,
) -> None:
    made = wait_for_probes(replayed)
    path = replayed.platform.files.config(EXPORTER) / "blackbox.yml"
    good = path.read_text()
    path.write_text(good.replace("prober:", "probr:"))
    try:
        replayed.wait_for(
            lambda seen: receipts(seen, RELOAD_FAILED)[:1] == ["firing at warning"],
            "the alert arrives",
        )
        assert by_probe(replayed, "probe_success == 1").keys() >= made
    finally:
        path.write_text(good)
    replayed.wait_for(
        lambda seen: receipts(seen, RELOAD_FAILED)[:1] == ["resolved at warning"], "it is over"
    )
