"""The servers of one environment: what watches, tells, shows and probes."""

from collections.abc import Mapping

import pulumi
from pulumi import ResourceOptions

from components import alertmanager, blackbox, grafana, kube_state_metrics, prometheus
from components.alertmanager import Alertmanager, AlertmanagerArgs
from components.blackbox import Blackbox, BlackboxArgs
from components.channels import HEARTBEAT_FILE, PAGERDUTY_FILE, SLACK_FILE
from components.grafana import Grafana, GrafanaArgs, LoadBalancer
from components.kube_state_metrics import KubeStateMetrics, KubeStateMetricsArgs
from components.prometheus import Prometheus, PrometheusArgs
from stacks.content import Content
from stacks.services import resources
from stacks.settings import Configuration

CREDENTIAL_FILES = {
    "slackApiUrl": SLACK_FILE,
    "pagerdutyRoutingKey": PAGERDUTY_FILE,
    "heartbeatUrl": HEARTBEAT_FILE,
}


def servers(
    configuration: Configuration,
    content: Content,
    namespace: pulumi.Output[str],
    opts: ResourceOptions,
) -> Mapping[str, pulumi.Output[str]]:
    """Declare every server; their addresses inside the cluster by name."""
    return {
        prometheus.NAME: _prometheus(configuration, content, namespace, opts).url,
        alertmanager.NAME: _alertmanager(configuration, content, namespace, opts).url,
        blackbox.NAME: _blackbox(configuration, content, namespace, opts).url,
        grafana.NAME: _grafana(configuration, content, namespace, opts).url,
        kube_state_metrics.NAME: KubeStateMetrics(
            KubeStateMetricsArgs(
                namespace=namespace,
                image=configuration.images.kube_state_metrics,
                metrics=content.object_metrics,
            ),
            opts,
        ).url,
    }


def _prometheus(
    configuration: Configuration,
    content: Content,
    namespace: pulumi.Output[str],
    opts: ResourceOptions,
) -> Prometheus:
    settings, images = configuration.settings.prometheus, configuration.images
    return Prometheus(
        PrometheusArgs(
            namespace=namespace,
            image=images.prometheus,
            reloader_image=images.config_reloader,
            replicas=settings.replicas,
            storage=settings.storage,
            storage_class=configuration.settings.storage_class,
            resources=resources(settings.resources),
            config=content.prometheus,
        ),
        opts,
    )


def _alertmanager(
    configuration: Configuration,
    content: Content,
    namespace: pulumi.Output[str],
    opts: ResourceOptions,
) -> Alertmanager:
    settings, images = configuration.settings.alertmanager, configuration.images
    return Alertmanager(
        AlertmanagerArgs(
            namespace=namespace,
            image=images.alertmanager,
            reloader_image=images.config_reloader,
            replicas=settings.replicas,
            storage=settings.storage,
            storage_class=configuration.settings.storage_class,
            resources=resources(settings.resources),
            config=content.alertmanager,
            credentials={
                file: configuration.secrets[key]
                for key, file in CREDENTIAL_FILES.items()
                if key in configuration.secrets
            },
        ),
        opts,
    )


def _blackbox(
    configuration: Configuration,
    content: Content,
    namespace: pulumi.Output[str],
    opts: ResourceOptions,
) -> Blackbox:
    settings, images = configuration.settings.synthetics, configuration.images
    return Blackbox(
        BlackboxArgs(
            namespace=namespace,
            image=images.blackbox_exporter,
            reloader_image=images.config_reloader,
            replicas=settings.replicas,
            resources=resources(settings.resources),
            config=content.blackbox,
        ),
        opts,
    )


def _grafana(
    configuration: Configuration,
    content: Content,
    namespace: pulumi.Output[str],
    opts: ResourceOptions,
) -> Grafana:
    settings = configuration.settings.grafana
    balancer = None
    if settings.exposure == "load-balancer" and settings.domain and settings.certificate_arn:
        balancer = LoadBalancer(
            domain=settings.domain,
            certificate_arn=settings.certificate_arn,
            source_ranges=settings.source_ranges,
            scheme=settings.scheme,
        )
    return Grafana(
        GrafanaArgs(
            namespace=namespace,
            image=configuration.images.grafana,
            resources=resources(settings.resources),
            files=content.grafana,
            dashboards=content.dashboards,
            admin_password=configuration.secrets["grafanaAdminPassword"],
            load_balancer=balancer,
        ),
        opts,
    )
