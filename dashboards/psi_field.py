"""The dashboard "ψ-Field Metrics": the field's state in each pod, and whether the pods agree."""

from collections.abc import Sequence

from grafana_foundation_sdk.models import units

from dashboards.frame import (
    Board,
    Section,
    alerts_firing,
    alerts_over_time,
    label_variable,
    pods_up,
    up_over_time,
)
from dashboards.panels import (
    HIGHEST,
    LINES,
    OUTERMOST,
    Panel,
    Query,
    highest,
    lowest,
    outermost,
    stat,
    table,
    time_series,
)

JOB = "psi-field"
POD = '{pod=~"$pod"}'


def psi_field() -> Board:
    """Declare the dashboard."""
    overview = [
        stat(
            "Pod drift",
            "How far the pods disagree: the largest minus the smallest prediction error.",
            Query("psi:pod_drift:abs"),
            unit=units.NoUnit,
            alerts=["PsiFieldPodDrift"],
        ),
        stat(
            "Prediction error, worst pod",
            "The largest distance between what a pod foresaw and what its last step brought.",
            Query("psi:prediction_error:max"),
            unit=units.NoUnit,
            alerts=["PsiFieldPredictionErrorHigh"],
        ),
        stat(
            "Density, lowest and highest pod",
            "How dense the field is, in the pod with the least and the pod with the most.",
            Query("psi:density:min", "lowest"),
            Query("psi:density:max", "highest"),
            unit=units.NoUnit,
            alerts=["PsiFieldDensityAnomaly"],
        ),
        stat(
            "Temporal entropy, highest pod",
            "How irregular the sequence of steps looks to the pod where it looks most irregular.",
            Query("psi:entropy:max"),
            unit=units.NoUnit,
            alerts=["PsiFieldTemporalEntropyHigh"],
        ),
        pods_up(JOB),
        alerts_firing(JOB),
    ]
    agreement = [
        table(
            "The pods side by side",
            "What each pod reports for its last step. Pods that got the same steps show the same "
            "numbers; a pod that stands apart got other steps, or none. Peers in step are the "
            "other pods whose steps this one holds, by its own comparison.",
            "pod",
            {
                "density": _chosen_pods("density"),
                "phase coherence": _chosen_pods("phase_coherence"),
                "continuity": _chosen_pods("continuity"),
                "futurity": _chosen_pods("futurity"),
                "temporal entropy": _chosen_pods("temporal_entropy"),
                "prediction error": _chosen_pods("prediction_error"),
                "time dilation": _chosen_pods("time_dilation"),
                "peers in step": _chosen_pods("peers_in_step"),
            },
            unit=units.NoUnit,
        ),
        _metric_panel(
            "prediction_error",
            "Prediction error",
            "The distance between what each pod foresaw and what its last step brought.",
            "psi:prediction_error:avg",
            alerts=["PsiFieldPredictionErrorHigh"],
            width=12,
        ),
        time_series(
            "Pod drift over time",
            "The largest minus the smallest prediction error of the pods, as scraped, and among "
            "pods that showed the same steps. Scrapes a few seconds apart show a drift under "
            "traffic, and PsiFieldPodDrift spares it while the pods agree.",
            Query("psi:pod_drift:abs", "drift"),
            Query("psi:pod_drift:same_steps", "drift of equal steps"),
            unit=units.NoUnit,
            alerts=["PsiFieldPodDrift"],
            top=1,
            width=12,
        ),
    ]
    state = [
        _metric_panel(
            "density",
            "Density",
            "How dense the field is.",
            "psi:density:avg",
            alerts=["PsiFieldDensityAnomaly"],
        ),
        _metric_panel(
            "temporal_entropy",
            "Temporal entropy",
            "How irregular the sequence of steps looks to each pod.",
            "psi:entropy:avg",
            alerts=["PsiFieldTemporalEntropyHigh"],
        ),
        _metric_panel(
            "phase_coherence",
            "Phase coherence",
            "How well the phases of the field agree with each other, 1 being perfectly.",
            "psi:coherence:avg",
        ),
        _metric_panel(
            "continuity",
            "Continuity",
            "How smoothly the state follows from the one before the last step.",
            "psi:continuity:avg",
        ),
        _metric_panel(
            "futurity",
            "Futurity",
            "How much the state says about the steps to come.",
            "psi:futurity:avg",
        ),
        _metric_panel(
            "time_dilation",
            "Time dilation",
            "How fast the field's own time runs, compared with the steps it gets.",
            "psi:time_dilation:avg",
        ),
    ]
    health = [
        up_over_time(
            "Pods over time",
            "When each pod answered Prometheus. "
            f"Of more than {LINES} pods, it shows first those that are down.",
            Query(
                lowest(f'min_over_time(up{{job="{JOB}", pod=~"$pod"}}[$__rate_interval])'),
                "{{pod}}",
            ),
            alerts=["PsiFieldDown"],
            when="when one does not",
            many=True,
        ),
        alerts_over_time(JOB),
    ]
    return Board(
        module=__name__,
        # Kept from the dashboard that this one replaces, so that links to it still work.
        uid="PBFA97CFB590B2093",
        title="ψ-Field Metrics",
        description="The state of the ψ-Field engine, pod by pod, and whether its pods agree.",
        since="now-6h",
        job=JOB,
        variables=[label_variable("pod", f'up{{job="{JOB}"}}')],
        sections=[
            Section("", overview),
            Section("Do the pods agree?", agreement),
            Section("State of the field", state),
            Section("Steps", _step_panels()),
            Section("Sharing of the field", _sharing_panels()),
            Section("Pods and alerts", health),
        ],
    )


