"""The disk and memory that Prometheus needs: from measurements, and from a stack's settings.

The series were counted on 2026-11-26 with Prometheus 3.13.5 and Alertmanager 0.31.1, after the soak
test had sent traffic: those of the two servers in the stack `node` on a real node, where they find
pods through the API and the kubelet asks them whether they are ready, and all others in a run of
the stack `local`. tests/cluster and tests/live compare the sums with the real ones. The bytes were
measured with the same Prometheus, which scraped 6,000 and then 24,000 series 300 times, more often
than it scrapes one before a block goes to disk: it used 112 and 185 MiB.
"""

import math
from collections.abc import Mapping

from components import alertmanager, blackbox, grafana, kube_state_metrics, prometheus
from components.kit import RELOADER
from components.prometheus import DISK_SHARE, INTERVAL
from problems import Problems
from promql.durations import parse_duration
from quantities import amount
from stacks.servers import SERVERS
from stacks.settings.schema import Settings

RULES = "rules"
SERIES_PER_SERVER = {
    prometheus.NAME: 994,
    alertmanager.NAME: 544,
    blackbox.NAME: 59,
    # An estimate: there is no Grafana to measure where the tests run.
    grafana.NAME: 2000,
}
"""Series that a pod of a server exports about itself, and Prometheus about the groups of rules.
Each path of a server's API that is called adds about 24 series; five or six are called here."""
SERIES_PER_JOB, SERIES_PER_ALERTMANAGER, SERIES_OF_REMOTE_WRITE = 30, 16, 57
"""What a pod of Prometheus exports in addition: about each scrape job, about each pod of
Alertmanager that it sends alerts to, and if it writes elsewhere too."""
SERIES_OF_GOSSIP = 68
"""What a pod of Alertmanager exports in addition if it has peers."""
SERIES_PER_RELOADER = 11
"""Series of the container config-reload that are kept."""
SERIES_PER_WORKLOAD = 43
"""Series of a workload's pod: those of the scheduler, which has the most."""
SERIES_PER_OBJECT = {"pod": 10, "owner": 9, "claim": 4, "quota": 8, "cron job": 7}
"""Series that kube-state-metrics exports about an object; an owner is a Deployment or StatefulSet
with its budget. Counted in its answers about the objects of a stack on a real API server."""
SERIES_PER_PROBE = 17
SERIES_PER_SCRAPE = 5
"""Series that Prometheus adds to each target, such as `up`."""
RULE_SERIES, RULE_SERIES_PER_PROBE = 140, 14
"""Series that the rules record: those of all stacks, and those of each probe."""
RULE_SERIES_PER_POD = {"aurora-treaty": 1}
"""Series that the rules record for each pod of a workload, while it is there; of one treaty."""
SLO_INPUTS = {"psi-field": 11, "aurora-treaty": 2}
"""Series that the objectives read, by workload and for each of its pods; a treaty's are of one
treaty."""

BYTES_PER_SAMPLE = 2
"""On disk. Prometheus' documentation says 1 to 2."""
LOG_BYTES_PER_SAMPLE, LOG_SECONDS = 8, 3 * 3600
"""In the write-ahead log, which reaches back three hours at most; measured 6.7."""
MEMORY_BASE, MEMORY_PER_SERIES = 100 * 2**20, 4 * 2**10
"""Bytes of memory without any series, and for each."""
REMOTE_WRITE_SHARE = 1.25
"""A quarter more memory for remote write, says Prometheus' documentation of it. It reads the
write-ahead log, so it needs no disk."""
HEADROOM = 1.5
"""A third of the disk and of the memory stays free, for growth, queries and rollouts."""


