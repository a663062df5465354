"""The servers that every environment has in addition to its workloads."""

from components import alertmanager, blackbox, grafana, kube_state_metrics, prometheus
from components.channels import CHANNELS
from components.kit import RELOADER

SERVERS = (
    prometheus.SERVER,
    alertmanager.SERVER,
    blackbox.SERVER,
    grafana.SERVER,
    kube_state_metrics.SERVER,
)
"""In the order of their scrape jobs in prometheus.yml."""

KUBERNETES_API = "kubernetes-api"
IDENTITY_PROVIDER = "identity-provider"
PROBED_URLS = "probed-urls"
RESERVED = frozenset(
    {
        *(server.name for server in SERVERS),
        grafana.LOAD_BALANCER,
        *CHANNELS,
        KUBERNETES_API,
        IDENTITY_PROVIDER,
        PROBED_URLS,
        RELOADER,
        # Kubernetes makes a ServiceAccount of this name.
        "default",
    }
)
"""Names that workloads cannot have: jobs and Services of servers, destinations of connections."""
