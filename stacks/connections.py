"""The network connections of one environment, derived from its settings."""

from collections.abc import Iterator

from components import alertmanager, blackbox, grafana, kube_state_metrics, prometheus
from components.kit import RELOADER_PORT
from components.network import HTTPS_PORT, Arrival, Departure, Edge
from stacks.servers import IDENTITY_PROVIDER, KUBERNETES_API, PROBED_URLS, SERVERS
from stacks.settings.aws import IDENTITY_AGENT, TOKEN_SERVICE, Aws
from stacks.settings.schema import Settings

API_PORT = 6443
"""Where API servers listen on most clusters, behind port 443 of their Service; EKS's do on 443."""
AGENT_PORT = 80
AGENT_NETWORKS = ("169.254.170.23/32", "fd00:ec2::23/128")
"""Where the agent of EKS Pod Identity listens on each node, for IPv4 and for IPv6 clusters."""


def edges(settings: Settings) -> tuple[Edge, ...]:
    """Every connection inside the namespace, without duplicates."""
    return tuple(dict.fromkeys(_edges(settings)))


def _edges(settings: Settings) -> Iterator[Edge]:
    ports = {name: workload.port for name, workload in settings.workloads.items()}
    for server in SERVERS:
        # A pod may always reach itself.
        if server.name != prometheus.NAME or settings.prometheus.replicas > 1:
            yield Edge(source=prometheus.NAME, target=server.name, port=server.port)
            if server.has_reloader:
                yield Edge(source=prometheus.NAME, target=server.name, port=RELOADER_PORT)
    yield Edge(source=grafana.NAME, target=prometheus.NAME, port=prometheus.SERVER.port)
    for name, port in ports.items():
        yield Edge(source=prometheus.NAME, target=name, port=port)
        yield Edge(source=blackbox.NAME, target=name, port=port)
    for name, caller in (*settings.workloads.items(), *settings.cron_jobs.items()):
        for callee in caller.calls:
            yield Edge(source=name, target=callee, port=ports[callee])
    if webhook := settings.alertmanager.webhook:
        target = webhook.workload
        yield Edge(source=alertmanager.NAME, target=target, port=ports[target])
    if settings.alertmanager.replicas > 1:
        yield Edge(
            source=alertmanager.NAME,
            target=alertmanager.NAME,
            port=alertmanager.GOSSIP_PORT,
            protocols=("TCP", "UDP"),
        )


def departures(settings: Settings) -> tuple[Departure, ...]:
    """Every connection that leaves the namespace."""
    # Policies see a connection after the Service's port has become the API server's own.
    ports = (HTTPS_PORT,) if settings.cluster.eks else (HTTPS_PORT, API_PORT)
    return (
        *(
            Departure(source=source, destination=KUBERNETES_API, ports=ports)
            for source in (prometheus.NAME, kube_state_metrics.NAME)
        ),
        *(
            Departure(source=alertmanager.NAME, destination=channel)
            for channel in settings.alertmanager.channels_outside
        ),
        *_programs_departures(settings),
        *_probes_departures(settings),
        *(_aws_departures(settings.aws) if settings.aws else ()),
        *_sign_in(settings),
    )


def _programs_departures(settings: Settings) -> Iterator[Departure]:
    for source, program in (*settings.workloads.items(), *settings.cron_jobs.items()):
        for destination, host in program.outside.items():
            yield Departure(
                source=source,
                destination=destination,
                ports=(host.port,),
                networks=host.networks,
            )


def _probes_departures(settings: Settings) -> Iterator[Departure]:
    probes = settings.synthetics.probes.values()
    if ports := {port for probe in probes if (port := probe.port_outside)}:
        yield Departure(source=blackbox.NAME, destination=PROBED_URLS, ports=tuple(sorted(ports)))


def _aws_departures(aws: Aws) -> Iterator[Departure]:
    """The calls of AWS services, and where each caller gets its credentials."""
    calls = tuple(aws.calls)
    for source in dict.fromkeys(source for source, _ in calls):
        if aws.identity == "pod-identity":
            yield Departure(
                source=source,
                destination=IDENTITY_AGENT,
                ports=(AGENT_PORT,),
                networks=AGENT_NETWORKS,
            )
        else:
            yield Departure(source=source, destination=TOKEN_SERVICE)
    for source, service in calls:
        yield Departure(source=source, destination=service)


def _sign_in(settings: Settings) -> Iterator[Departure]:
    if oidc := settings.grafana.oidc:
        yield Departure(source=grafana.NAME, destination=IDENTITY_PROVIDER, ports=oidc.ports)


def arrivals(settings: Settings) -> tuple[Arrival, ...]:
    """Every connection that enters the namespace from outside the cluster."""
    if settings.grafana.is_internal:
        return ()
    ranges = settings.grafana.subnet_ranges
    return (Arrival(target=grafana.NAME, port=grafana.SERVER.port, source_ranges=ranges),)
