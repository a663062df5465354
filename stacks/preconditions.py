"""Asks the cluster what a stack needs of it, before anything is declared."""

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pulumi

from components.namespace import ENFORCE_LABEL, LEVEL, STACK_ANNOTATION
from kubectl import Kubectl, KubectlError, NotFoundError
from problems import Problems
from stacks.access import Access
from stacks.settings.cluster import Cluster
from stacks.settings.schema import Settings
from stacks.volumes import Object, Volumes, check_volumes

_SETTINGS = "vaultmesh:settings"
_ENFORCERS = {"cilium", "calico-node", "canal", "kube-router", "antrea-agent"}
"""DaemonSets of other programs that enforce network policies."""
_CNI, _CNI_AGENT, _CNI_FLAG = "aws-node", "aws-eks-nodeagent", "--enable-network-policy=true"
_IDENTITY_AGENT = "eks-pod-identity-agent"
_CNI_SETTINGS, _CNI_SWITCH = "amazon-vpc-cni", "enable-network-policy-controller"


def stack_identity() -> str:
    """The running stack as its namespace's annotation names it: "vaultmesh/staging"."""
    return f"{pulumi.get_project()}/{pulumi.get_stack()}"


def check_cluster(settings: Settings, access: Access | None, problems: Problems) -> None:
    """Report what the cluster lacks for these settings; does nothing if it can't be asked.

    "What you need" in docs/operations.md lists the permissions that this needs.
    """
    if access is None:
        return
    try:
        with access.client() as kubectl:
            if _is_another(settings.cluster, kubectl, problems):
                return
            answers = _ask(settings, kubectl)
    except KubectlError as error:
        problems.add(
            f"{_SETTINGS}.cluster",
            0,
            f"the cluster can't be asked: {error}. Make"
            f" `{access.kubectl.command} get namespaces,storageclasses` work first.",
        )
        return
    _check_version(settings.pod_security_version, answers["version"], problems)
    _check_namespace(settings, answers["namespace"], access.kubectl.command, problems)
    if settings.cluster.eks:
        switch = answers["cni"] or {}
        daemons = answers["daemons"]["items"]
        _check_policies(settings.cluster.eks, daemons, switch, problems)
        if settings.aws and [*settings.aws.calls] and settings.aws.identity == "pod-identity":
            _check_identity_agent(settings.cluster.eks, daemons, problems)
    volumes = Volumes(
        classes=answers["classes"]["items"],
        drivers=answers["drivers"]["items"] if settings.ebs_volumes else (),
        claims=answers["claims"]["items"],
        stateful_sets=answers["sets"]["items"],
    )
    check_volumes(settings, volumes, problems)


def _is_another(cluster: Cluster, kubectl: Kubectl, problems: Problems) -> bool:
    """Whether the context leads to another server than the settings expect; reports it."""
    if cluster.server is None:
        return False
    found, expected = kubectl.server().rstrip("/"), cluster.server.rstrip("/")
    if found != expected:
        text = f"the context {cluster.context} points at {found}. Correct the context or the key."
        problems.add(f"{_SETTINGS}.cluster.server", 0, text)
    return found != expected


def _ask(settings: Settings, kubectl: Kubectl) -> Mapping[str, Any]:
    """The cluster's answers by subject; None where there is no such object.

    All questions at once: on EKS, each one needs a token first, which takes about a second.
    """
    namespace = f"namespaces/{settings.namespace}"
    paths = {
        "version": "/version",
        "namespace": f"/api/v1/{namespace}",
        "claims": f"/api/v1/{namespace}/persistentvolumeclaims",
        "sets": f"/apis/apps/v1/{namespace}/statefulsets",
        "classes": "/apis/storage.k8s.io/v1/storageclasses",
    }
    if settings.ebs_volumes:
        paths["drivers"] = "/apis/storage.k8s.io/v1/csidrivers"
    if settings.cluster.eks:
        paths["daemons"] = "/apis/apps/v1/daemonsets"
        paths["cni"] = f"/api/v1/namespaces/kube-system/configmaps/{_CNI_SETTINGS}"

    def ask(path: str) -> Object | None:
        try:
            return kubectl.get(path)
        except NotFoundError:
            return None

    with ThreadPoolExecutor() as pool:
        return dict(zip(paths, pool.map(ask, paths.values()), strict=True))


