"""The dashboard "Synthetics": whether callers of the workloads get good answers in time."""

from grafana_foundation_sdk.models import units

from dashboards.bands import ALL_UP, NONE_FIRING
from dashboards.frame import (
    Board,
    Section,
    alerts_firing,
    alerts_over_time,
    label_variable,
    up_over_time,
)
from dashboards.panels import Query, stat, table, time_series

JOB = "blackbox-exporter"
PROBE = '{probe=~"$probe"}'
BUCKETS = f"probe:duration_seconds:bucket{PROBE}"
QUANTILES = {"0.5": "half", "0.9": "nine tenths", "0.99": "99 %"}


def synthetics() -> Board:
    """Declare the dashboard."""
    overview = [
        stat(
            "Success, worst probe",
            "The smallest share of good answers in 5 minutes, over the chosen probes.",
            Query(f"min(probe:success:avg_5m{PROBE})"),
            unit=units.PercentUnit,
            alerts=["ProbeFailing"],
        ),
        stat(
            "Answer time, slowest probe",
            "The time within which nine of ten answers came in 10 minutes, of the slowest of the "
            "chosen probes.",
            Query(f"max(probe:duration_seconds:p90_10m{PROBE})"),
            unit=units.Seconds,
            alerts=["ProbeSlow"],
        ),
        stat(
            "Failing now",
            "How many of the chosen probes got no good answer the last time.",
            Query(f"count(min by (probe) (probe_success{PROBE}) == 0) or vector(0)"),
            unit=units.NoUnit,
            bands=NONE_FIRING,
        ),
        stat(
            "Results",
            "How many results of the chosen probes there are now; each pod of the exporter gives "
            "one for each probe.",
            Query(f"sum(probe:results:count{PROBE}) or vector(0)"),
            unit=units.NoUnit,
        ),
        stat(
            "Configuration",
            "Whether every pod of the exporter makes the probes that it was given last.",
            Query("min(blackbox_exporter_config_last_reload_successful) or vector(0)"),
            unit=units.PercentUnit,
            bands=ALL_UP,
            alerts=["BlackboxExporterConfigReloadFailed"],
            when="when one does not",
        ),
        alerts_firing(JOB),
    ]
    answers = [
        stat(
            "First certificate to expire",
            "How many days are left until a certificate expires that one of the chosen probes "
            "gets; 365 also while none asks an https address.",
            Query(f"min((probe_ssl_earliest_cert_expiry{PROBE} - time()) / 86400) or vector(365)"),
            unit=units.Days,
            alerts=["CertificateExpiring"],
            width=24,
        ),
        up_over_time(
            "Probes over time",
            "When each probe got a good answer, from every pod that asked.",
            Query(f"min by (probe) (probe_success{PROBE})", "{{probe}}"),
        ),
        time_series(
            "Share of good answers",
            "The share of good answers over 5 minutes.",
            Query(f"probe:success:avg_5m{PROBE}", "{{probe}}"),
            unit=units.PercentUnit,
            alerts=["ProbeFailing"],
            top=1,
            width=12,
        ),
        time_series(
            "Status codes",
            "The status code of the last answer; 0 means that there was none.",
            Query(f"max by (probe) (probe_http_status_code{PROBE})", "{{probe}}"),
            unit=units.NoUnit,
            width=12,
        ),
    ]
    times = [
        time_series(
            "Nine of ten answers within",
            "The time within which nine of ten answers came, over 10 minutes.",
            Query(f"probe:duration_seconds:p90_10m{PROBE}", "{{probe}}"),
            unit=units.Seconds,
            alerts=["ProbeSlow"],
            width=12,
        ),
        time_series(
            "Answer times",
            "How long the last request of each probe took, answered or not.",
            Query(f"max by (probe) (probe_duration_seconds{PROBE})", "{{probe}}"),
            unit=units.Seconds,
            width=12,
        ),
        time_series(
            "Answer times of the chosen probes together",
            "The times within which half, nine tenths and 99 % of all answers came, over "
            "10 minutes.",
            *(_quantile(share, legend) for share, legend in QUANTILES.items()),
            unit=units.Seconds,
            width=12,
        ),
        time_series(
            "Where the time goes",
            "The time of each phase, as an average of the chosen probes: looking the name up, "
            "connecting, waiting for the answer, reading it.",
            Query(f"avg by (phase) (probe_http_duration_seconds{PROBE})", "{{phase}}"),
            unit=units.Seconds,
            width=12,
        ),
        table(
            "Answered within",
            "The share of all results, in the time shown, that were answered within so many "
            "seconds. What is missing from 100 % in the row +Inf got no good answer.",
            "le",
            {
                "share of the results": f"sum by (le) (sum_over_time({BUCKETS}[$__range]))"
                f" / scalar(sum(sum_over_time(probe:results:count{PROBE}[$__range])))"
            },
            unit=units.PercentUnit,
        ),
    ]
    health = [
        up_over_time(
            "Exporter over time",
            "When each pod of the exporter answered Prometheus, itself and for every probe.",
            Query(f'min by (pod) (up{{job="{JOB}"}})', "{{pod}}"),
        ),
        alerts_over_time(JOB),
    ]
    return Board(
        module=__name__,
        uid="vaultmesh-synthetics",
        title="Synthetics",
        description="What a caller of the workloads would get, and how soon.",
        since="now-6h",
        job=JOB,
        variables=[label_variable("probe", "probe_success")],
        sections=[
            Section("", overview),
            Section("Do the workloads answer?", answers),
            Section("How soon do they answer?", times),
            Section("Exporter and alerts", health),
        ],
    )


def _quantile(share: str, legend: str) -> Query:
    return Query(
        f"histogram_quantile({share}, sum by (le) (sum_over_time({BUCKETS}[10m])))", legend
    )
