"""The sections of the report on the reference scenario."""

from pathlib import Path

import pytest

from ops.numbers import NOTHING
from ops.report.document import Document, Table
from tests.support.recording import Recording
from tests.support.report.report_answers import (
    FIRST,
    NOW,
    OF_TREATY,
    SECOND,
    TREATY,
    find_rule,
    fire_alert,
    labels,
    loaded_rule,
    probe_target,
    sample,
    target,
)
from tests.support.report.report_platform import (
    Platform,
    find_section,
    list_items,
    report_on,
    table_rows,
)
from tests.support.series import alerts, inventory


@pytest.fixture
def document(rendered: Path) -> Document:
    return report_on(Platform(), rendered)[0]


def test_every_part_is_there_and_nothing_is_missing(document: Document) -> None:
    assert [one.id for one in document.sections] == [
        "findings", "actions", "changes", "alerts", "workloads", "rules", "silences", "platform",
        "slos", "charts", "metrics", "maturity",
    ]  # fmt: skip
    assert not [one.unavailable for one in document.sections if one.unavailable]


def test_the_three_alerts_show_value_threshold_receiver_and_runbook(document: Document) -> None:
    alerts = table_rows(document, "alerts")
    assert {
        name: (row["On"], row["Value"], row["Threshold"], row["Receiver"])
        for name, row in alerts.items()
    } == {
        "PsiFieldPodDrift": ("psi-field as a whole", "0.8", "0.3", "critical"),
        "PsiFieldPredictionErrorHigh": (FIRST, "0.8625", "0.7", "warning"),
        "TreatyNoRequests": (TREATY, "0", "\N{EN DASH}", "warning"),
    }
    table = find_section(document, "alerts").blocks[0]
    assert isinstance(table, Table)
    for row in table.rows:
        assert row[-1][0].href.endswith(f"/{row[0][0].text}.md")


def test_the_most_severe_alerts_come_first(rendered: Path) -> None:
    platform = Platform()
    fire_alert(platform.groups, "TreatyDown", OF_TREATY, "0")
    severities = [
        row["Severity"] for row in table_rows(report_on(platform, rendered)[0], "alerts").values()
    ]
    assert severities == ["critical", "critical", "warning", "warning"]


def test_an_alert_that_alertmanager_does_not_have_notifies_nobody(rendered: Path) -> None:
    document, _ = report_on(Platform(notified=[]), rendered)
    assert {row["Receiver"] for row in table_rows(document, "alerts").values()} == {
        "none: Alertmanager does not have it"
    }
    assert "nobody is notified" in " ".join(list_items(document, "findings"))


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ({"silencedBy": ["x"]}, "silenced"),
        ({"inhibitedBy": ["x"]}, "inhibited by a more severe alert"),
    ],
)
def test_a_suppressed_alert_says_why_nobody_is_notified(
    rendered: Path, status: dict[str, list[str]], expected: str
) -> None:
    platform = Platform()
    platform.notified = platform.alertmanager_alerts()
    for alert in platform.notified:
        alert["status"] = {"state": "suppressed", **status}
    assert (
        table_rows(report_on(platform, rendered)[0], "alerts")["PsiFieldPodDrift"]["Receiver"]
        == expected
    )


def test_the_workloads_are_those_that_the_stack_declares(
    document: Document, recordings: dict[str, Recording]
) -> None:
    local = recordings["local"]
    servers = {name for name, _ in local.pods()}
    tasks = {name for name, _ in local.tasks()}
    shown = table_rows(document, "workloads")
    assert set(shown) == servers | tasks
    assert {shown[name]["State"] for name in servers} == {"up"}
    assert {shown[name]["State"] for name in tasks} <= {"not observed"}
    assert shown["psi-field"]["Up"] == "2 of 2"
    assert shown["psi-field"]["Pods"] == f"{FIRST}; {SECOND}"


