"""The dashboard "SLOs": how much error budget is left, how fast it burns, and how long it lasts.

A new objective in rules/slos/ gets its panels without a change here.
"""

from collections.abc import Sequence

from grafana_foundation_sdk.models import units
from grafana_foundation_sdk.models.dashboard import Threshold

from dashboards.bands import ALL_UP, CRITICAL, OK, Bands
from dashboards.frame import Board, Section
from dashboards.panels import Panel, Query, stat, table, time_series
from rules.slo.generation import WATCH
from rules.slo.objectives import Slo
from rules.slo.windows import LEAST_ERRORS, QUICK, Burn, Period

BY_OBJECTIVE = "{{sloth_service}} {{sloth_slo}}"
BUDGET_LEFT: Bands = (Threshold(value=None, color=CRITICAL), Threshold(value=0, color=OK))
"""Below 0 the objective is missed. No alert watches this: the burn-rate alerts fire earlier."""


def slo_board(slos: Sequence[Slo], period: Period) -> Board:
    """Declare the dashboard of these objectives, which are kept over `period`."""
    return Board(
        module=__name__,
        uid="vaultmesh-slos",
        title="SLOs",
        description="What was promised, how well it is kept, and how long the error budget lasts.",
        since="now-24h",
        sections=[
            Section("", _overview(slos, period)),
            *(Section(f"{slo.service}: {slo.name}", _burn_panels(slo)) for slo in slos),
        ],
    )


def _overview(slos: Sequence[Slo], period: Period) -> list[Panel]:
    days, window = f"{period.days} days", period.window
    return [
        stat(
            "Error budget left",
            f"The share of the errors allowed in {days} that has not been made yet. Below 0, red, "
            "the objective is broken. Without any traffic all of it is left.",
            Query("slo:period_error_budget_remaining:ratio", BY_OBJECTIVE),
            unit=units.PercentUnit,
            bands=BUDGET_LEFT,
            width=6,
        ),
        stat(
            f"Kept over {days}",
            f"The share of good events of the last {days}, or of as much of them as is kept.",
            Query(f"1 - slo:sli_error:ratio_rate{window}", BY_OBJECTIVE),
            unit=units.PercentUnit,
            width=6,
        ),
        stat(
            "Burn rate now",
            "How many times as fast as the objective allows the budget burns, over 5 minutes.",
            Query("slo:current_burn_rate:ratio", BY_OBJECTIVE),
            unit=units.NoUnit,
            width=6,
        ),
        stat(
            "Budget lasts",
            "How long the budget lasts if errors go on as in the last hour; a year stands for a "
            "year or more.",
            Query("slo:error_budget_exhaustion:seconds", BY_OBJECTIVE),
            unit=units.Seconds,
            width=6,
        ),
        stat(
            "Objectives",
            "How many objectives are watched.",
            Query("count(sloth_slo_info)"),
            unit=units.NoUnit,
        ),
        stat(
            "Known or not",
            "Whether Prometheus has a share of errors of each objective; 0 where it has none.",
            Query(
                "count by (sloth_id) (slo:sli_error:ratio_rate5m)"
                " or 0 * count by (sloth_id) (slo:objective:ratio)",
                "{{sloth_id}}",
            ),
            unit=units.NoUnit,
            bands=ALL_UP,
            alerts=[slo.absent for slo in slos if slo.absent],
            width=12,
        ),
        stat(
            f"Share of {days} watched",
            f"Since an objective is watched. What is said of {days} is said of this part of them; "
            "the rest counts as good.",
            Query(
                f"clamp_max(sum by (sloth_service, sloth_slo) (rate({WATCH}[{window}])), 1)",
                BY_OBJECTIVE,
            ),
            unit=units.PercentUnit,
            width=8,
        ),
        table(
            "The objectives side by side",
            "What was promised, the share of errors that this leaves, over how many days, and how "
            "many times as fast as allowed the budget burns over each of the long windows.",
            "sloth_id",
            {
                "objective": "slo:objective:ratio",
                "error budget": "slo:error_budget:ratio",
                "days": "slo:time_period:days",
                "burn rate, 1h": "slo:burn_rate:over_1h",
                "6h": "slo:burn_rate:over_6h",
                "1d": "slo:burn_rate:over_1d",
                "3d": "slo:burn_rate:over_3d",
                window: "slo:period_burn_rate:ratio",
            },
            unit=units.NoUnit,
        ),
        time_series(
            "Error budget left over time",
            f"The share of the {days}' budget that was left at each time.",
            Query("slo:period_error_budget_remaining:ratio", BY_OBJECTIVE),
            unit=units.PercentUnit,
            bands=BUDGET_LEFT,
            top=1,
            width=12,
        ),
        time_series(
            "Burn rate over time",
            "How many times as fast as allowed the budget burned, over 5 minutes each.",
            Query("slo:current_burn_rate:ratio", BY_OBJECTIVE),
            unit=units.NoUnit,
            width=12,
        ),
    ]


def _burn_panels(slo: Slo) -> list[Panel]:
    only = f'{{sloth_id="{slo.id}"}}'
    title = f"{slo.service} {slo.name}"
    meaning = (
        "The burn rate that both windows of a pair reach, 0 with fewer than "
        f"{LEAST_ERRORS} errors in the longer one. The upper dashed line is for the shorter pair."
    )

    def pairs(burn: Burn) -> list[Query]:
        return [Query(f"{one.record}{only}", f"{one.long} and {one.short}") for one in burn.pairs]

    return [
        time_series(
            f"{title}: fast burn",
            meaning,
            *pairs(slo.period.page),
            unit=units.NoUnit,
            alerts=[slo.page] if slo.page else [],
        ),
        time_series(
            f"{title}: slow burn",
            meaning,
            *pairs(slo.period.ticket),
            unit=units.NoUnit,
            alerts=[slo.ticket] if slo.ticket else [],
        ),
        time_series(
            f"{title}: share of errors",
            "The share of bad events over each window; 0 also while nothing happens at all.",
            *(
                Query(f"slo:sli_error:ratio_rate{window}{only}", window)
                for window in (*QUICK, *slo.period.slow)
            ),
            unit=units.PercentUnit,
        ),
    ]
