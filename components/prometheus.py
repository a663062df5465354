"""Prometheus: scrapes the pods, evaluates the rules, sends alerts to Alertmanager."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi import ResourceOptions
from pulumi_kubernetes.core import v1 as core
from pulumi_kubernetes.rbac import v1 as rbac

from components.kit import (
    DATA_FOLDER,
    RELOADER,
    RELOADER_PORT_NAME,
    ReloadedConfig,
    Server,
    data_mount,
    reloaded_config,
    served_stateful_set,
    service_account,
)
from components.placement import Placement
from components.pods import (
    HTTP,
    NAME_LABEL,
    container,
    http_probe,
    metadata,
    secret_mount,
    secret_volume,
    template,
    variables,
)
from components.values import Resources
from quantities import amount

SERVER = Server(
    name="prometheus-server", port=9090, service_port=80, has_ui=True, has_reloader=True
)
NAME = SERVER.name
CONFIG_FOLDER = "/etc/config"
CONFIG_FILE = "prometheus.yml"
SECRET_FOLDER = "/etc/prometheus-credentials"
INTERVAL = "30s"
"""How often pods are scraped and rules evaluated."""
DISK_SHARE = 0.85
"""Share of the volume that samples may fill. Compaction needs the rest, and so does growth between
two checks of the size."""
WAL_REPLAY_SECONDS = 30 * 60
"""Longest allowed start: replaying the write-ahead log of a busy server takes minutes."""
LONG_TERM_STORE = "managed-prometheus"
"""The name of the remote write, which the label `remote_name` of its metrics repeats."""


@dataclass(frozen=True, kw_only=True)
class PrometheusArgs:
    """`config` maps file names to texts, `credentials` maps file names to secrets.

    `role` are the annotations that give the pods an IAM role, if they have one.
    """

    namespace: pulumi.Input[str]
    placement: Placement
    rollout_seconds: int
    image: str
    reloader_image: str
    replicas: int
    storage: str
    storage_class: str | None
    protect: bool
    resources: Resources
    config: Mapping[str, pulumi.Input[str]]
    role: Mapping[str, pulumi.Input[str]] | None
    credentials: Mapping[str, pulumi.Output[str]]


class Prometheus(pulumi.ComponentResource):
    """The StatefulSet `prometheus-server`, its configuration, and its permission to find pods."""

    url: pulumi.Output[str]
    """Address of the API inside the cluster."""

    def __init__(self, args: PrometheusArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("vaultmesh:observability:Prometheus", "prometheus", None, opts)
        child = ResourceOptions(parent=self)
        service_account(NAME, args.namespace, child, rules=[_discovery()], annotations=args.role)
        config = reloaded_config(
            SERVER,
            args.namespace,
            args.config,
            child,
            folder=CONFIG_FOLDER,
            reloader_image=args.reloader_image,
        )
        if args.credentials:
            core.Secret(
                NAME,
                metadata=metadata(NAME, args.namespace),
                string_data=dict(args.credentials),
                opts=child,
            )
        self.url = served_stateful_set(
            SERVER,
            args.namespace,
            _pod(args, config),
            child,
            rollout_seconds=args.rollout_seconds,
            replicas=args.replicas,
            storage=args.storage,
            storage_class=args.storage_class,
            protect=args.protect,
        )
        self.register_outputs({"url": self.url})


def _discovery() -> rbac.PolicyRuleArgs:
    """The permissions that service discovery needs."""
    return rbac.PolicyRuleArgs(
        api_groups=[""], resources=["pods", "services", "endpoints"], verbs=["get", "list", "watch"]
    )


def _pod(args: PrometheusArgs, config: ReloadedConfig) -> core.PodTemplateSpecArgs:
    mounts, volumes = [config.mount, data_mount()], [config.volume]
    if args.credentials:
        mounts.append(secret_mount(SECRET_FOLDER))
        volumes.append(secret_volume(NAME))
    server = container(
        NAME,
        args.image,
        args.resources,
        args=[
            f"--config.file={CONFIG_FOLDER}/{CONFIG_FILE}",
            f"--storage.tsdb.path={DATA_FOLDER}",
            "--web.enable-lifecycle",
        ],
        env=variables({}),
        ports=[core.ContainerPortArgs(name=HTTP, container_port=SERVER.port)],
        volume_mounts=mounts,
        startup_probe=http_probe("/-/ready", period_seconds=15, failures=WAL_REPLAY_SECONDS // 15),
        liveness_probe=http_probe("/-/healthy"),
        readiness_probe=http_probe("/-/ready"),
    )
    return template(
        NAME,
        [server, config.reloader],
        placement=args.placement,
        volumes=volumes,
        spread=args.replicas > 1,
        token=True,
        grace_seconds=120,
        annotations=args.role,
    )


@dataclass(frozen=True, kw_only=True)
class Target:
    """The target of one probe: a `url` that the pods of `workload` serve, or depend on."""

    probe: str
    workload: str
    url: str


@dataclass(frozen=True, kw_only=True)
class Probing:
    """The probes that pods called `prober` make every `interval`; `timeout` is that of the scrape.

    The prober gives up half a second before `timeout`, so that it can report the failure.
    """

    prober: str
    interval: str
    timeout: str
    targets: Sequence[Target]


@dataclass(frozen=True, kw_only=True)
class Login:
    """A user of a job's targets.

    `file` is the name of a file below SECRET_FOLDER with the password, read for each scrape.
    """

    user: str
    file: str


@dataclass(frozen=True, kw_only=True)
class RemoteWrite:
    """Sends the series called `series` to a workspace of Amazon Managed Prometheus.

    The workspace takes series with an equal label `cluster` for copies by replicas of one
    Prometheus, and keeps those of one replica: `cluster` must be unique to this Prometheus.
    """

    url: str
    region: str
    series: Sequence[str]
    cluster: str


@dataclass(frozen=True, kw_only=True)
class PrometheusConfig:
    """The parameters of `prometheus.yml`; `storage` is the size of the volume, as a quantity.

    The series of `labelled_jobs` describe other objects, so they keep their own labels `namespace`
    and `pod`. The value of each is a list of relabelings of its series.
    `logins` are those of the jobs whose targets ask for one. Pods of jobs in `reloaded` have the
    container RELOADER, which gets a job of its own.
    """

    environment: str
    namespace: str
    jobs: Sequence[str]
    labelled_jobs: Mapping[str, Sequence[Mapping[str, Any]]]
    logins: Mapping[str, Login]
    reloaded: Sequence[str]
    probing: Probing
    rule_files: Sequence[str]
    alertmanager: str
    retention: str
    storage: str
    remote_write: RemoteWrite | None = None


def prometheus_document(config: PrometheusConfig) -> dict[str, Any]:
    """The document of `prometheus.yml`; each job scrapes the pods that carry its name."""
    probing, namespace = config.probing, config.namespace
    size = f"{int(amount(config.storage) / 2**20 * DISK_SHARE)}MB"
    return {
        "global": {
            "scrape_interval": INTERVAL,
            "scrape_timeout": "10s",
            "evaluation_interval": INTERVAL,
            "external_labels": {"environment": config.environment, "replica": "${POD_NAME}"},
        },
        "storage": {"tsdb": {"retention": {"time": config.retention, "size": size}}},
        "rule_files": [f"{CONFIG_FOLDER}/{name}" for name in config.rule_files],
        "alerting": {
            "alert_relabel_configs": [
                # Alertmanager deduplicates alerts from several replicas only if their labels are
                # equal.
                {"action": "labeldrop", "regex": "replica"},
                # An alert about what is absent has no namespace of its own. It belongs to the group
                # of the alerts about single pods.
                {
                    "source_labels": ["namespace"],
                    "regex": "^$",
                    "target_label": "namespace",
                    "replacement": namespace,
                },
            ],
            "alertmanagers": [_pod_discovery(config.alertmanager, namespace)],
        },
        "scrape_configs": [
            *(_job(job, config) for job in config.jobs),
            *(_reloader_job(job, namespace) for job in config.reloaded),
            *(_probe_job(target, probing, namespace) for target in probing.targets),
        ],
        **({"remote_write": [_remote_write(config.remote_write)]} if config.remote_write else {}),
    }


def _remote_write(target: RemoteWrite) -> dict[str, Any]:
    return {
        "name": LONG_TERM_STORE,
        "url": f"{target.url}/api/v1/remote_write",
        # The credentials are those of the pod's IAM role.
        "sigv4": {"region": target.region},
        "write_relabel_configs": [
            {
                "source_labels": ["__name__"],
                "action": "keep",
                "regex": "|".join(map(re.escape, target.series)),
            },
            # Not an external label, which alerts would carry too.
            {"target_label": "cluster", "replacement": target.cluster},
            {"source_labels": ["replica"], "target_label": "__replica__"},
            {"action": "labeldrop", "regex": "replica"},
        ],
        "metadata_config": {"send": False},
        "queue_config": {
            # One connection sends 1,000 samples in about 0.1 s; the others catch up.
            "max_shards": 4,
            "max_samples_per_send": 1000,
            "capacity": 4000,
            "max_backoff": "30s",
            # Otherwise Prometheus drops what the workspace refuses because of its rate.
            "retry_on_http_429": True,
        },
    }


def _job(job: str, config: PrometheusConfig) -> dict[str, Any]:
    return {
        "job_name": job,
        **(_labelled(config.labelled_jobs[job]) if job in config.labelled_jobs else {}),
        **({"basic_auth": _basic_auth(config.logins[job])} if job in config.logins else {}),
        **_pod_discovery(job, config.namespace, relabelings=_pod_labels()),
    }


def _labelled(relabelings: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {"honor_labels": True, "metric_relabel_configs": [dict(one) for one in relabelings]}


def _basic_auth(login: Login) -> dict[str, str]:
    return {"username": login.user, "password_file": f"{SECRET_FOLDER}/{login.file}"}


def _reloader_job(server: str, namespace: str) -> dict[str, Any]:
    """A job that scrapes the container RELOADER of the server's pods."""
    relabelings = [*_pod_labels(), {"target_label": "job", "replacement": RELOADER}]
    return {
        "job_name": f"{RELOADER}/{server}",
        **_pod_discovery(server, namespace, port=RELOADER_PORT_NAME, relabelings=relabelings),
        # Its own metrics, not the 170 of its Go runtime.
        "metric_relabel_configs": [
            {"source_labels": ["__name__"], "action": "keep", "regex": "reloader_.+"}
        ],
    }


