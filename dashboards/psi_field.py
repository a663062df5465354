"""The dashboard "ψ-Field Metrics": the field's state, pod by pod, and whether the pods agree."""

from collections.abc import Sequence

from grafana_foundation_sdk.builders import dashboard, timeseries
from grafana_foundation_sdk.models.dashboard import Threshold

from dashboards.bands import NEUTRAL, Thresholds, above, outside
from dashboards.frame import Section, choice, frame
from dashboards.health import alerts_firing, alerts_over_time, pods_up, up_over_time
from dashboards.panels import Query, comparison, now, over_time
from dashboards.psi_steps import step_panels

FILENAME = "psi-field.json"
JOB = "psi-field"


def build(thresholds: Thresholds) -> dashboard.Dashboard:
    """Build the dashboard, with the given alert thresholds drawn in."""
    density = outside(thresholds, warning="PsiFieldDensityAnomaly")
    entropy = above(thresholds, warning="PsiFieldTemporalEntropyHigh")
    error = above(thresholds, warning="PsiFieldPredictionErrorHigh")
    drift = above(thresholds, critical="PsiFieldPodDrift")

    overview = [
        now(
            "Pod drift",
            "How far the pods disagree: the largest minus the smallest prediction error. "
            "Red: PsiFieldPodDrift fires.",
            Query("psi:pod_drift:abs"),
            unit="none",
            bands=drift,
        ),
        now(
            "Prediction error, worst pod",
            "The largest distance between what a pod foresaw and what its last step brought. "
            "Orange: PsiFieldPredictionErrorHigh fires.",
            Query("psi:prediction_error:max"),
            unit="none",
            bands=error,
        ),
        now(
            "Density, lowest and highest pod",
            "How dense the field is, in the pod with the least and the pod with the most. "
            "Orange: PsiFieldDensityAnomaly fires.",
            Query("psi:density:min", "lowest"),
            Query("psi:density:max", "highest"),
            unit="none",
            bands=density,
        ),
        now(
            "Temporal entropy, highest pod",
            "How irregular the sequence of steps looks to the pod where it looks most irregular. "
            "Orange: PsiFieldTemporalEntropyHigh fires.",
            Query("psi:entropy:max"),
            unit="none",
            bands=entropy,
        ),
        pods_up(JOB),
        alerts_firing(JOB),
    ]
    agreement = [
        comparison(
            "The pods side by side",
            "What each pod reports for its last step. Pods that got the same steps show the same "
            "numbers; a pod that stands apart got other steps, or none.",
            "pod",
            {
                "density": _pods("density"),
                "phase coherence": _pods("phase_coherence"),
                "continuity": _pods("continuity"),
                "futurity": _pods("futurity"),
                "temporal entropy": _pods("temporal_entropy"),
                "prediction error": _pods("prediction_error"),
                "time dilation": _pods("time_dilation"),
            },
            unit="none",
        ),
        _metric(
            "prediction_error",
            "Prediction error",
            "The distance between what each pod foresaw and what its last step brought; "
            "the dashed line is where PsiFieldPredictionErrorHigh fires.",
            "psi:prediction_error:avg",
            error,
            width=12,
        ),
        over_time(
            "Pod drift over time",
            "The largest minus the smallest prediction error of the pods; "
            "the dashed line is where PsiFieldPodDrift fires.",
            Query("psi:pod_drift:abs", "drift"),
            unit="none",
            bands=drift,
            top=1,
            width=12,
        ),
    ]
    state = [
        _metric(
            "density",
            "Density",
            "How dense the field is; PsiFieldDensityAnomaly fires outside the dashed lines.",
            "psi:density:avg",
            density,
        ),
        _metric(
            "temporal_entropy",
            "Temporal entropy",
            "How irregular the sequence of steps looks to each pod; "
            "the dashed line is where PsiFieldTemporalEntropyHigh fires.",
            "psi:entropy:avg",
            entropy,
        ),
        _metric(
            "phase_coherence",
            "Phase coherence",
            "How well the phases of the field agree with each other, 1 being perfectly.",
            "psi:coherence:avg",
        ),
        _metric(
            "continuity",
            "Continuity",
            "How smoothly the state follows from the one before the last step.",
            "psi:continuity:avg",
        ),
        _metric(
            "futurity",
            "Futurity",
            "How much the state says about the steps to come.",
            "psi:futurity:avg",
        ),
        _metric(
            "time_dilation",
            "Time dilation",
            "How fast the field's own time runs, compared with the steps it gets.",
            "psi:time_dilation:avg",
        ),
    ]
    health = [
        up_over_time(
            "Pods over time",
            "When each pod answered Prometheus. PsiFieldDown fires when one does not.",
            Query(f'up{{job="{JOB}", pod=~"$pod"}}', "{{pod}}"),
        ),
        alerts_over_time(JOB),
    ]
    return frame(
        # Given: links to the dashboard that this one replaces must keep working.
        uid="PBFA97CFB590B2093",
        title="ψ-Field Metrics",
        description="The state of the ψ-Field engine, pod by pod, and whether its pods agree.",
        since="now-6h",
        job=JOB,
        variables=[choice("pod", f'up{{job="{JOB}"}}')],
        sections=[
            Section("", overview),
            Section("Do the pods agree?", agreement),
            Section("State of the field", state),
            Section("Steps", step_panels()),
            Section("Pods and alerts", health),
        ],
    )


def _metric(
    name: str,
    title: str,
    description: str,
    average: str,
    bands: Sequence[Threshold] = NEUTRAL,
    width: int = 8,
) -> timeseries.Panel:
    per_pod, of_all = Query(_pods(name), "{{pod}}"), Query(average, "average of all pods")
    return over_time(
        title, description, per_pod, of_all, unit="none", bands=bands, top=1, width=width
    )


def _pods(name: str) -> str:
    return f'psi_field_{name}{{pod=~"$pod"}}'
