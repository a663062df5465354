"""The edges of the architecture picture, worked out from the settings."""

from collections.abc import Iterator

from components import alertmanager, blackbox, grafana, kube_state_metrics, prometheus
from components.network import Arrival, Departure, Edge
from stacks.settings.schema import Settings


def edges(settings: Settings) -> tuple[Edge, ...]:
    """Every connection inside the namespace, each once."""
    return tuple(dict.fromkeys(_edges(settings)))


def _edges(settings: Settings) -> Iterator[Edge]:
    for name, workload in settings.workloads.items():
        yield Edge(source=prometheus.NAME, target=name, port=workload.port)
        yield Edge(source=blackbox.NAME, target=name, port=workload.port)
    for name, caller in (*settings.workloads.items(), *settings.cron_jobs.items()):
        for callee in caller.calls:
            yield Edge(source=name, target=callee, port=settings.workloads[callee].port)
    yield Edge(source=prometheus.NAME, target=alertmanager.NAME, port=alertmanager.PORT)
    yield Edge(source=prometheus.NAME, target=grafana.NAME, port=grafana.PORT)
    yield Edge(source=prometheus.NAME, target=blackbox.NAME, port=blackbox.PORT)
    yield Edge(source=grafana.NAME, target=prometheus.NAME, port=prometheus.PORT)
    yield Edge(source=prometheus.NAME, target=kube_state_metrics.NAME, port=kube_state_metrics.PORT)
    if settings.prometheus.replicas > 1:
        yield Edge(source=prometheus.NAME, target=prometheus.NAME, port=prometheus.PORT)
    if settings.alertmanager.replicas > 1:
        yield Edge(
            source=alertmanager.NAME,
            target=alertmanager.NAME,
            port=alertmanager.GOSSIP_PORT,
            protocols=("TCP", "UDP"),
        )
    if webhook := settings.alertmanager.webhook:
        port = settings.workloads[webhook.workload].port
        yield Edge(source=alertmanager.NAME, target=webhook.workload, port=port)


def departures(settings: Settings) -> tuple[Departure, ...]:
    """Every connection that leaves the namespace."""
    routes = settings.alertmanager.routes.by_severity().values()
    outside = [route.channel for route in routes if route.channel != "webhook"]
    if settings.alertmanager.heartbeat.outside:
        outside.append("heartbeat")
    return (
        Departure(source=prometheus.NAME, destination="kubernetes-api"),
        Departure(source=kube_state_metrics.NAME, destination="kubernetes-api"),
        *(
            Departure(source=alertmanager.NAME, destination=destination)
            for destination in dict.fromkeys(outside)
        ),
    )


def arrivals(settings: Settings) -> tuple[Arrival, ...]:
    """Every connection that enters the namespace from outside the cluster."""
    if settings.grafana.exposure == "internal":
        return ()
    ranges = settings.grafana.subnet_ranges
    return (Arrival(target=grafana.NAME, port=grafana.PORT, source_ranges=ranges),)
