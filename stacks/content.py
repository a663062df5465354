"""The contents of all ConfigMaps of one environment, checked before anything is declared."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from components import alertmanager, blackbox, grafana, kube_state_metrics, prometheus
from components.alertmanager_config import (
    CONFIG_FILE,
    TEMPLATES_FILE,
    AlertmanagerConfig,
    Inhibition,
    alertmanager_document,
    equal,
    receivers,
)
from components.aws.place import GLOBAL_REGION, Place
from components.blackbox import blackbox_yml
from components.grafana_config import (
    METRICS_PASSWORD_FILE,
    METRICS_USER,
    CloudWatchSource,
    GrafanaConfig,
    LongTermSource,
    grafana_files,
)
from components.prometheus import (
    Login,
    Probing,
    PrometheusConfig,
    RemoteWrite,
    Target,
    prometheus_document,
)
from components.routing import SEVERITIES
from components.workload import workload_server
from dashboards.catalog import Dashboard, endpoints_dashboard
from dashboards.endpoints import CLOUDWATCH_UID
from dashboards.panels import DATASOURCE_UID
from problems import Problems
from promql.durations import format_duration, parse_duration
from promql.errors import PromqlError
from rules.notifications import load_notifications, receivers_texts
from rules.rule import THROUGH_ALL, WATCHDOG, WATCHDOG_OUTSIDE, WATCHDOG_SEVERITY, Alert
from rules.rulebook import Rulebook
from stacks.capacity import check_capacity
from stacks.files import IDLE_ALERT, PAGE_LOST, ROOT, check_size, read_files
from stacks.names import check_names
from stacks.quota import check_quota
from stacks.refusal import refuse
from stacks.server_schemas import AlertmanagerYml, PrometheusYml, checked_yaml
from stacks.servers import SERVERS
from stacks.settings import Configuration
from stacks.settings.schema import Settings

CONFIG_MAP_GATE = 1000 * 1024
"""Largest ConfigMap, in bytes. Kubernetes refuses more than 1 MiB including metadata."""
WORKSPACE_URL = "https://workspace.invalid"
WORKSPACE_REGION = "region-of-the-workspace"
"""Placeholders for what AWS decides after the contents have been checked."""


@dataclass(frozen=True, kw_only=True)
class Content:
    """The contents of all ConfigMaps, and the place in AWS that they name.

    `files` maps a server's name to its files, and `dashboards` maps file names to JSON.
    `object_metrics` are the names of the metrics that kube-state-metrics should export. `place` is
    the AWS account and region; None if nothing of the stack is in AWS.
    """

    files: Mapping[str, Mapping[str, str]]
    dashboards: Mapping[str, str]
    object_metrics: tuple[str, ...]
    place: Place | None


def compose_content(configuration: Configuration) -> Content:
    """Read and check rules, dashboards and templates, and render all files for these settings.

    If there is any problem, in the configuration too, prints one line for each and raises
    SystemExit.
    """
    settings, problems = configuration.settings, configuration.problems
    rules = settings.rules
    found = read_files(rules.overrides, rules.runbook_base_url, rules.slo_options, problems)
    rulebook, boards = found.rulebook, found.boards
    check_retention(settings.prometheus.retention, rulebook, problems)
    probe_interval = parse_duration(settings.synthetics.interval)
    rulebook.check_rates(parse_duration(prometheus.INTERVAL), probe_interval, problems)
    check_capacity(settings, problems)
    check_names(settings, problems)
    check_quota(settings, problems)
    urls = dashboard_urls(settings, boards)
    place = _place(settings, problems)
    alerting = alertmanager_config(settings, rulebook, _heartbeat_topic(settings, place))
    templates = load_notifications(ROOT, receivers_texts(receivers(alerting)), problems)
    rule_files = rulebook.files(urls)
    content = Content(
        files={
            prometheus.NAME: {
                prometheus.CONFIG_FILE: render_prometheus(
                    settings, rulebook, tuple(rule_files), problems
                ),
                **rule_files,
            },
            alertmanager.NAME: {
                CONFIG_FILE: render_alertmanager(alerting, problems),
                TEMPLATES_FILE: templates,
            },
            blackbox.NAME: {
                blackbox.CONFIG_FILE: blackbox_yml(settings.probes, settings.synthetics.timeout)
            },
            grafana.NAME: grafana_files(
                GrafanaConfig(
                    prometheus_url=prometheus.SERVER.url(settings.namespace),
                    datasource_uid=DATASOURCE_UID,
                    domain=settings.grafana.domain,
                    oidc=settings.grafana.oidc,
                    long_term=(
                        LongTermSource(url=WORKSPACE_URL, region=WORKSPACE_REGION)
                        if settings.has_long_term_store
                        else None
                    ),
                    cloudwatch=(
                        CloudWatchSource(uid=CLOUDWATCH_UID, region=GLOBAL_REGION)
                        if settings.aws and settings.aws.health_checks
                        else None
                    ),
                )
            ),
        },
        dashboards={board.filename: board.json for board in (*boards, *_outside_boards(settings))},
        object_metrics=tuple(
            metric.name for metric in rulebook.metrics if metric.workload == kube_state_metrics.NAME
        ),
        place=place,
    )
    for name, files in content.files.items():
        check_size(f"ConfigMap {name}", files.values(), CONFIG_MAP_GATE, problems)
    if problems:
        refuse(problems)
    return content


def dashboard_urls(settings: Settings, boards: Iterable[Dashboard]) -> dict[str, str]:
    """Alert -> URL of its dashboard, the first one with a panel that names the alert.

    None without a domain: an address of somebody's own machine is no use on another's phone.
    """
    urls: dict[str, str] = {}
    if not settings.grafana.domain:
        return urls
    for board in boards:
        for alert in board.alerts:
            urls.setdefault(alert, f"https://{settings.grafana.domain}/d/{board.uid}")
    return urls


def check_retention(retention: str, rulebook: Rulebook, problems: Problems) -> None:
    """Report if a rule looks back further than the setting `retention`.

    A rule may look back exactly that far: Prometheus deletes a block only after its newest sample
    has become older than the retention.
    """
    rule, length = rulebook.longest_range
    if parse_duration(retention) < length:
        back = format_duration(length)
        text = f"{retention} is less than the {back} that {rule} looks back. Write {back} or more."
        problems.add("vaultmesh:settings.prometheus.retention", 0, text)


def render_prometheus(
    settings: Settings, rulebook: Rulebook, rule_files: tuple[str, ...], problems: Problems
) -> str:
    """The text of prometheus.yml for these settings; `rule_files` are file names.

    Reports what Prometheus would refuse.
    """
    targets = [
        Target(
            probe=name,
            workload=probe.workload,
            url=probe.address(_url(settings, probe.workload, "")),
        )
        for name, probe in settings.probes.items()
    ]
    login = Login(user=METRICS_USER, file=METRICS_PASSWORD_FILE)
    config = PrometheusConfig(
        environment=settings.environment,
        namespace=settings.namespace,
        jobs=(*settings.workloads, *(server.name for server in SERVERS)),
        labelled_jobs={kube_state_metrics.NAME: [kube_state_metrics.PODS_OF_CRON_JOBS]},
        logins={} if settings.grafana.is_internal else {grafana.NAME: login},
        reloaded=[server.name for server in SERVERS if server.has_reloader],
        probing=Probing(
            prober=blackbox.NAME,
            interval=settings.synthetics.interval,
            timeout=settings.synthetics.scrape_timeout,
            targets=targets,
        ),
        rule_files=rule_files,
        alertmanager=alertmanager.NAME,
        retention=settings.prometheus.retention,
        storage=settings.prometheus.storage,
        remote_write=(
            RemoteWrite(
                url=WORKSPACE_URL,
                region=WORKSPACE_REGION,
                series=rulebook.long_term_series,
                cluster=f"{settings.cluster.eks}/{settings.namespace}",
            )
            if settings.has_long_term_store
            else None
        ),
    )
    return checked_yaml(
        PrometheusYml, "components/prometheus.py", prometheus_document(config), problems
    )


def render_alertmanager(config: AlertmanagerConfig, problems: Problems) -> str:
    """The text of alertmanager.yml. Reports what Alertmanager would refuse."""
    return checked_yaml(
        AlertmanagerYml,
        "components/alertmanager_config.py",
        alertmanager_document(config),
        problems,
    )


def _place(settings: Settings, problems: Problems) -> Place | None:
    """The AWS account and region; None if nothing of the stack is in AWS.

    Reports if AWS can't be asked, and what the account lacks for these settings.
    """
    aws = settings.aws
    if aws is None or not settings.cluster.eks:
        return None
    # Imported here because pulumi_aws takes a second, and only stacks with AWS parts need it.
    from stacks.account_checks import ask_for_place, check_account

    place = ask_for_place(problems)
    if place:
        check_account(aws, place, problems)
    return place


def _heartbeat_topic(settings: Settings, place: Place | None) -> str | None:
    """The ARN of the SNS topic that gets the heartbeat, if any does."""
    if place is None or settings.aws is None or not settings.aws.dead_mans_switch:
        return None
    # Imported here because it imports pulumi_aws.
    from components.aws.dead_mans_switch import heartbeat_topic

    return heartbeat_topic(place, settings.environment)


def _outside_boards(settings: Settings) -> list[Dashboard]:
    """The dashboard of the health checks, if the settings have any."""
    if settings.aws is None or settings.aws.health_checks is None:
        return []
    return [endpoints_dashboard(tuple(settings.aws.health_checks.endpoints), GLOBAL_REGION)]


def alertmanager_config(
    settings: Settings, rulebook: Rulebook, heartbeat_topic: str | None
) -> AlertmanagerConfig:
    """What alertmanager.yml says; `heartbeat_topic` is the ARN of a topic that exists, if any."""
    severities = {alert.name: alert.severity for alert in rulebook.alerts}
    webhook = settings.alertmanager.webhook
    return AlertmanagerConfig(
        environment=settings.environment,
        routing=settings.alertmanager,
        webhook_url=_url(settings, webhook.workload, webhook.path) if webhook else None,
        heartbeat_topic=heartbeat_topic,
        heartbeat=(equal("alertname", WATCHDOG), equal("severity", WATCHDOG_SEVERITY)),
        outside=(equal(*WATCHDOG_OUTSIDE),),
        through_all=(equal(*THROUGH_ALL),),
        page_lost=(equal("alertname", PAGE_LOST),),
        idle=(IDLE_ALERT, severities.get(IDLE_ALERT, "")),
        inhibitions=[*_siblings(rulebook), *_symptoms(settings, rulebook)],
    )


def _siblings(rulebook: Rulebook) -> Iterator[Inhibition]:
    """A critical alert mutes the warning about the same condition."""
    for source, target, labels in rulebook.siblings:
        yield Inhibition([equal("alertname", source)], [equal("alertname", target)], labels)


def _symptoms(settings: Settings, rulebook: Rulebook) -> Iterator[Inhibition]:
    """The page that a whole workload is down mutes those about its probes and its objectives.

    An alert about one pod mutes nothing: the others should serve. So the source is an alert without
    a pod. Nor are the objectives of all probes muted, which other workloads can miss meanwhile.
    """
    for alert in rulebook.alerts:
        for workload in _workloads_down(alert, settings.workloads):
            whole = [equal("alertname", alert.name), equal("job", workload), equal("pod", "")]
            for label in ("workload", "sloth_service"):
                yield Inhibition(whole, [equal(label, workload)], ())


def _workloads_down(alert: Alert, workloads: Iterable[str]) -> list[str]:
    """The workloads whose end the alert reports as critical."""
    if isinstance(alert.expression, PromqlError) or not alert.name.endswith("Down"):
        return []
    jobs = {
        matcher.value
        for selector in alert.expression.selectors
        for matcher in selector.matchers
        if (selector.metric, matcher.name) == ("up", "job")
    }
    return [name for name in workloads if name in jobs and alert.severity == SEVERITIES[-1]]


def _url(settings: Settings, workload: str, path: str) -> str:
    """The URL of a workload's path inside the cluster."""
    server = workload_server(workload, settings.workloads[workload])
    return f"{server.url(settings.namespace)}{path}"
