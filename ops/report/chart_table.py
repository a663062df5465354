"""Which charts the report draws."""

from dataclasses import dataclass

from ops.report.facts import AVAILABILITY, DRIFT, ERROR, HEALTH


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A chart of `query` over the last hours.

    `by` names the label that tells its lines apart, `limits` are alerts whose thresholds are drawn
    in, `shares` says that values lie between 0 and 1.
    """

    title: str
    query: str
    by: str
    unit: str = ""
    limits: tuple[str, ...] = ()
    shares: bool = False


CHARTS = (
    Chart(
        title="Platform health",
        query=f'{{__name__=~"{HEALTH}|{AVAILABILITY}"}}',
        by="__name__",
        shares=True,
    ),
    Chart(
        title="ψ-Field: prediction error of each pod",
        query=ERROR,
        by="pod",
        limits=("PsiFieldPredictionErrorHigh",),
        shares=True,
    ),
    Chart(
        title="ψ-Field: drift between pods",
        query=DRIFT,
        by="job",
        limits=("PsiFieldPodDrift",),
        shares=True,
    ),
    Chart(
        title="Treaties: fill rate",
        query="treaty:fill_rate:avg",
        by="treaty",
        limits=("TreatyFillRateLow", "TreatyFillRateCritical"),
        shares=True,
    ),
    Chart(
        title="Treaties: round-trip time",
        query="treaty:rtt:avg",
        by="treaty",
        unit="ms",
        limits=("TreatyRttHigh",),
    ),
    Chart(
        title="Treaties: requests",
        query="treaty:requests:rate_5m",
        by="treaty",
        unit="per second",
    ),
    Chart(
        title="Alerts firing",
        query='count by (severity) (ALERTS{alertstate="firing", severity!="none"})',
        by="severity",
    ),
)
