"""The text of `prometheus.yml`: what is scraped, which rules run, where alerts go."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from components.blackbox_config import Probe
from components.pods import HTTP, NAME_LABEL

CONFIG_FOLDER = "/etc/config"
CONFIG_FILE = "prometheus.yml"
INTERVAL = "30s"
"""How often pods are scraped and rules evaluated."""

DISK_SHARE = 0.85
"""Share of the volume that samples may fill; the rest is for compaction and for growth between
two checks of the size."""


@dataclass(frozen=True, kw_only=True)
class Probing:
    """The `probes` that pods called `prober` make, every `interval`; a scrape fails at `timeout`.

    The prober gives up half a second before, and then says so.
    """

    prober: str
    interval: str
    timeout: str
    probes: Sequence[Probe]


@dataclass(frozen=True, kw_only=True)
class PrometheusConfig:
    """What differs from one environment to the next; `storage_gibibytes` is the volume's size.

    The series of `labelled_jobs` are about other objects, and say themselves of which namespace.
    """

    environment: str
    namespace: str
    jobs: Sequence[str]
    labelled_jobs: Sequence[str]
    probing: Probing
    rule_files: Sequence[str]
    alertmanager: str
    retention: str
    storage_gibibytes: int


def prometheus_yml(config: PrometheusConfig) -> str:
    """The configuration file, as YAML; each job scrapes the pods that carry its name."""
    document = {
        "global": {
            "scrape_interval": INTERVAL,
            "scrape_timeout": "10s",
            "evaluation_interval": INTERVAL,
            "external_labels": {"environment": config.environment, "replica": "${POD_NAME}"},
        },
        "storage": {
            "tsdb": {
                "retention": {
                    "time": config.retention,
                    "size": f"{int(config.storage_gibibytes * 1024 * DISK_SHARE)}MB",
                }
            }
        },
        "rule_files": [f"{CONFIG_FOLDER}/{name}" for name in config.rule_files],
        "alerting": {
            # Replicas send the same alert: without this label Alertmanager sees that it is one.
            "alert_relabel_configs": [{"action": "labeldrop", "regex": "replica"}],
            "alertmanagers": [_discovered(config.alertmanager, config.namespace)],
        },
        "scrape_configs": [
            {
                "job_name": job,
                **({"honor_labels": True} if job in config.labelled_jobs else {}),
                **_discovered(job, config.namespace, relabelings=_pod_labels()),
            }
            for job in config.jobs
        ]
        + [_probe_job(probe, config.probing, config.namespace) for probe in config.probing.probes],
    }
    return yaml.safe_dump(document, sort_keys=False)


def _probe_job(probe: Probe, probing: Probing, namespace: str) -> dict[str, Any]:
    """Scrapes the prober's pods for one probe: they make it, and answer with what came of it.

    The series are the prober's, so `job`, `pod` and `instance` say who asked. The job's own name
    has a slash in it, as no workload's has.
    """
    labels = {"job": probing.prober, "probe": probe.name, "workload": probe.workload}
    named = [{"target_label": label, "replacement": text} for label, text in labels.items()]
    return {
        "job_name": f"{probing.prober}/{probe.name}",
        "metrics_path": "/probe",
        "params": {"module": [probe.name], "target": [probe.url]},
        "scrape_interval": probing.interval,
        "scrape_timeout": probing.timeout,
        **_discovered(probing.prober, namespace, relabelings=[*_pod_labels(), *named]),
    }


def _discovered(
    name: str, namespace: str, *, relabelings: Sequence[dict[str, Any]] = ()
) -> dict[str, Any]:
    """The running pods called `name`, at the container port named `http`."""
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
                "regex": HTTP,
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
    """Give every series the namespace and the real name of the pod that it comes from."""
    return [
        {"source_labels": [f"__meta_kubernetes_{source}"], "target_label": target}
        for source, target in (("namespace", "namespace"), ("pod_name", "pod"))
    ]
