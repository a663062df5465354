"""The panels on the steps themselves, for the dashboard "ψ-Field Metrics"."""

from dashboards.panels import Panel, Query, over_time

POD = '{pod=~"$pod"}'


def step_panels() -> list[Panel]:
    """Which steps were answered how, how soon, and by which engine."""
    buckets = f"rate(psi_field_step_duration_seconds_bucket{POD}[5m])"
    return [
        over_time(
            "Steps per second",
            "How many requests to /step were answered, by their status code; other codes than 200 "
            "are steps that were refused.",
            Query(f"sum by (code) (rate(psi_field_step_requests_total{POD}[5m]))", "{{code}}"),
            unit="reqps",
        ),
        over_time(
            "Step latency",
            "Within what time half of the steps, and 99 in 100 of them, were answered; 0 while "
            "there are none. The promise is 250 ms.",
            *(
                Query(
                    f"(histogram_quantile({share}, sum by (le) ({buckets})) >= 0) or vector(0)",
                    name,
                )
                for share, name in ((0.5, "half"), (0.99, "99 in 100"))
            ),
            unit="s",
        ),
        over_time(
            "Engine",
            "How many pods run which engine; FallbackPsiEngine is the synthetic one, which stands "
            "in where the real one can't be imported.",
            Query(f"count by (engine) (psi_field_engine_info{POD})", "{{engine}}"),
            unit="none",
        ),
    ]