def test_a_pod_that_is_scraped_for_each_probe_is_one_pod_and_up_if_all_of_it_is(
    document: Document, rendered: Path
) -> None:
    shown = table_rows(document, "workloads")["blackbox-exporter"]
    assert (shown["Up"], shown["Pods"]) == ("1 of 1", "blackbox-exporter-0")
    platform = Platform()
    platform.targets[-2] = probe_target("aurora-treaty", "down", "server returned HTTP status 400")
    shown = table_rows(report_on(platform, rendered)[0], "workloads")["blackbox-exporter"]
    assert (shown["State"], shown["Up"]) == ("down", "0 of 1")
    assert "HTTP status 400" in shown["Pods"]


def test_a_workload_without_a_target_is_not_deployed(rendered: Path) -> None:
    platform = Platform()
    platform.targets = [one for one in platform.targets if one["labels"]["job"] != "scheduler"]
    document, _ = report_on(platform, rendered)
    assert table_rows(document, "workloads")["scheduler"]["State"] == "not deployed"
    assert (
        "scheduler is declared, but Prometheus finds no pod of it"
        in list_items(document, "findings")[0]
    )


def test_a_pod_that_is_down_says_why(rendered: Path) -> None:
    platform = Platform()
    platform.targets[1] = target("psi-field", SECOND, "down", "dial tcp: connection refused")
    document, _ = report_on(platform, rendered)
    shown = table_rows(document, "workloads")["psi-field"]
    assert (shown["State"], shown["Up"]) == ("partly up", "1 of 2")
    assert "down, last tried 20 s ago. dial tcp: connection refused" in shown["Pods"]
    assert "Nothing listens there" in list_items(document, "findings")[0]


def test_a_scraped_job_that_is_not_declared_is_shown(rendered: Path) -> None:
    platform = Platform()
    platform.targets.append(target("stranger", "stranger-0"))
    assert (
        table_rows(report_on(platform, rendered)[0], "workloads")["stranger"]["Kind"]
        == "scraped only"
    )


def test_the_rules_of_each_group_are_counted(document: Document) -> None:
    shown = table_rows(document, "rules")
    assert {name: (row["Alerts"], row["Recording rules"]) for name, row in shown.items()} == {
        "psi_field": ("5", "0"),
        "aurora_treaty": ("7", "0"),
        "vaultmesh_aggregations": ("0", "22"),
    }


def test_a_rule_that_fails_is_named_with_its_error(rendered: Path) -> None:
    platform = Platform()
    find_rule(platform.groups, "psi:density:avg").update(health="err", lastError="many-to-many")
    document, _ = report_on(platform, rendered)
    assert table_rows(document, "rules")["vaultmesh_aggregations"]["Healthy"] == "21 of 22"
    assert list_items(document, "rules") == ["psi:density:avg can't be evaluated: many-to-many"]
    assert any(
        "psi:density:avg can't be evaluated" in one for one in list_items(document, "findings")
    )


def test_the_inventory_shows_each_metric_with_its_values_and_rules(document: Document) -> None:
    shown = table_rows(document, "metrics")
    owners = {metric["name"]: metric["type"] for metric in inventory()["metrics"]}
    assert {name: row["Type"] for name, row in shown.items()} == owners
    error = shown["psi_field_prediction_error"]
    assert error["Value"] == f"{FIRST}: 0.8625; {SECOND}: 0.0625"
    assert error["Recorded as"].split("; ") == [
        "psi:pod_drift:abs", "psi:prediction_error:avg", "psi:prediction_error:max",
    ]  # fmt: skip
    assert error["Alerts"].split("; ") == ["PsiFieldPodDrift", "PsiFieldPredictionErrorHigh"]
    rtt = shown["treaty_rtt_ms"]
    assert rtt["Value"] == f"{TREATY}, aurora-treaty-0: 118.7\N{NO-BREAK SPACE}ms"
    assert rtt["Alerts"] == "TreatyRttHigh"


def test_a_metric_without_a_value_and_one_of_another_type_are_marked(rendered: Path) -> None:
    platform = Platform(metadata={"treaty_rtt_ms": [{"type": "counter", "help": "", "unit": ""}]})
    name = "psi_field_density"
    platform.samples = [one for one in platform.samples if one["metric"]["__name__"] != name]
    shown = table_rows(report_on(platform, rendered)[0], "metrics")
    assert shown[name]["Value"] == "no value"
    assert shown["treaty_rtt_ms"]["Type"] == "gauge; exported as counter"


