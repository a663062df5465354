"""The dashboard "Synthetics": what a caller of the workloads would get, and how soon."""

from grafana_foundation_sdk.builders import dashboard

from dashboards.bands import ALL_UP, NONE_FIRING, Thresholds, above, below
from dashboards.frame import Section, choice, frame
from dashboards.health import alerts_firing, alerts_over_time, up_over_time
from dashboards.panels import Query, comparison, now, over_time

FILENAME = "synthetics.json"
JOB = "blackbox-exporter"
PROBE = '{probe=~"$probe"}'
BUCKETS = f"probe:duration_seconds:bucket{PROBE}"
QUANTILES = {"0.5": "half", "0.9": "nine tenths", "0.99": "99 %"}


def build(thresholds: Thresholds) -> dashboard.Dashboard:
    """Build the dashboard, with the given alert thresholds drawn in."""
    success = below(thresholds, critical="ProbeFailing")
    slow = above(thresholds, warning="ProbeSlow")

    overview = [
        now(
            "Success, worst probe",
            "The smallest share of good answers in 5 minutes, over the chosen probes. "
            "Red: ProbeFailing fires.",
            Query(f"min(probe:success:avg_5m{PROBE})"),
            unit="percentunit",
            bands=success,
        ),
        now(
            "Answer time, slowest probe",
            "The time within which nine of ten answers came in 10 minutes, of the slowest of the "
            "chosen probes. Orange: ProbeSlow fires.",
            Query(f"max(probe:duration_seconds:p90_10m{PROBE})"),
            unit="s",
            bands=slow,
        ),
        now(
            "Failing now",
            "How many of the chosen probes got no good answer the last time.",
            Query(f"count(min by (probe) (probe_success{PROBE}) == 0) or vector(0)"),
            unit="none",
            bands=NONE_FIRING,
        ),
        now(
            "Results",
            "How many results of the chosen probes there are now; each pod of the exporter gives "
            "one for each probe.",
            Query(f"sum(probe:results:count{PROBE}) or vector(0)"),
            unit="none",
        ),
        now(
            "Configuration",
            "Whether every pod of the exporter makes the probes that it was given last. "
            "BlackboxExporterConfigReloadFailed fires when one does not.",
            Query("min(blackbox_exporter_config_last_reload_successful) or vector(0)"),
            unit="percentunit",
            bands=ALL_UP,
        ),
        alerts_firing(JOB),
    ]
    answers = [
        up_over_time(
            "Probes over time",
            "When each probe got a good answer, from every pod that asked.",
            Query(f"min by (probe) (probe_success{PROBE})", "{{probe}}"),
        ),
        over_time(
            "Share of good answers",
            "The share of good answers over 5 minutes. "
            "The dashed line is where ProbeFailing fires.",
            Query(f"probe:success:avg_5m{PROBE}", "{{probe}}"),
            unit="percentunit",
            bands=success,
            top=1,
            width=12,
        ),
        over_time(
            "Status codes",
            "The status code of the last answer; 0 means that there was none.",
            Query(f"max by (probe) (probe_http_status_code{PROBE})", "{{probe}}"),
            unit="none",
            width=12,
        ),
    ]
    times = [
        over_time(
            "Nine of ten answers within",
            "The time within which nine of ten answers came, over 10 minutes. "
            "The dashed line is where ProbeSlow fires.",
            Query(f"probe:duration_seconds:p90_10m{PROBE}", "{{probe}}"),
            unit="s",
            bands=slow,
            width=12,
        ),
        over_time(
            "Answer times",
            "How long the last request of each probe took, answered or not.",
            Query(f"max by (probe) (probe_duration_seconds{PROBE})", "{{probe}}"),
            unit="s",
            width=12,
        ),
        over_time(
            "Answer times of the chosen probes together",
            "The times within which half, nine tenths and 99 % of all answers came, over "
            "10 minutes.",
            *(_quantile(share, legend) for share, legend in QUANTILES.items()),
            unit="s",
            width=12,
        ),
        over_time(
            "Where the time goes",
            "The time of each phase, as an average of the chosen probes: looking the name up, "
            "connecting, waiting for the answer, reading it.",
            Query(f"avg by (phase) (probe_http_duration_seconds{PROBE})", "{{phase}}"),
            unit="s",
            width=12,
        ),
        comparison(
            "Answered within",
            "The share of all results, in the time shown, that were answered within so many "
            "seconds. What is missing from 100 % in the row +Inf got no good answer.",
            "le",
            {
                "share of the results": f"sum by (le) (sum_over_time({BUCKETS}[$__range]))"
                f" / scalar(sum(sum_over_time(probe:results:count{PROBE}[$__range])))"
            },
            unit="percentunit",
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
    return frame(
        uid="vaultmesh-synthetics",
        title="Synthetics",
        description="What a caller of the workloads would get, and how soon.",
        since="now-6h",
        job=JOB,
        variables=[choice("probe", "probe_success")],
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