def _check_version(label: str, version: Object, problems: Problems) -> None:
    """Report a version of Pod Security that the server is too old to know."""
    server = version["gitVersion"].split(".")[:2]
    if _minor(label) > _minor(server[1]):
        found = ".".join(server)
        text = f"{label} is newer than the cluster, which is {found}. Write {found}."
        problems.add(f"{_SETTINGS}.podSecurityVersion", 0, text)


def _minor(version: str) -> int:
    return int(version.rpartition(".")[2])


def _check_namespace(
    settings: Settings, namespace: Object | None, kubectl: str, problems: Problems
) -> None:
    """Report a namespace of somebody else, one that goes, and one that nobody has made."""
    name, identity, place = settings.namespace, stack_identity(), f"{_SETTINGS}.namespace"
    annotate = f"{kubectl} annotate --overwrite namespace {name} {STACK_ANNOTATION}={identity}"
    if namespace is None:
        if not settings.create_namespace:
            text = f"the namespace {name} does not exist, and `createNamespace` is false. Make it."
            problems.add(place, 0, text)
        return
    metadata = namespace["metadata"]
    owner = metadata.get("annotations", {}).get(STACK_ANNOTATION)
    if "deletionTimestamp" in metadata:
        text = f"the namespace {name} is being deleted. Run the command again when it is gone."
        problems.add(place, 0, text)
    elif owner != identity:
        whose = f"belongs to the stack {owner}" if owner else "is not marked as this stack's"
        problems.add(
            place,
            0,
            f"the namespace {name} exists and {whose}. Choose another name; or, if this stack may"
            f" change it and `destroy` may delete it, run `{annotate}`."
            if settings.create_namespace
            else f"the namespace {name} {whose}. If this stack may put its objects there, run"
            f" `{annotate}`.",
        )
    needed = {ENFORCE_LABEL: LEVEL, **settings.grafana.namespace_labels}
    there = metadata.get("labels", {})
    lacking = [f"{key}={value}" for key, value in needed.items() if there.get(key) != value]
    if lacking and not settings.create_namespace:
        label = f"{kubectl} label --overwrite namespace {name} {' '.join(lacking)}"
        text = f"the namespace {name} lacks labels that the stack needs. Run `{label}`."
        problems.add(place, 0, text)


def _check_policies(
    cluster: str, daemons: Iterable[Object], switch: Object, problems: Problems
) -> None:
    """Report an EKS cluster that ignores network policies without a word.

    The VPC CNI enforces them only if its agent is told to. EKS Auto Mode has no DaemonSet of it,
    but a switch in a ConfigMap.
    """
    found = {daemon["metadata"]["name"]: daemon["spec"] for daemon in daemons}
    if _ENFORCERS & found.keys():
        return
    if _CNI in found:
        flags = [
            flag
            for container in found[_CNI]["template"]["spec"]["containers"]
            if container["name"] == _CNI_AGENT
            for flag in container.get("args", [])
        ]
        enforced = _CNI_FLAG in flags
        remedy = (
            f"Run `aws eks update-addon --cluster-name {cluster} --addon-name vpc-cni"
            """ --configuration-values '{"enableNetworkPolicy": "true"}'`."""
        )
    else:
        enforced = switch.get("data", {}).get(_CNI_SWITCH) == "true"
        remedy = f'Set `{_CNI_SWITCH}: "true"` in the ConfigMap {_CNI_SETTINGS} of kube-system.'
    if not enforced:
        text = f"the cluster {cluster} does not enforce network policies. {remedy}"
        problems.add(f"{_SETTINGS}.cluster.eks", 0, text)


def _check_identity_agent(cluster: str, daemons: Iterable[Object], problems: Problems) -> None:
    """Report an EKS cluster whose pods would get no credentials; EKS Auto Mode has the agent."""
    names = {daemon["metadata"]["name"] for daemon in daemons}
    if _CNI in names and _IDENTITY_AGENT not in names:
        problems.add(
            f"{_SETTINGS}.aws.identity",
            0,
            f"the cluster {cluster} has no Pod Identity agent. Run `aws eks create-addon"
            f" --cluster-name {cluster} --addon-name {_IDENTITY_AGENT}`, or write irsa.",
        )