def _probe_job(target: Target, probing: Probing, namespace: str) -> dict[str, Any]:
    """A job that scrapes the prober's pods for one probe; they make it and return the result.

    The series belong to the prober, so `job`, `pod` and `instance` identify its pod. The job's own
    name contains a slash, so it can't equal the name of a workload.
    """
    labels = {"job": probing.prober, "probe": target.probe, "workload": target.workload}
    named = [{"target_label": label, "replacement": text} for label, text in labels.items()]
    return {
        "job_name": f"{probing.prober}/{target.probe}",
        "metrics_path": "/probe",
        "params": {"module": [target.probe], "target": [target.url]},
        "scrape_interval": probing.interval,
        "scrape_timeout": probing.timeout,
        **_pod_discovery(probing.prober, namespace, relabelings=[*_pod_labels(), *named]),
    }


def _pod_discovery(
    name: str, namespace: str, *, port: str = HTTP, relabelings: Sequence[dict[str, Any]] = ()
) -> dict[str, Any]:
    """Discovery of the running pods called `name`, at their container port named `port`."""
    return {
        "kubernetes_sd_configs": [
            {
                "role": "pod",
                "namespaces": {"names": [namespace]},
                "selectors": [{"role": "pod", "label": f"{NAME_LABEL}={name}"}],
            }
        ],
        "relabel_configs": [
            {
                "source_labels": ["__meta_kubernetes_pod_container_port_name"],
                "action": "keep",
                "regex": port,
            },
            {
                "source_labels": ["__meta_kubernetes_pod_phase"],
                "action": "drop",
                "regex": "Succeeded|Failed",
            },
            *relabelings,
        ],
    }


def _pod_labels() -> list[dict[str, Any]]:
    """Relabelings that add the namespace and name of the pod to every series."""
    return [
        {"source_labels": [f"__meta_kubernetes_{source}"], "target_label": target}
        for source, target in (("namespace", "namespace"), ("pod_name", "pod"))
    ]
