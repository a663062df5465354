"""The dashboard "Aurora KPIs": the health of the environment and of each of its treaties."""

from collections.abc import Sequence

from grafana_foundation_sdk.models import units

from dashboards.bands import ALL_UP, CRITICAL, OK
from dashboards.frame import (
    Board,
    Section,
    alerts_firing,
    alerts_over_time,
    label_variable,
    up_over_time,
)
from dashboards.panels import (
    HIGHEST,
    LOWEST,
    Panel,
    Query,
    highest,
    lowest,
    stat,
    state_timeline,
    time_series,
)

TREATY = '{treaty=~"$treaty"}'
BY_TRAFFIC = (
    "Once as the mean of the pods, and once by the requests that each pod got in 10 minutes, "
    "which the alert judges if they are at least 10."
)


def aurora_kpis() -> Board:
    """Declare the dashboard."""
    environment = [
        stat(
            "Health score",
            "One number for the whole environment: 100 % when all is well, 0 % when nothing is up. "
            "It weighs the share of pods that serve, the success of the probes, the agreement and "
            "density of the ψ-Field pods, and the fill rate, round trip and provenance of the "
            "worst treaty. It is at most 50 % while a critical alert fires.",
            Query("vaultmesh:health_score"),
            unit=units.PercentUnit,
        ),
        stat(
            "Layer-3 availability",
            "The share of the layer-3 services (ψ-Field and the treaty service) that are up.",
            Query("vaultmesh:l3_availability"),
            unit=units.PercentUnit,
            bands=ALL_UP,
        ),
        stat(
            "Fill rate, worst treaty",
            "The smallest share of requests that were filled, over all treaties.",
            Query("treaty:fill_rate:min"),
            unit=units.PercentUnit,
            alerts=["TreatyFillRateLow", "TreatyFillRateCritical"],
        ),
        stat(
            "Round trip, slowest treaty",
            "The longest time from forwarding a request to its answer, over all treaties.",
            Query("treaty:rtt:max"),
            unit=units.Milliseconds,
            alerts=["TreatyRttHigh"],
        ),
        stat(
            "Drop rate, worst treaty",
            "The largest share of requests that were dropped in the last 5 minutes, over all "
            "treaties.",
            Query("max(treaty:drop_rate:5m)"),
            unit=units.PercentUnit,
            alerts=["TreatyDropRateHigh"],
        ),
        alerts_firing(),
    ]
    traffic = [
        _counter_panel(
            "Requests",
            "Requests under the chosen treaties.",
            "requests",
            "treaty_requests_total",
            alerts=["TreatyNoRequests"],
            when="when there are none in 10 minutes, unless the soak test is suspended",
        ),
        _counter_panel(
            "Routed",
            "Requests under the chosen treaties that were routed.",
            "routed",
            "treaty_requests_routed",
        ),
        _counter_panel(
            "Dropped",
            "Requests under the chosen treaties that were dropped.",
            "dropped",
            "treaty_dropped_requests",
        ),
        stat(
            "Provenance, worst chosen treaty",
            "The smallest share of requests with a known provenance, over the chosen treaties.",
            Query(f"min(treaty:provenance:avg{TREATY})"),
            unit=units.PercentUnit,
            alerts=["TreatyProvenanceLow"],
            width=6,
        ),
        time_series(
            "Requests per second",
            f"How many requests each treaty gets, and how many of them are routed. {HIGHEST}",
            Query(highest(f"treaty:requests:rate_5m{TREATY}"), "{{treaty}} requests"),
            Query(highest(f"treaty:routed:rate_5m{TREATY}"), "{{treaty}} routed"),
            unit=units.RequestsPerSecond,
            width=12,
            many=True,
        ),
        time_series(
            "Drop rate",
            f"The share of requests dropped over 5 minutes; 0 while a treaty is idle. {HIGHEST}",
            Query(highest(f"treaty:drop_rate:5m{TREATY}"), "{{treaty}}"),
            unit=units.PercentUnit,
            alerts=["TreatyDropRateHigh"],
            width=12,
            many=True,
        ),
    ]
    quality = [
        time_series(
            "Fill rate",
            f"The share of requests that were filled. {BY_TRAFFIC} {LOWEST}",
            Query(lowest(f"treaty:fill_rate:avg{TREATY}"), "{{treaty}}"),
            Query(lowest(f"treaty:fill_rate:avg_by_traffic{TREATY}"), "{{treaty}} by traffic"),
            unit=units.PercentUnit,
            alerts=["TreatyFillRateLow", "TreatyFillRateCritical"],
            top=1,
            many=True,
        ),
        time_series(
            "Round trip",
            f"The time from forwarding a request to its answer. {BY_TRAFFIC} {HIGHEST}",
            Query(highest(f"treaty:rtt:avg{TREATY}"), "{{treaty}}"),
            Query(highest(f"treaty:rtt:avg_by_traffic{TREATY}"), "{{treaty}} by traffic"),
            unit=units.Milliseconds,
            alerts=["TreatyRttHigh"],
            many=True,
        ),
        time_series(
            "Provenance coverage",
            f"The share of requests with a known provenance. {BY_TRAFFIC} {LOWEST}",
            Query(lowest(f"treaty:provenance:avg{TREATY}"), "{{treaty}}"),
            Query(lowest(f"treaty:provenance:avg_by_traffic{TREATY}"), "{{treaty}} by traffic"),
            unit=units.PercentUnit,
            alerts=["TreatyProvenanceLow"],
            top=1,
            many=True,
        ),
    ]
    health = [
        time_series(
            "Health and availability",
            "The health score, and the share of the layer-3 services that are up.",
            Query("vaultmesh:health_score", "health score"),
            Query("vaultmesh:l3_availability", "layer-3 availability"),
            unit=units.PercentUnit,
            top=1,
            width=24,
        ),
        up_over_time(
            "Workloads over time",
            "When every pod of a workload answered Prometheus.",
            Query("min_over_time(job:up:min[$__rate_interval])", "{{job}}"),
            alerts=["TreatyDown", "PsiFieldDown"],
            when="when one does not",
        ),
        time_series(
            "Metrics of the services",
            "How many values the pod with the fewest exports; a drop means that a pod lost some "
            "of its metrics.",
            Query("job:scrape_samples_scraped:min", "{{job}}"),
            unit=units.NoUnit,
            alerts=["WorkloadMetricsMissing"],
            when="when a pod that is up lacks one that an alert judges",
            width=24,
        ),
        alerts_over_time(),
        _watchdog_panel(),
        time_series(
            "Time since the heartbeat",
            "How long ago harbinger heard the heartbeat of alerting last; it falls back to 0 every "
            "few minutes.",
            Query("time() - max(harbinger_last_watchdog_timestamp_seconds)", "last heartbeat"),
            unit=units.Seconds,
            alerts=["Watchdog"],
            when="all the time, and is that heartbeat",
            width=24,
        ),
    ]
    return Board(
        module=__name__,
        uid="vaultmesh-aurora-kpis",
        title="Aurora KPIs",
        description="The health of the environment at a glance, and how each treaty is kept.",
        since="now-24h",
        variables=[label_variable("treaty", "treaty_requests_total")],
        sections=[
            Section("", environment),
            Section("Traffic under the treaties", traffic),
            Section("Quality of the treaties", quality),
            Section("Health and alerts", health),
        ],
    )


def _counter_panel(
    title: str,
    description: str,
    recorded: str,
    counter: str,
    *,
    alerts: Sequence[str] = (),
    when: str = "",
) -> Panel:
    increase = f"treaty:{recorded}:increase_2m{TREATY}"
    return stat(
        title,
        f"{description} Those in the time shown are counted every 2 minutes. Each outage of "
        "Prometheus loses up to 2 minutes of them; one of more than an hour loses its own as well.",
        Query(f"sum(sum_over_time({increase}[$__range]))", "in the time shown"),
        Query(f"sum({counter}{TREATY})", "since the start of the pods"),
        unit=units.NoUnit,
        alerts=alerts,
        when=when,
        width=6,
        decimals=0,
    )


def _watchdog_panel() -> Panel:
    return state_timeline(
        "Heartbeat of alerting",
        "Whether the heartbeat of alerting keeps arriving at harbinger. "
        "While it is lost, other alerts may reach nobody either.",
        Query("min(harbinger_watchdog_healthy)", "heartbeat"),
        states={1: ("heard", OK), 0: ("lost", CRITICAL)},
        no_value="No heartbeat has arrived yet",
        alerts=["HarbingerHeartbeatLost"],
        when="while it is lost",
    )
