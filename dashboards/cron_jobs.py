"""The panels on the CronJobs, for the dashboard "Platform"."""

from dashboards.bands import NONE_FIRING, OK, WARNING
from dashboards.panels import Panel, Query, now, over_time, states

IDLE = "blue"
_SUSPENDED = "max by (namespace, cronjob) (kube_cronjob_spec_suspend)"
_LATE = 'max by (namespace, cronjob) (ALERTS{alertname="CronJobLate", alertstate="firing"})'
_AGE = Query("cronjob:success_age_seconds:max", "{{cronjob}}")


def cron_job_panels() -> list[Panel]:
    """Whether each CronJob does its work, or is not meant to."""
    return [
        now(
            "CronJobs late",
            "How many CronJobs do not run or do not succeed; 0 is good. Orange: CronJobLate fires.",
            Query(f"count({_LATE}) or vector(0)"),
            unit="none",
            bands=NONE_FIRING,
            width=6,
        ),
        now(
            "CronJobs found",
            "How many CronJobs there are, and how many of them are suspended. "
            "One that is suspended does not run, and is not late.",
            Query(f"count({_SUSPENDED}) or vector(0)", "in all"),
            Query(f"sum({_SUSPENDED}) or vector(0)", "suspended"),
            unit="none",
            width=6,
        ),
        now(
            "Since the last success",
            "How long ago a run of each CronJob last succeeded; if none ever has, "
            "how long ago the CronJob was made. It grows while the CronJob is suspended.",
            _AGE,
            unit="s",
            width=12,
        ),
        over_time(
            "Time since the last success",
            "How old the last success of each CronJob was. It falls at each success; a line that "
            "only rises is that of a CronJob that is suspended, or late: then CronJobLate fires.",
            _AGE,
            unit="s",
            width=24,
        ),
        states(
            "CronJobs over time",
            "When each CronJob did its work: blue while it was suspended, "
            "orange while CronJobLate fired.",
            Query(f"2 * ({_SUSPENDED} == 1) or {_LATE} or 0 * {_SUSPENDED}", "{{cronjob}}"),
            meaning={0: ("in time", OK), 1: ("late", WARNING), 2: ("suspended", IDLE)},
            no_value="No CronJob was found in this time",
        ),
    ]
