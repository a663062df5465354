"""The dashboard "Workloads": pods, roll-outs, volumes and the quota, as Kubernetes sees them."""

from grafana_foundation_sdk.models import units

from dashboards.bands import CRITICAL, NONE_FIRING, OK, WARNING
from dashboards.frame import PODS_FOUND, Board, Section, alerts_firing, alerts_over_time
from dashboards.panels import (
    HIGHEST,
    LINES,
    Panel,
    Query,
    highest,
    lowest,
    stat,
    state_timeline,
    time_series,
)

READY = (
    '(max by (namespace, pod) (kube_pod_status_ready{condition="true"})'
    ' or max by (namespace, pod) (kube_pod_status_phase{phase=~"Pending|Unknown"} == 1) * 0)'
)
"""1 or 0 for each pod; one that waits for a node has a phase, but no condition Ready."""
ENDED = 'max by (namespace, pod) (kube_pod_status_phase{phase=~"Succeeded|Failed"}) == 1'
CONTAINER = "max by (namespace, pod, container)"
RESTARTS = "kube_pod_container_status_restarts_total"
WAITING = f'{CONTAINER} (kube_pod_container_status_waiting_reason{{reason="CrashLoopBackOff"}})'
KILLED = (
    f'{CONTAINER} (kube_pod_container_status_last_terminated_reason{{reason="OOMKilled"}}) == 1'
)
STUCK = (
    "max by (deployment) "
    '(kube_deployment_status_condition{condition="Progressing", status="false"})'
)
OUTDATED = (
    "max by (statefulset) (kube_statefulset_status_replicas)"
    " - max by (statefulset) (kube_statefulset_status_replicas_updated)"
)
FOUND = f"min by (job) ({PODS_FOUND})"
UNBOUND = (
    "max by (persistentvolumeclaim) "
    '(kube_persistentvolumeclaim_status_phase{phase=~"Pending|Lost"})'
)
SIZE = (
    "max by (pod) (label_replace(kube_persistentvolumeclaim_resource_requests_storage_bytes,"
    ' "pod", "$1", "persistentvolumeclaim", "data-(.+)"))'
)
SAMPLES = (
    "max by (pod) (prometheus_tsdb_storage_blocks_bytes + prometheus_tsdb_wal_storage_size_bytes"
    " + prometheus_tsdb_head_chunks_storage_size_bytes)"
)
SNAPSHOTS = (
    "2 * max by (pod) "
    "(alertmanager_nflog_snapshot_size_bytes + alertmanager_silences_snapshot_size_bytes)"
)
QUOTA = (
    'max by (resource) (kube_resourcequota{type="used"})'
    ' / (max by (resource) (kube_resourcequota{type="hard"}) > 0)'
)
ALLOWED = "max by (poddisruptionbudget) (kube_poddisruptionbudget_status_pod_disruptions_allowed)"


def workloads() -> Board:
    """Declare the dashboard."""
    return Board(
        module=__name__,
        uid="vaultmesh-workloads",
        title="Workloads",
        description="Pods, roll-outs, volumes and the quota, as Kubernetes sees them.",
        since="now-6h",
        sections=[
            Section("", _overview()),
            Section("Pods", _pods()),
            Section("Replicas and roll-outs", _replicas()),
            Section("Volumes and the quota", _resources()),
            Section("Alerts", [alerts_over_time()]),
        ],
    )


def _overview() -> list[Panel]:
    return [
        stat(
            "Pods not ready",
            "How many pods are not ready now, without those that have ended; 0 is good.",
            Query(f"count(({READY} == 0) unless ({ENDED})) or vector(0)"),
            unit=units.NoUnit,
            bands=NONE_FIRING,
            alerts=["PodNotReady"],
            when="for a pod that stays so",
        ),
        stat(
            "Containers crashing",
            "How many containers wait now before Kubernetes starts them once more; 0 is good.",
            Query(f"count({WAITING} == 1) or vector(0)"),
            unit=units.NoUnit,
            bands=NONE_FIRING,
            alerts=["PodCrashLooping"],
        ),
        stat(
            "Out of memory",
            "How many containers were started again in the last hour, and ended the last time "
            "because they needed more memory than their limit; 0 is good.",
            Query(
                f"count(({CONTAINER} (increase({RESTARTS}[1h])) > 0) and ({KILLED})) or vector(0)"
            ),
            unit=units.NoUnit,
            bands=NONE_FIRING,
            alerts=["PodOutOfMemory"],
        ),
        stat(
            "Claims without a volume",
            "How many claims have no volume now; 0 is good.",
            Query(f"count({UNBOUND} == 1) or vector(0)"),
            unit=units.NoUnit,
            bands=NONE_FIRING,
            alerts=["VolumeNotBound"],
            when="for a claim that stays so",
        ),
        stat(
            "Jobs failed",
            "How many Jobs failed that no schedule had started; 0 is good.",
            Query(
                'count(max by (job_name) (kube_job_failed{condition="true", '
                'job_name!~".+-[0-9]{8}"}) == 1) or vector(0)'
            ),
            unit=units.NoUnit,
            bands=NONE_FIRING,
            alerts=["JobFailed"],
        ),
        alerts_firing(),
    ]


