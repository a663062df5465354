"""What Prometheus says of itself, of its targets, and of the servers that it scrapes."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from urllib.parse import urlsplit

from ops.http_api import ApiError
from ops.manifests import NAME_LABEL, Manifests, load_yaml
from ops.prometheus_api import Prometheus, RuleGroup, Sample, Target
from ops.verify.rows import Row, judge, red, some, untried
from promql.expressions import parse

PROMETHEUS, ALERTMANAGER = "prometheus-server", "alertmanager"
WATCHDOG = "watchdog"
RELOADED = "config_last_reload_successful"
SERVERS = {
    PROMETHEUS: "prometheus",
    ALERTMANAGER: "alertmanager",
    "blackbox-exporter": "blackbox_exporter",
}
"""The prefix of each server's own metrics, by its workload."""
WATCHDOG_HEALTHY = "harbinger_watchdog_healthy"
WATCHDOG_SEEN = "harbinger_last_watchdog_timestamp_seconds"
PROBED, MEMBERS = "probe_success", "alertmanager_cluster_members"
CRON_JOBS = "kube_cronjob_created"
WRITTEN = "prometheus_remote_storage_queue_highest_timestamp_seconds"
SENT = "prometheus_remote_storage_queue_highest_sent_timestamp_seconds"
_METRICS = (
    *(f"{prefix}_{RELOADED}" for prefix in SERVERS.values()),
    *(WATCHDOG_HEALTHY, WATCHDOG_SEEN, PROBED, MEMBERS, CRON_JOBS, WRITTEN, SENT),
)
_LOGS = "read its log: `kubectl logs` names the cause"


@dataclass(frozen=True, kw_only=True)
class View:
    """What one Prometheus pod says; `problem` is the reason if it says nothing."""

    pod: str
    targets: Sequence[Target] = ()
    groups: Sequence[RuleGroup] = ()
    samples: Sequence[Sample] = ()
    problem: str | None = None

    def samples_of(self, metric: str) -> list[Sample]:
        """The current samples of a metric, one of each series."""
        return [one for one in self.samples if one.metric["__name__"] == metric]


def ask(pod: str, client: AbstractContextManager[Prometheus]) -> View:
    """Ask the Prometheus in a pod; `client` opens and closes its client."""
    try:
        with client as prometheus:
            return View(
                pod=pod,
                targets=prometheus.targets(),
                groups=prometheus.rules(),
                samples=prometheus.query(f'{{__name__=~"{"|".join(_METRICS)}"}}'),
            )
    except ApiError as error:
        return View(pod=pod, problem=str(error))


def check_configuration(manifests: Manifests, view: View) -> Iterator[Row]:
    """A row for each server that reloads its configuration: whether it took the last one."""
    for workload in manifests.workloads:
        if workload.name not in SERVERS:
            continue
        samples = view.samples_of(f"{SERVERS[workload.name]}_{RELOADED}")
        refused = [one.metric.get("pod", "?") for one in samples if one.value[1] != 1]
        problem = None
        if refused:
            problem = f"{', '.join(refused)} refused it and runs on the previous one"
        elif len(samples) != workload.replicas:
            problem = f"{len(samples)} of {workload.replicas} pods say whether they loaded it"
        right = f"{len(samples)} of {workload.replicas} pods loaded it"
        yield judge("configuration", workload.name, right, problem, _LOGS)


def check_rules(manifests: Manifests, view: View, *, exact: bool) -> Row:
    """Whether one Prometheus has evaluated every rule of the stack, and no other.

    `exact` compares the expressions too, which are others in a run at another speed.
    """
    if view.problem:
        return red("rules", view.pod, view.problem, _LOGS)
    wanted, loaded = set(_wanted_rules(manifests, exact)), set(_loaded_rules(view.groups, exact))
    rules = [rule for group in view.groups for rule in group.rules]
    sick = [f"{one.name} {one.health} {one.last_error}" for one in rules if one.health != "ok"]
    found = {
        "not loaded as the stack has them": [name for _, name, _ in wanted - loaded],
        "loaded that the stack does not have": [name for _, name, _ in loaded - wanted],
        "not healthy": sick,
    }
    problems = [
        f"{len(names)} {what}: {some(sorted(names))}" for what, names in found.items() if names
    ]
    return judge(
        "rules",
        view.pod,
        f"{len(rules)} rules, all healthy",
        "; ".join(problems) or None,
        "wait two minutes for rules that are not loaded yet; then its log says why it keeps the"
        " old ones. A rule in error: docs/runbooks/PrometheusRuleEvaluationFailing.md",
    )


