"""The dashboard "Aurora KPIs": how well the environment does, and each treaty in it."""

from grafana_foundation_sdk.builders import dashboard, stat

from dashboards.bands import ALL_UP, Thresholds, above, below
from dashboards.frame import Section, choice, frame
from dashboards.health import alerts_firing, alerts_over_time, heartbeat_heard, up_over_time
from dashboards.panels import Query, now, over_time

FILENAME = "aurora-kpis.json"
TREATY = '{treaty=~"$treaty"}'


def build(thresholds: Thresholds) -> dashboard.Dashboard:
    """Build the dashboard, with the given alert thresholds drawn in."""
    fill = below(thresholds, warning="TreatyFillRateLow", critical="TreatyFillRateCritical")
    rtt = above(thresholds, warning="TreatyRttHigh")
    provenance = below(thresholds, warning="TreatyProvenanceLow")
    drops = above(thresholds, warning="TreatyDropRateHigh")

    environment = [
        now(
            "Health score",
            "One number for the whole environment: 100 % when all is well, 0 % when nothing is up. "
            "It weighs availability, the agreement of the ψ-Field pods, and the fill rate.",
            Query("vaultmesh:health_score"),
            unit="percentunit",
        ),
        now(
            "Layer-3 availability",
            "The share of the layer-3 services (ψ-Field and the treaty service) that are up.",
            Query("vaultmesh:l3_availability"),
            unit="percentunit",
            bands=ALL_UP,
        ),
        now(
            "Fill rate, worst treaty",
            "The smallest share of requests that were filled, over all treaties. Orange: "
            "TreatyFillRateLow fires; red: TreatyFillRateCritical does.",
            Query("treaty:fill_rate:min"),
            unit="percentunit",
            bands=fill,
        ),
        now(
            "Round trip, slowest treaty",
            "The longest time from forwarding a request to its answer, over all treaties. "
            "Orange: TreatyRttHigh fires.",
            Query("treaty:rtt:max"),
            unit="ms",
            bands=rtt,
        ),
        now(
            "Drop rate, worst treaty",
            "The largest share of requests that were dropped in the last 5 minutes, over all "
            "treaties. Orange: TreatyDropRateHigh fires.",
            Query("max(treaty:drop_rate:5m)"),
            unit="percentunit",
            bands=drops,
        ),
        alerts_firing(),
    ]
    traffic = [
        _counted(
            "Requests",
            "Requests under the chosen treaties. None in 10 minutes: TreatyNoRequests fires, "
            "as it should after a soak test.",
            "treaty_requests_total",
        ),
        _counted(
            "Routed",
            "Requests under the chosen treaties that were routed.",
            "treaty_requests_routed",
        ),
        _counted(
            "Dropped",
            "Requests under the chosen treaties that were dropped.",
            "treaty_dropped_requests",
        ),
        now(
            "Provenance, worst chosen treaty",
            "The smallest share of requests with a known provenance, over the chosen treaties. "
            "Orange: TreatyProvenanceLow fires.",
            Query(f"min(treaty:provenance:avg{TREATY})"),
            unit="percentunit",
            bands=provenance,
            width=6,
        ),
        over_time(
            "Requests per second",
            "How many requests each treaty gets, and how many of them are routed.",
            Query(f"treaty:requests:rate_5m{TREATY}", "{{treaty}} requests"),
            Query(f"treaty:routed:rate_5m{TREATY}", "{{treaty}} routed"),
            unit="reqps",
            width=12,
        ),
        over_time(
            "Drop rate",
            "The share of requests dropped over 5 minutes; 0 while a treaty is idle. "
            "The dashed line is where TreatyDropRateHigh fires.",
            Query(f"treaty:drop_rate:5m{TREATY}", "{{treaty}}"),
            unit="percentunit",
            bands=drops,
            width=12,
        ),
    ]
    quality = [
        over_time(
            "Fill rate",
            "The share of requests that were filled. The dashed lines are where "
            "TreatyFillRateLow and TreatyFillRateCritical fire.",
            Query(f"treaty:fill_rate:avg{TREATY}", "{{treaty}}"),
            unit="percentunit",
            bands=fill,
            top=1,
        ),
        over_time(
            "Round trip",
            "The time from forwarding a request to its answer. "
            "The dashed line is where TreatyRttHigh fires.",
            Query(f"treaty:rtt:avg{TREATY}", "{{treaty}}"),
            unit="ms",
            bands=rtt,
        ),
        over_time(
            "Provenance coverage",
            "The share of requests with a known provenance. "
            "The dashed line is where TreatyProvenanceLow fires.",
            Query(f"treaty:provenance:avg{TREATY}", "{{treaty}}"),
            unit="percentunit",
            bands=provenance,
            top=1,
        ),
    ]
    health = [
        over_time(
            "Health and availability",
            "The health score, and the share of the layer-3 services that are up.",
            Query("vaultmesh:health_score", "health score"),
            Query("vaultmesh:l3_availability", "layer-3 availability"),
            unit="percentunit",
            top=1,
            width=24,
        ),
        up_over_time(
            "Workloads over time",
            "When every pod of a workload answered Prometheus. "
            "TreatyDown and PsiFieldDown fire when one does not.",
            Query("min by (job) (up)", "{{job}}"),
        ),
        alerts_over_time(),
        heartbeat_heard(),
    ]
    return frame(
        uid="vaultmesh-aurora-kpis",
        title="Aurora KPIs",
        description="The health of the environment at a glance, and how each treaty is kept.",
        since="now-24h",
        variables=[choice("treaty", "treaty_requests_total")],
        sections=[
            Section("", environment),
            Section("Traffic under the treaties", traffic),
            Section("Quality of the treaties", quality),
            Section("Health and alerts", health),
        ],
    )


def _counted(title: str, description: str, counter: str) -> stat.Panel:
    return now(
        title,
        description,
        Query(f"sum(increase({counter}{TREATY}[$__range]))", "in the time shown"),
        Query(f"sum({counter}{TREATY})", "since the start of the pods"),
        unit="none",
        width=6,
        decimals=0,
    )
