"""What Prometheus scrapes in one environment, and by which rules it judges."""

from collections.abc import Sequence

from components import alertmanager, blackbox, grafana, kube_state_metrics, prometheus
from components.prometheus_config import Probing, PrometheusConfig, prometheus_yml
from stacks.probes import probes
from stacks.settings.schema import Settings


def jobs(settings: Settings) -> tuple[str, ...]:
    """Everything that Prometheus scrapes, by the name of its pods."""
    servers = (
        prometheus.NAME,
        alertmanager.NAME,
        blackbox.NAME,
        grafana.NAME,
        kube_state_metrics.NAME,
    )
    return (*settings.workloads, *servers)


def scraping(settings: Settings, rule_files: Sequence[str]) -> str:
    """The text of prometheus.yml, which loads these files of rules."""
    return prometheus_yml(
        PrometheusConfig(
            environment=settings.environment,
            namespace=settings.namespace,
            jobs=jobs(settings),
            labelled_jobs=(kube_state_metrics.NAME,),
            probing=Probing(
                prober=blackbox.NAME,
                interval=settings.synthetics.interval,
                timeout=settings.synthetics.scrape_timeout,
                probes=probes(settings),
            ),
            rule_files=rule_files,
            alertmanager=alertmanager.NAME,
            retention=settings.prometheus.retention,
            storage_gibibytes=int(settings.prometheus.storage.removesuffix("Gi")),
        )
    )
