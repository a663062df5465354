"""The report says of each CronJob whether it does its work, as kube-state-metrics tells it."""

from pathlib import Path

import pytest

from ops.numbers import NOTHING
from tests.support.kpi_answers import NOW, fire, labels, loaded, sample
from tests.support.kpi_platform import Platform, report_on
from tests.support.series import alerts
from tests.unit.ops.test_kpi_report import rows

NAME = "synthetic-feeder"
OF_FEEDER = {**labels("kube-state-metrics", "kube-state-metrics-0"), "cronjob": NAME}


def shown(platform: Platform, rendered: Path) -> tuple[str, str]:
    """The state that the report gives the feeder, and what stands beside it."""
    row = rows(report_on(platform, rendered)[0], "workloads")[NAME]
    return row["State"], row["Pods"]


def told(*, suspended: int = 0, succeeded: float | None = None) -> Platform:
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
        (told(succeeded=40), "in time", "last success 40 s ago"),
        (told(), "in time", "no success yet"),
        (told(suspended=1, succeeded=7200), "suspended", "last success 2 h ago"),
        (Platform(), "not observed", NOTHING),
    ],
)
def test_a_cron_job_is_in_time_or_suspended_or_not_observed(
    platform: Platform, state: str, success: str, rendered: Path
) -> None:
    assert shown(platform, rendered) == (state, success)


def test_a_cron_job_is_late_while_the_alert_on_it_fires(rendered: Path) -> None:
    platform = told(succeeded=900)
    rules = [loaded(alerts()["CronJobLate"])]
    platform.groups.append(
        {"name": "cron_jobs", "file": "platform_rules.yml", "interval": 30, "rules": rules}
    )
    fire(platform.groups, "CronJobLate", {"cronjob": "soak-heartbeat"}, "900")
    assert shown(platform, rendered)[0] == "in time"
    fire(platform.groups, "CronJobLate", {"cronjob": NAME}, "900")
    assert shown(platform, rendered) == ("late", "last success 15 min ago")
    document, _ = report_on(platform, rendered)
    assert rows(document, "alerts")["CronJobLate"]["On"] == NAME
