"""Reaches the stack's cluster: an EKS cluster, a kubeconfig context, or a folder of manifests."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from tempfile import NamedTemporaryFile

import pulumi
import pulumi_kubernetes as kubernetes

from kubectl import Kubectl
from problems import Problems
from stacks.settings.aws_login import AwsLogin
from stacks.settings.cluster import Cluster


@dataclass(frozen=True, kw_only=True)
class Access:
    """How a cluster is reached.

    `identifier` stays the same as long as it is the same cluster. `kubeconfig` is the text of one,
    without credentials; None means the user's own, and its `context`. `kubectl` is the command that
    an operator types.
    """

    kubectl: Kubectl
    identifier: str | None
    kubeconfig: str | None = None
    context: str | None = None

    @contextmanager
    def client(self) -> Iterator[Kubectl]:
        """Kubectl for this cluster, as long as the context lasts."""
        if self.kubeconfig is None:
            yield self.kubectl
            return
        # Created for its owner alone, which keeps others from changing the command in it.
        with NamedTemporaryFile("w", suffix=".kubeconfig", encoding="utf-8") as file:
            file.write(self.kubeconfig)
            file.flush()
            yield Kubectl(("--kubeconfig", file.name))


def find_cluster(cluster: Cluster, login: AwsLogin, problems: Problems) -> Access | None:
    """How the stack's cluster is reached; None if it is rendered, or after reporting why not."""
    if cluster.render:
        return None
    if cluster.eks:
        return _find_eks(cluster.eks, login, problems)
    options = ("--context", str(cluster.context))
    return Access(kubectl=Kubectl(options), context=cluster.context, identifier=cluster.server)


def kubernetes_provider(cluster: Cluster, access: Access | None) -> kubernetes.Provider:
    """The provider of every Kubernetes resource; with a folder, it renders manifests into it.

    ConfigMaps and Secrets are changed in place, never replaced: a replacement would remove the
    mounted configuration from running pods. All resources are replaced if the cluster is another
    one by its identifier, and none if only its address or the way to sign in changes.
    """
    if access is None:
        # The provider warns about each Secret. The settings refuse to render a real one.
        pulumi.log.info(f"every secret in {cluster.render} is made up")
    return kubernetes.Provider(
        "cluster",
        # Without a value, the SDK takes the variable KUBECONFIG, and the provider that renders
        # refuses both.
        kubeconfig=access.kubeconfig if access else "",
        context=access.context if access else None,
        cluster_identifier=access.identifier if access else None,
        render_yaml_to_directory=cluster.render,
        enable_config_map_mutable=True,
        enable_secret_mutable=True,
    )


def _find_eks(name: str, login: AwsLogin, problems: Problems) -> Access | None:
    """Look up the EKS cluster called `name`, at preview too."""
    # Imported here because the import takes a second, and only stacks on EKS need it.
    from pulumi_aws import eks

    place = "vaultmesh:settings.cluster.eks"
    try:
        found = eks.get_cluster(name=name)
    except Exception as error:  # The SDK raises no narrower one for a failed look-up.
        text = f"AWS can't be asked for the cluster {name}: {error}"
        advice = "Correct the name or aws:region, or sign in to AWS."
        problems.add(place, 0, f"{text.rstrip('. ')}. {advice}")
        return None
    if not found.certificate_authorities:
        text = f"the cluster {name} is {found.status}. Run the command again when it is ACTIVE."
        problems.add(place, 0, text)
        return None
    authority = found.certificate_authorities[0].data
    return Access(
        # The context that `aws eks update-kubeconfig` makes.
        kubectl=Kubectl(("--context", found.arn)),
        identifier=found.arn,
        kubeconfig=_kubeconfig(name, found.arn, found.endpoint, authority, login),
    )


def _kubeconfig(name: str, arn: str, endpoint: str, authority: str, login: AwsLogin) -> str:
    """A kubeconfig without credentials, as JSON.

    Clients run `aws eks get-token`, which makes a short-lived token from the caller's own
    credentials. The region comes from the fourth field of the ARN.
    """
    region = arn.split(":")[3]
    get_token = ["eks", "get-token", "--cluster-name", name, "--region", region, *login.options]
    login_command = {
        "apiVersion": "client.authentication.k8s.io/v1beta1",
        "command": "aws",
        "args": get_token,
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
            "users": [{"name": name, "user": {"exec": login_command}}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
            "current-context": name,
        }
    )