def _pods() -> list[Panel]:
    return [
        state_timeline(
            "Pods over time",
            "When each pod was ready, as Kubernetes sees it. Runs of CronJobs are not shown. "
            f"Of more than {LINES} pods, it shows first those that are not ready.",
            Query(lowest(READY), "{{pod}}"),
            states={1: ("ready", OK), 0: ("not ready", CRITICAL)},
            no_value="kube-state-metrics reported no pod in this time",
            alerts=["PodNotReady"],
            when="for a pod that is red for long",
            many=True,
        ),
        time_series(
            "Restarts",
            f"How often each container was started again in half an hour. {HIGHEST}",
            Query(
                highest(f"max by (pod, container) (increase({RESTARTS}[30m]))"),
                "{{pod}} {{container}}",
            ),
            unit=units.NoUnit,
            alerts=["PodCrashLooping", "PodOutOfMemory"],
            when="for one that crashes again and again, or that needed too much memory",
            width=16,
            many=True,
        ),
        time_series(
            "Pods by phase",
            "How many pods are in each phase.",
            Query("sum by (phase) (max by (pod, phase) (kube_pod_status_phase))", "{{phase}}"),
            unit=units.NoUnit,
            many=True,
        ),
    ]


def _replicas() -> list[Panel]:
    return [
        time_series(
            "Pods missing",
            "How many more pods each workload should have than Prometheus finds.",
            Query(
                'label_replace(max by (deployment) (kube_deployment_spec_replicas), "job", "$1", '
                f'"deployment", "(.+)") - on (job) {FOUND}',
                "{{job}}",
            ),
            Query(
                'label_replace(max by (statefulset) (kube_statefulset_replicas), "job", "$1", '
                f'"statefulset", "(.+)") - on (job) {FOUND}',
                "{{job}}",
            ),
            unit=units.NoUnit,
            alerts=["ReplicasMissing"],
            when="above 0",
            top=1,
        ),
        time_series(
            "Pods ready",
            "How many pods of each workload are ready.",
            Query("max by (deployment) (kube_deployment_status_replicas_ready)", "{{deployment}}"),
            Query(
                "max by (statefulset) (kube_statefulset_status_replicas_ready)", "{{statefulset}}"
            ),
            unit=units.NoUnit,
        ),
        time_series(
            "Evictions allowed",
            "How many pods of each workload may be evicted now, for example to drain a node.",
            Query(ALLOWED, "{{poddisruptionbudget}}"),
            unit=units.NoUnit,
            alerts=["DisruptionsBlocked"],
            when="at 0",
        ),
        state_timeline(
            "Roll-outs over time",
            "When a Deployment made no progress, or a StatefulSet had pods of its old template.",
            Query(STUCK, "{{deployment}}"),
            Query(f"clamp_max({OUTDATED}, 1)", "{{statefulset}}"),
            states={0: ("up to date", OK), 1: ("under way or stuck", WARNING)},
            no_value="kube-state-metrics reported no workload in this time",
            alerts=["RolloutStuck"],
            when="where it stays so",
        ),
    ]


def _resources() -> list[Panel]:
    return [
        time_series(
            "Volumes",
            "The share of its volume that each pod says it has written. Alertmanager counts "
            "double, because it writes a new snapshot beside the old one.",
            Query(f"{SAMPLES} / {SIZE}", "{{pod}}"),
            Query(f"{SNAPSHOTS} / {SIZE}", "{{pod}}"),
            unit=units.PercentUnit,
            alerts=["VolumeFilling"],
            top=1,
            width=12,
        ),
        time_series(
            "Quota",
            "The share of the namespace's quota that is in use, for each resource.",
            Query(QUOTA, "{{resource}}"),
            unit=units.PercentUnit,
            alerts=["QuotaNearlyUsed"],
            top=1,
            width=12,
        ),
    ]
