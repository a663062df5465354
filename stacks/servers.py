"""The servers that every environment has beside its workloads."""

from components import alertmanager, blackbox, grafana, kube_state_metrics, prometheus
from components.channels import CHANNELS

SERVERS = (
    prometheus.SERVER,
    alertmanager.SERVER,
    blackbox.SERVER,
    grafana.SERVER,
    kube_state_metrics.SERVER,
)
"""In the order in which Prometheus lists their scrape jobs."""

KUBERNETES_API = "kubernetes-api"
RESERVED = frozenset({*(server.name for server in SERVERS), *CHANNELS, KUBERNETES_API})
"""Names that workloads cannot have: those of servers, and those of other ends of connections."""
