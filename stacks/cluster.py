"""The Kubernetes provider: for an EKS cluster, a kubeconfig context, or a folder of manifests."""

import json

import pulumi
import pulumi_kubernetes as kubernetes

from stacks.settings.schema import Cluster


def kubernetes_provider(cluster: Cluster) -> kubernetes.Provider:
    """The provider of every Kubernetes resource; with a folder, it renders manifests into it.

    ConfigMaps and Secrets are changed in place, never replaced: a replacement would remove the
    mounted configuration from running pods.
    """
    kubeconfig: pulumi.Input[str] | None = None
    if cluster.render:
        # The provider warns about each Secret. The settings refuse to render a real one.
        pulumi.log.info(f"every secret in {cluster.render} is made up")
        # Without a value, the SDK takes the variable KUBECONFIG, and the provider refuses both.
        kubeconfig = ""
    elif cluster.eks:
        kubeconfig = _eks_kubeconfig(cluster.eks)
    return kubernetes.Provider(
        "cluster",
        kubeconfig=kubeconfig,
        context=None if cluster.render else cluster.context,
        render_yaml_to_directory=cluster.render,
        enable_config_map_mutable=True,
        enable_secret_mutable=True,
    )


def _eks_kubeconfig(name: str) -> pulumi.Output[str]:
    """A kubeconfig without credentials for the EKS cluster called `name`.

    Clients run `aws eks get-token`, which makes a short-lived token from the caller's own
    credentials.
    """
    # Imported here because the import takes a second, and only stacks on EKS need it.
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
    """The kubeconfig as JSON. It takes the region from the fourth field of the ARN."""
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