def test_the_platforms_health_is_a_share(document: Document) -> None:
    shown = table_rows(document, "platform")
    assert shown["vaultmesh:health_score"]["Value"] == "57.5\N{NO-BREAK SPACE}%"
    tiles = {tile.label: tile.value for tile in document.tiles}
    assert tiles["Layer-3 availability"] == "100\N{NO-BREAK SPACE}%"
    assert (tiles["Pods up"], tiles["Rules healthy"], tiles["Alerts firing"]) == ("10", "34", "3")


@pytest.mark.parametrize("value", ["NaN", "+Inf", "-Inf"])
def test_a_value_that_is_not_finite_is_shown_as_it_is(rendered: Path, value: str) -> None:
    platform = Platform()
    platform.samples += [sample(value, __name__="psi_field_density", pod="odd")]
    platform.samples = [
        one | {"value": [0, value]} if one["metric"]["__name__"].startswith("vault") else one
        for one in platform.samples
    ]
    document, taken = report_on(platform, rendered)
    assert "odd: " in table_rows(document, "metrics")["psi_field_density"]["Value"]
    assert set(taken.values.values()) == {None}


def test_active_silences_are_listed_and_expired_ones_are_not(rendered: Path) -> None:
    silence = {
        "matchers": [{"name": "alertname", "value": "X", "isRegex": True, "isEqual": False}],
        "startsAt": NOW.isoformat(),
        "endsAt": NOW.isoformat(),
        "createdBy": "ann",
        "comment": "soak test",
    }
    platform = Platform(
        silences=[
            {**silence, "id": "1", "status": {"state": "active"}},
            {**silence, "id": "2", "status": {"state": "expired"}, "createdBy": "bob"},
        ]
    )
    shown = table_rows(report_on(platform, rendered)[0], "silences")
    assert [(name, row["By"], row["Reason"]) for name, row in shown.items()] == [
        ('alertname!~"X"', "ann", "soak test")
    ]


FEEDER = "synthetic-feeder"
OF_FEEDER = {**labels("kube-state-metrics", "kube-state-metrics-0"), "cronjob": FEEDER}


def feeder_row(platform: Platform, rendered: Path) -> tuple[str, str]:
    """The feeder's state and the text beside it."""
    row = table_rows(report_on(platform, rendered)[0], "workloads")[FEEDER]
    return row["State"], row["Pods"]


def with_feeder(*, suspended: int = 0, succeeded: float | None = None) -> Platform:
    platform = Platform()
    suspend = sample(suspended, __name__="kube_cronjob_spec_suspend", **OF_FEEDER)
    platform.samples.append(suspend)
    if succeeded is not None:
        name = "kube_cronjob_status_last_successful_time"
        platform.samples.append(sample(NOW.timestamp() - succeeded, __name__=name, **OF_FEEDER))
    return platform


@pytest.mark.parametrize(
    ("platform", "state", "success"),
    [
        (with_feeder(succeeded=40), "in time", "last success 40 s ago"),
        (with_feeder(), "in time", "no success yet"),
        (with_feeder(suspended=1, succeeded=7200), "suspended", "last success 2 h ago"),
        (Platform(), "not observed", NOTHING),
    ],
)
def test_a_cron_job_is_in_time_or_suspended_or_not_observed(
    platform: Platform, state: str, success: str, rendered: Path
) -> None:
    assert feeder_row(platform, rendered) == (state, success)


def test_a_cron_job_is_late_while_the_alert_on_it_fires(rendered: Path) -> None:
    platform = with_feeder(succeeded=900)
    rules = [loaded_rule(alerts()["CronJobLate"])]
    platform.groups.append(
        {"name": "cron_jobs", "file": "platform_rules.yml", "interval": 30, "rules": rules}
    )
    fire_alert(platform.groups, "CronJobLate", {"cronjob": "soak-heartbeat"}, "900")
    assert feeder_row(platform, rendered)[0] == "in time"
    fire_alert(platform.groups, "CronJobLate", {"cronjob": FEEDER}, "900")
    assert feeder_row(platform, rendered) == ("late", "last success 15 min ago")
    document, _ = report_on(platform, rendered)
    assert table_rows(document, "alerts")["CronJobLate"]["On"] == FEEDER
