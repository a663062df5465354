"""Panels that every dashboard has: what is up, and which alerts fire."""

from grafana_foundation_sdk.builders import stat, statetimeline

from dashboards.bands import ALL_UP, CRITICAL, NONE_FIRING, OK, WARNING
from dashboards.panels import Query, now, states


def pods_up(job: str) -> stat.Panel:
    """Show the share of a workload's pods that Prometheus can scrape now; 0 if there is none."""
    return now(
        "Pods up",
        f"The share of the {job} pods that answer Prometheus now; 0 % also when there is no pod.",
        Query(f'avg(up{{job="{job}"}}) or vector(0)'),
        unit="percentunit",
        bands=ALL_UP,
    )


def up_over_time(title: str, description: str, query: Query) -> statetimeline.Panel:
    """Draw a strip for each series of an expression of `up`: green while up, red while down."""
    return states(
        title,
        description,
        query,
        meaning={1: ("up", OK), 0: ("down", CRITICAL)},
        no_value="Nothing was found to scrape in this time",
    )


def alerts_firing(job: str | None = None) -> stat.Panel:
    """Count the alerts that fire now, on one workload or on all."""
    return now(
        "Alerts firing",
        f"How many alerts fire now on {job or 'the whole environment'}; 0 is good.",
        Query(f"count({firing(job)}) or vector(0)"),
        unit="none",
        bands=NONE_FIRING,
    )


def alerts_over_time(job: str | None = None) -> statetimeline.Panel:
    """Draw a strip for each alert that fired, on one workload or on all, coloured by severity."""
    warning = f"max by (alertname) ({firing(job, 'warning')})"
    critical = f"max by (alertname) ({firing(job, 'critical')})"
    return states(
        "Alerts over time",
        "When each alert fired: orange for a warning, red for a critical alert.",
        Query(f"{warning} or 2 * {critical}", "{{alertname}}"),
        meaning={1: ("warning", WARNING), 2: ("critical", CRITICAL)},
        no_value="No alert fired in this time",
    )


def firing(job: str | None = None, severity: str | None = None) -> str:
    """Select the firing alerts of one workload, one severity, or of all but the heartbeat."""
    wanted = {"alertstate": "firing", "job": job, "severity": severity}
    matchers = [f'{label}="{value}"' for label, value in wanted.items() if value]
    if severity is None:
        matchers.append('severity!="none"')
    return f"ALERTS{{{', '.join(matchers)}}}"
