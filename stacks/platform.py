"""The architecture: which components one environment has, and what flows between them."""

from collections.abc import Mapping

from pulumi import Output, ResourceOptions

from components import alertmanager, blackbox, grafana, kube_state_metrics, prometheus
from components.alertmanager import Alertmanager, AlertmanagerArgs
from components.blackbox import Blackbox, BlackboxArgs
from components.cron_job import CronJob, CronJobArgs
from components.grafana import Grafana, GrafanaArgs
from components.grafana_config import CLIENT_SECRET_FILE, METRICS_PASSWORD_FILE, PASSWORD_FILE
from components.kube_state_metrics import KubeStateMetrics, KubeStateMetricsArgs
from components.namespace import Namespace, NamespaceArgs
from components.network import Network, NetworkArgs
from components.prometheus import Prometheus, PrometheusArgs
from components.storage_class import StorageClass, StorageClassArgs
from components.workload import Workload, WorkloadArgs
from stacks.access import find_cluster, kubernetes_provider
from stacks.aws import declare_aws
from stacks.connections import arrivals, departures, edges
from stacks.content import compose_content
from stacks.outputs import Outputs, outputs
from stacks.preconditions import check_cluster, stack_identity
from stacks.secrets import ADMIN_PASSWORD, CLIENT_SECRET, CREDENTIALS, METRICS_PASSWORD
from stacks.settings import Configuration
from stacks.settings.programs import WATCHDOG_TIMEOUT
from stacks.settings.schema import Settings


def build(configuration: Configuration) -> Outputs:
    """Declare the whole platform, and return the stack's outputs.

    Raises SystemExit before it declares anything if the configuration, rules or dashboards are
    wrong, or if the cluster lacks what they need.
    """
    settings, images, secrets = configuration.settings, configuration.images, configuration.secrets
    access = find_cluster(settings.cluster, configuration.aws_login, configuration.problems)
    check_cluster(settings, access, configuration.problems)
    content = compose_content(configuration)
    opts = ResourceOptions(providers=[kubernetes_provider(settings.cluster, access)])

    namespace = Namespace(
        NamespaceArgs(
            name=settings.namespace,
            create=settings.create_namespace,
            stack=stack_identity(),
            pod_security_version=settings.pod_security_version,
            labels=settings.grafana.namespace_labels,
            quota=settings.quota,
            protect=settings.production,
        ),
        opts,
    ).name
    # Before all that needs nothing of AWS: its resources form the longest chain, each of which the
    # engine can only begin when it has answered for the one before.
    aws = declare_aws(settings, secrets, content.place)
    Network(
        NetworkArgs(
            namespace=namespace,
            edges=edges(settings),
            departures=departures(settings),
            arrivals=arrivals(settings),
        ),
        opts,
    )

    if settings.ebs_volumes:
        StorageClass(
            StorageClassArgs(namespace=settings.namespace, volumes=settings.ebs_volumes), opts
        )

    servers = {
        prometheus.NAME: Prometheus(
            PrometheusArgs(
                namespace=namespace,
                placement=settings.pods,
                rollout_seconds=settings.rollout_seconds,
                image=images.prometheus,
                reloader_image=images.config_reloader,
                replicas=settings.prometheus.replicas,
                storage=settings.prometheus.storage,
                storage_class=settings.volume_class,
                protect=settings.production,
                resources=settings.prometheus.resources,
                config=aws.complete(content.files[prometheus.NAME]),
                role=aws.roles.get(prometheus.NAME),
                credentials=_files(secrets, {METRICS_PASSWORD: METRICS_PASSWORD_FILE}),
            ),
            opts,
        ),
        alertmanager.NAME: Alertmanager(
            AlertmanagerArgs(
                namespace=namespace,
                placement=settings.pods,
                rollout_seconds=settings.rollout_seconds,
                image=images.alertmanager,
                reloader_image=images.config_reloader,
                replicas=settings.alertmanager.replicas,
                cluster_label=f"{settings.environment}/{settings.namespace}",
                storage=settings.alertmanager.storage,
                storage_class=settings.volume_class,
                protect=settings.production,
                resources=settings.alertmanager.resources,
                config=content.files[alertmanager.NAME],
                credentials=_files(
                    secrets, {key: credential.file for key, credential in CREDENTIALS.items()}
                ),
                role=aws.roles.get(alertmanager.NAME),
            ),
            opts,
        ),
        blackbox.NAME: Blackbox(
            BlackboxArgs(
                namespace=namespace,
                placement=settings.pods,
                rollout_seconds=settings.rollout_seconds,
                image=images.blackbox_exporter,
                reloader_image=images.config_reloader,
                replicas=settings.synthetics.replicas,
                resources=settings.synthetics.resources,
                config=content.files[blackbox.NAME][blackbox.CONFIG_FILE],
            ),
            opts,
        ),
        grafana.NAME: Grafana(
            GrafanaArgs(
                namespace=namespace,
                placement=settings.pods,
                rollout_seconds=settings.rollout_seconds,
                image=images.grafana,
                resources=settings.grafana.resources,
                files=aws.complete(content.files[grafana.NAME]),
                dashboards=aws.complete(content.dashboards),
                credentials=_files(
                    secrets,
                    {
                        ADMIN_PASSWORD: PASSWORD_FILE,
                        METRICS_PASSWORD: METRICS_PASSWORD_FILE,
                        CLIENT_SECRET: CLIENT_SECRET_FILE,
                    },
                ),
                exposure=settings.grafana,
                role=aws.roles.get(grafana.NAME),
            ),
            opts,
        ),
        kube_state_metrics.NAME: KubeStateMetrics(
            KubeStateMetricsArgs(
                namespace=namespace,
                placement=settings.pods,
                rollout_seconds=settings.rollout_seconds,
                image=images.kube_state_metrics,
                metrics=content.object_metrics,
            ),
            opts,
        ),
    }
    workloads = {
        name: Workload(
            name,
            WorkloadArgs(
                namespace=namespace,
                placement=settings.pods,
                rollout_seconds=settings.rollout_seconds,
                image=workload.image or configuration.services_image,
                spec=workload,
                environment={**workload.environment, **_heartbeat_timeout(settings, name)},
                secrets={file: secrets[key] for file, key in workload.secrets.items()},
            ),
            opts,
        )
        for name, workload in settings.workloads.items()
    }
    for name, job in settings.cron_jobs.items():
        CronJob(
            name,
            CronJobArgs(
                namespace=namespace,
                placement=settings.pods,
                image=job.image or configuration.services_image,
                spec=job,
                environment=job.environment,
                secrets={file: secrets[key] for file, key in job.secrets.items()},
            ),
            opts,
        )
    urls = {name: component.url for name, component in {**servers, **workloads}.items()}
    return outputs(configuration, namespace, urls)


def _files(secrets: Mapping[str, Output[str]], names: Mapping[str, str]) -> dict[str, Output[str]]:
    """The secrets that the stack has, by file name; `names` are the file names by key."""
    return {name: secrets[key] for key, name in names.items() if key in secrets}


def _heartbeat_timeout(settings: Settings, workload: str) -> dict[str, str]:
    """The environment variable, for the webhook's workload, with its timeout for the heartbeat."""
    webhook = settings.alertmanager.webhook
    if webhook is None or webhook.workload != workload:
        return {}
    return {WATCHDOG_TIMEOUT: str(settings.alertmanager.heartbeat.timeout_seconds)}
