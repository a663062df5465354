"""Which components one environment has, and what flows between them."""

from pulumi import ResourceOptions

from components.namespace import Namespace, NamespaceArgs
from components.network import Network, NetworkArgs
from stacks.cluster import kubernetes_provider
from stacks.connections import arrivals, departures, edges
from stacks.content import compose
from stacks.outputs import Outputs, outputs
from stacks.servers import servers
from stacks.services import cron_jobs, workloads
from stacks.settings import Configuration
from stacks.settings.schema import Quota


def build(configuration: Configuration) -> Outputs:
    """Declare the whole platform, and say where to find it.

    Raises SystemExit before anything is declared if the rules or dashboards are refused.
    """
    settings = configuration.settings
    content = compose(settings)
    opts = ResourceOptions(providers=[kubernetes_provider(settings.cluster)])
    namespace = Namespace(
        NamespaceArgs(
            name=settings.namespace,
            pod_security_version=settings.pod_security_version,
            quota=_quota(settings.quota),
        ),
        opts,
    ).name
    Network(
        NetworkArgs(
            namespace=namespace,
            edges=edges(settings),
            departures=departures(settings),
            arrivals=arrivals(settings),
        ),
        opts,
    )
    urls = {
        **servers(configuration, content, namespace, opts),
        **workloads(configuration, namespace, opts),
    }
    cron_jobs(configuration, namespace, opts)
    return outputs(settings, namespace, urls)


def _quota(quota: Quota) -> dict[str, str]:
    return {
        "pods": str(quota.pods),
        "requests.cpu": quota.cpu,
        "requests.memory": quota.memory,
        "limits.memory": quota.memory_limit,
    }