def series(settings: Settings) -> Mapping[str, int]:
    """The series by scrape job, and those of the rules, in one replica of Prometheus."""
    replicas = {
        prometheus.NAME: settings.prometheus.replicas,
        alertmanager.NAME: settings.alertmanager.replicas,
        blackbox.NAME: settings.synthetics.replicas,
        grafana.NAME: 1,
    }
    probes = len(settings.probes)
    found = {
        name: count * (SERIES_PER_SERVER[name] + SERIES_PER_SCRAPE)
        for name, count in replicas.items()
    }
    found[prometheus.NAME] += settings.prometheus.replicas * (
        _jobs(settings) * SERIES_PER_JOB
        + settings.alertmanager.replicas * SERIES_PER_ALERTMANAGER
        + settings.has_long_term_store * SERIES_OF_REMOTE_WRITE
    )
    if settings.alertmanager.replicas > 1:
        found[alertmanager.NAME] += settings.alertmanager.replicas * SERIES_OF_GOSSIP
    found[blackbox.NAME] += (
        settings.synthetics.replicas * probes * (SERIES_PER_PROBE + SERIES_PER_SCRAPE)
    )
    reloaded = sum(replicas.get(server.name, 0) for server in SERVERS if server.has_reloader)
    found[RELOADER] = reloaded * (SERIES_PER_RELOADER + SERIES_PER_SCRAPE)
    objects = {
        "pod": sum(replicas.values()) + 1 + sum(w.replicas for w in settings.workloads.values()),
        "owner": len(SERVERS) + len(settings.workloads),
        "claim": settings.prometheus.replicas + settings.alertmanager.replicas,
        "quota": 1,
        "cron job": len(settings.cron_jobs),
    }
    found[kube_state_metrics.NAME] = SERIES_PER_SCRAPE + sum(
        count * SERIES_PER_OBJECT[kind] for kind, count in objects.items()
    )
    for name, workload in settings.workloads.items():
        found[name] = workload.replicas * (SERIES_PER_WORKLOAD + SERIES_PER_SCRAPE)
    found[RULES] = _rule_series(settings) + _of_pods(settings, RULE_SERIES_PER_POD)
    return found


def _rule_series(settings: Settings) -> int:
    """The series that rules record, without those of each pod."""
    return RULE_SERIES + len(settings.probes) * RULE_SERIES_PER_PROBE


def _of_pods(settings: Settings, each: Mapping[str, int]) -> int:
    """The series of all pods, with so many for each pod of a workload."""
    return sum(work.replicas * each.get(name, 0) for name, work in settings.workloads.items())


def _jobs(settings: Settings) -> int:
    """The scrape jobs: of workloads, servers, the reloaders of servers, and probes."""
    reloaded = sum(server.has_reloader for server in SERVERS)
    return len(settings.workloads) + len(SERVERS) + reloaded + len(settings.probes)


def samples_a_second(settings: Settings) -> float:
    """The samples that one replica of Prometheus stores: one of each series in each interval."""
    return sum(series(settings).values()) / (parse_duration(INTERVAL) / 1000)


def bytes_a_day(rate: float) -> float:
    """What a day of so many samples a second takes on the disk of one replica of Prometheus."""
    return rate * 86400 * BYTES_PER_SAMPLE


def long_term_series(settings: Settings) -> int:
    """The series to keep for years: recorded ones, and the inputs of the objectives.

    Without recorded ones of each pod. Amazon Managed Prometheus takes those of one replica.
    """
    return _rule_series(settings) + _of_pods(settings, SLO_INPUTS)


def needed_disk(settings: Settings) -> int:
    """The gibibytes of a volume that keeps all samples for the retention, with headroom.

    Prometheus' documentation has the formula: retention in seconds x samples in a second x bytes of
    a sample. Samples may fill DISK_SHARE of the volume.
    """
    rate = samples_a_second(settings)
    retention = parse_duration(settings.prometheus.retention) / 1000
    samples = rate * (retention * BYTES_PER_SAMPLE + LOG_SECONDS * LOG_BYTES_PER_SAMPLE)
    return math.ceil(samples * HEADROOM / DISK_SHARE / 2**30)


def needed_memory(settings: Settings) -> int:
    """The mebibytes that a pod of Prometheus should request, with headroom."""
    memory = MEMORY_BASE + sum(series(settings).values()) * MEMORY_PER_SERIES
    if settings.has_long_term_store:
        memory *= REMOTE_WRITE_SHARE
    return math.ceil(memory * HEADROOM / 2**20)


def check_capacity(settings: Settings, problems: Problems) -> None:
    """Report if Prometheus asks for less disk or memory than its series need."""
    given, total = settings.prometheus, f"{sum(series(settings).values()):,} series"
    disk, memory = needed_disk(settings), needed_memory(settings)
    wrong = {
        "storage": (given.storage, f"{disk}Gi", f"{total} need for {given.retention}"),
        "resources.memory": (given.resources.memory, f"{memory}Mi", f"{total} need"),
    }
    for key, (has, needs, reason) in wrong.items():
        if amount(has) < amount(needs):
            text = f"{has} is less than the {needs} that {reason}. Write {needs} or more."
            problems.add(f"vaultmesh:settings.prometheus.{key}", 0, text)
