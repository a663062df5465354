"""How the cluster is reached: through EKS, a kubeconfig context, or not at all (a folder)."""

import json

import pulumi
import pulumi_kubernetes as kubernetes

from stacks.settings.schema import Cluster


def kubernetes_provider(cluster: Cluster) -> kubernetes.Provider:
    """The provider of every Kubernetes resource.

    ConfigMaps and Secrets are changed in place, never replaced: a rule edit must not take the
    mounted configuration away from a running pod.
    """
    return kubernetes.Provider(
        "cluster",
        kubeconfig=_eks_kubeconfig(cluster.eks) if cluster.eks else None,
        context=cluster.context,
        render_yaml_to_directory=cluster.render,
        enable_config_map_mutable=True,
        enable_secret_mutable=True,
    )


def _eks_kubeconfig(name: str) -> pulumi.Output[str]:
    """A kubeconfig for the EKS cluster called `name`, without any credential in it.

    `aws eks get-token` makes a short-lived token whenever one is needed, from whatever
    credentials the caller has.
    """
    # Imported here because it takes a second that stacks without EKS need not spend.
    from pulumi_aws import eks

    found = eks.get_cluster_output(name=name)
    return pulumi.Output.all(
        arn=found.arn, endpoint=found.endpoint, authorities=found.certificate_authorities
    ).apply(
        lambda cluster: _kubeconfig(
            name, cluster["arn"], cluster["endpoint"], cluster["authorities"][0]["data"]
        )
    )


def _kubeconfig(name: str, arn: str, endpoint: str, authority: str) -> str:
    """The kubeconfig as JSON; the fourth field of an EKS ARN is the region."""
    region = arn.split(":")[3]
    login = {
        "apiVersion": "client.authentication.k8s.io/v1beta1",
        "command": "aws",
        "args": ["eks", "get-token", "--cluster-name", name, "--region", region],
        "interactiveMode": "Never",
    }
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {
                    "name": name,
                    "cluster": {"server": endpoint, "certificate-authority-data": authority},
                }
            ],
            "users": [{"name": name, "user": {"exec": login}}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
            "current-context": name,
        }
    )