def _step_panels() -> list[Panel]:
    return [
        time_series(
            "Steps per second",
            "How many requests to /step were answered, by their status code; other codes than 200 "
            "are steps that were refused.",
            Query(f"sum by (code) (rate(psi_field_step_requests_total{POD}[5m]))", "{{code}}"),
            unit=units.RequestsPerSecond,
            many=True,
        ),
        time_series(
            "Step latency",
            "Within what time half of the steps of all pods, and 99 in 100 of them, were answered; "
            "0 while there are none. The promise is 250 ms.",
            Query("max(psi:step_duration_seconds:p50) or vector(0)", "half"),
            Query("max(psi:step_duration_seconds:p99) or vector(0)", "99 in 100"),
            unit=units.Seconds,
        ),
        time_series(
            "Engine",
            "How many pods run which engine; FallbackPsiEngine is the synthetic one, which stands "
            "in where the real one can't be imported.",
            Query(f"count by (engine) (psi_field_engine_info{POD})", "{{engine}}"),
            unit=units.NoUnit,
            many=True,
        ),
    ]


def _sharing_panels() -> list[Panel]:
    return [
        time_series(
            "Peers that each pod finds",
            "How many other pods the last look-up found, and how often look-ups of a peer's name "
            f"found none. Of more than {LINES} pods, it shows those with the fewest peers, and "
            "those with the most failed look-ups, at each moment.",
            Query(lowest(f"psi_field_peers{POD}"), "{{pod}}"),
            Query(
                highest(f"increase(psi_field_lookups_failed_total{POD}[5m])"),
                "{{pod}}, failed look-ups",
            ),
            unit=units.NoUnit,
            many=True,
        ),
        time_series(
            "Steps that peers missed",
            "How many steps the peers of a pod did not take when it pushed them, and how many "
            f"steps of its peers a pod lacked when it last compared. {HIGHEST}",
            Query(highest(f"increase(psi_field_pushes_missed_total{POD}[5m])"), "{{pod}}, missed"),
            Query(highest(f"psi_field_steps_behind{POD}"), "{{pod}}, behind"),
            unit=units.NoUnit,
            many=True,
        ),
        time_series(
            "Time to bring the field up to date",
            "Within what time the engines of all pods took 99 in 100 batches of new steps; 0 while "
            "there are none.",
            Query("max(psi:fold_seconds:p99) or vector(0)", "99 in 100"),
            unit=units.Seconds,
        ),
    ]


def _metric_panel(
    name: str,
    title: str,
    description: str,
    average: str,
    alerts: Sequence[str] = (),
    width: int = 8,
) -> Panel:
    return time_series(
        title,
        f"{description} {OUTERMOST}",
        Query(outermost(_chosen_pods(name)), "{{pod}}"),
        Query(average, "average of all pods"),
        unit=units.NoUnit,
        alerts=alerts,
        top=1,
        width=width,
        many=True,
    )


def _chosen_pods(name: str) -> str:
    return f"psi_field_{name}{POD}"
