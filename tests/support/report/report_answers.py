"""What Prometheus' API returns in the reference scenario."""

from datetime import UTC, datetime, timedelta
from typing import Any

import yaml

from tests.support.recording import ROOT

NOW = datetime(2025, 10, 23, 12, 0, tzinfo=UTC)
LONG_AGO = (NOW - timedelta(hours=2)).isoformat()
FIRST, SECOND = "psi-field-6d5f-b7k2q", "psi-field-6d5f-x9w4t"
TREATY = "AURORA-AKASH-001"
PROBED = ("aurora-treaty", "psi-field")
PSI = {"job": "psi-field", "namespace": "aurora-local"}
OF_TREATY = {"job": "aurora-treaty", "namespace": "aurora-local", "treaty": TREATY}
FIELDS = {
    "density": (0.526, 0.526),
    "phase_coherence": (0.154, 0.161),
    "continuity": (0.776, 0.776),
    "futurity": (0.637, 0.541),
    "temporal_entropy": (0.6332, 0.0803),
    "prediction_error": (0.8625, 0.0625),
    "time_dilation": (1.0, 1.0),
}
COUNTS = {"requests_total": 1100, "requests_routed": 1045, "dropped_requests": 55}
RATES = {"fill_rate": 0.95, "rtt_ms": 118.7, "provenance_coverage": 0.95}


def labels(job: str, pod: str) -> dict[str, str]:
    return {"job": job, "namespace": "aurora-local", "pod": pod, "instance": f"{pod}:8000"}


def target(job: str, pod: str, health: str = "up", error: str = "") -> dict[str, Any]:
    made = {"labels": labels(job, pod), "health": health, "lastError": error}
    return {**made, "lastScrape": (NOW - timedelta(seconds=20)).isoformat()}


def sample(value: float | str, **metric: str) -> dict[str, Any]:
    return {"metric": metric, "value": [NOW.timestamp(), str(value)]}


def rule_groups() -> list[dict[str, Any]]:
    """The repository's rule files as /api/v1/rules returns them, with the scenario's alerts."""
    groups = []
    for path in [*sorted(ROOT.glob("rules/alerts/*.yaml")), ROOT / "rules/recording-rules.yaml"]:
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]:
            rules = [loaded_rule(rule) for rule in group["rules"]]
            groups.append(
                {"name": group["name"], "file": path.name, "interval": 30, "rules": rules}
            )
    fire_alert(groups, "PsiFieldPredictionErrorHigh", labels("psi-field", FIRST), "8.625e-01")
    fire_alert(groups, "PsiFieldPodDrift", PSI, "8e-01")
    fire_alert(groups, "TreatyNoRequests", OF_TREATY, "0e+00")
    return groups


def loaded_rule(rule: dict[str, Any]) -> dict[str, Any]:
    alert = "alert" in rule
    name = rule["alert" if alert else "record"]
    made = {"name": name, "query": rule["expr"], "health": "ok", "lastError": ""}
    if not alert:
        return {**made, "type": "recording"}
    pages = {"runbook_url": f"https://runbooks.invalid/{name}.md"}
    annotations = {**rule["annotations"], **pages}
    found = {"labels": rule["labels"], "annotations": annotations, "alerts": []}
    return {**made, **found, "type": "alerting", "duration": 300, "state": "inactive"}


def find_rule(groups: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(rule for group in groups for rule in group["rules"] if rule["name"] == name)


def fire_alert(groups: list[dict[str, Any]], name: str, of: dict[str, str], value: str) -> None:
    """Add an instance of the alert that has been firing for two hours."""
    rule = find_rule(groups, name)
    made = {"labels": {"alertname": name, **rule["labels"], **of}, "state": "firing"}
    made |= {"annotations": rule["annotations"], "activeAt": LONG_AGO, "value": value}
    rule["alerts"].append(made)


def samples() -> list[dict[str, Any]]:
    """The values of the reference scenario."""
    found = []
    for index, pod in enumerate((FIRST, SECOND)):
        of = labels("psi-field", pod)
        found += [
            sample(values[index], __name__=f"psi_field_{name}", **of)
            for name, values in FIELDS.items()
        ]
        name = "psi_field_step_requests_total"
        found.append(sample(0 if index else 12, __name__=name, code="200", **of))
    of = {**labels("aurora-treaty", "aurora-treaty-0"), "treaty": TREATY}
    found += [
        sample(value, __name__=f"treaty_{name}", **of) for name, value in (COUNTS | RATES).items()
    ]
    found.append(sample(0.8, __name__="psi:pod_drift:abs", **PSI))
    found.append(sample(0.575, __name__="vaultmesh:health_score"))
    return [*found, sample(1, __name__="vaultmesh:l3_availability")]


def targets() -> list[dict[str, Any]]:
    """A healthy target for each pod of the local stack."""
    names = ("aurora-treaty", "scheduler", "harbinger", "grafana")
    names += ("prometheus-server", "alertmanager", "kube-state-metrics", "blackbox-exporter")
    pods = [target("psi-field", FIRST), target("psi-field", SECOND)]
    return [*pods, *(target(name, f"{name}-0") for name in names), *map(probe_target, PROBED)]


def probe_target(workload: str, health: str = "up", error: str = "") -> dict[str, Any]:
    """The target of a probe: another target of the blackbox exporter's pod."""
    made = target("blackbox-exporter", "blackbox-exporter-0", health, error)
    made["labels"] |= {"probe": f"{workload}-health", "workload": workload}
    return made


def range_series(form: dict[str, str]) -> list[dict[str, Any]]:
    """Two series over the requested range."""
    start, end, step = (float(form[name]) for name in ("start", "end", "step"))
    times = [start + step * index for index in range(int((end - start) / step) + 1)]
    return [
        {
            "metric": {"__name__": name, "pod": name, "treaty": name, "job": name},
            "values": [
                [moment, str(0.2 + 0.5 * (index % 7) / 7 * height)]
                for index, moment in enumerate(times)
            ],
        }
        for height, name in enumerate(("line-a", "line-b"))
    ]