def _wanted_rules(manifests: Manifests, exact: bool) -> Iterator[tuple[str, str, str]]:
    """(file and group, name, expression) of each rule in the stack's ConfigMap."""
    for key, text in manifests.config_maps[PROMETHEUS].items():
        if key.endswith("_rules.yml"):
            for group in load_yaml(text)["groups"]:
                for rule in group["rules"]:
                    name = rule.get("alert") or rule["record"]
                    yield f"{key}/{group['name']}", name, _canonical(rule["expr"], exact)


def _loaded_rules(groups: Iterable[RuleGroup], exact: bool) -> Iterator[tuple[str, str, str]]:
    """The same of the rules that a Prometheus has loaded."""
    for group in groups:
        key = group.file.rpartition("/")[2]
        for rule in group.rules:
            yield f"{key}/{group.name}", rule.name, _canonical(rule.query, exact)


def _canonical(expression: str, exact: bool) -> str:
    """The expression in one form, as Prometheus reformats it too; nothing if not `exact`."""
    return parse(expression).canonical if exact else ""


def check_targets(manifests: Manifests, view: View, absent: Collection[str] = ()) -> Iterator[Row]:
    """A row for each scrape job: whether one Prometheus scrapes all of its pods.

    `absent` are workloads that do not run here.
    """
    if view.problem:
        yield red("targets", view.pod, view.problem, _LOGS)
        return
    for job, (workload, number) in scrape_jobs(manifests).items():
        if workload in absent:
            yield untried("targets", f"{view.pod} -> {job}", f"{workload} does not run here")
            continue
        targets = [target for target in view.targets if target.scrape_pool == job]
        down = [target for target in targets if target.health != "up"]
        problem = None
        if down:
            what = f"{down[0].health}: {down[0].last_error}".removesuffix(": ")
            problem = f"{down[0].labels.get('pod', 'a target')} is {what}"
        elif len(targets) != number:
            problem = f"{len(targets)} targets, the stack has {number}"
        yield judge(
            "targets",
            f"{view.pod} -> {job}",
            f"{number} of {number} up",
            problem,
            "docs/runbooks/PlatformTargetDown.md",
        )


def scrape_jobs(manifests: Manifests) -> Mapping[str, tuple[str, int]]:
    """The workload that each scrape job finds, and the number of its pods, by the job's name."""
    replicas = {workload.name: workload.replicas for workload in manifests.workloads}
    config = load_yaml(manifests.config_maps[PROMETHEUS]["prometheus.yml"])
    found = {}
    for job in config["scrape_configs"]:
        for discovery in job.get("kubernetes_sd_configs", []):
            for selector in discovery.get("selectors", []):
                key, _, name = selector["label"].partition("=")
                if key == NAME_LABEL and name in replicas:
                    found[job["job_name"]] = (name, replicas[name])
    return found


def check_watchdog(manifests: Manifests, view: View) -> Row:
    """Whether harbinger keeps receiving the alert that always fires."""
    receiver = webhook_workload(manifests)
    if receiver is None:
        return untried(WATCHDOG, "Watchdog", "the stack sends it to no workload of its own")
    healthy, seen = view.samples_of(WATCHDOG_HEALTHY), view.samples_of(WATCHDOG_SEEN)
    problem, right = None, ""
    if not healthy:
        problem = f"{receiver} has not received it yet"
    elif min(one.value[1] for one in healthy) < 1:
        problem = f"{receiver} no longer receives it"
    elif seen:
        age = max(one.value[0] for one in seen) - max(one.value[1] for one in seen)
        right = f"{receiver} received it {max(age, 0):.0f} s ago"
    return judge(WATCHDOG, "Watchdog", right, problem, "docs/runbooks/Watchdog.md")


def webhook_workload(manifests: Manifests) -> str | None:
    """The workload to which Alertmanager posts every notification, if there is one."""
    text = manifests.config_maps[ALERTMANAGER]["alertmanager.yml"]
    urls = [
        urlsplit(webhook.get("url") or "").hostname or ""
        for receiver in load_yaml(text)["receivers"]
        for webhook in receiver.get("webhook_configs", [])
    ]
    services = {f"{one.name}.{manifests.namespace}.svc": one.selects for one in manifests.services}
    return next((services[host] for host in urls if host in services), None)
