"""A cluster that lacks what a stack needs is refused at preview, before anything is declared."""

from collections.abc import Callable
from typing import Any

import pytest

from kubectl import Kubectl, KubectlError
from stacks.access import find_cluster
from stacks.preconditions import check_cluster
from tests.support.cluster import AGENT, FakeCluster, daemon_set
from tests.support.grafana import LOAD_BALANCER
from tests.support.recording import record, run_values, stack_values
from tests.support.refusals import changed_stack, cluster_refusals, read_configuration

OURS = "vaultmesh/test"
"""The identity of the stack that runs on the mocks."""
ARN = "arn:aws:eks:eu-west-1:000000000000:cluster/aurora-staging"
RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}
SHARED = {"createNamespace": False}


def namespace(owner: str | None, **metadata: Any) -> dict[str, Any]:
    annotations = {"annotations": {"vaultmesh.dev/stack": owner}} if owner else {}
    return {"metadata": {"name": "aurora-node", **annotations, **metadata}}


def fail(reason: str) -> Callable[[str], bytes]:
    def read(_: str) -> bytes:
        raise KubectlError(reason)

    return read


def test_a_cluster_that_gives_no_answer_is_reported_once_with_the_command_to_try() -> None:
    (line,) = cluster_refusals(fail("The connection to the server was refused"))
    assert line.startswith("vaultmesh:settings.cluster (Pulumi.")
    assert "can't be asked: The connection to the server was refused." in line
    assert "`kubectl --context vaultmesh-node get namespaces,storageclasses`" in line


def test_a_server_of_another_kind_is_reported() -> None:
    (line,) = cluster_refusals(lambda _: b"<html>")
    assert "can't be asked: the server does not speak the Kubernetes API." in line


def test_problems_of_cluster_and_settings_are_reported_together() -> None:
    values = changed_stack()
    values["vaultmesh:settings"]["prometheus"]["retention"] = "1h"
    cluster, retention = cluster_refusals(fail("Unauthorized"), values)
    assert "settings.cluster" in cluster and "settings.prometheus.retention" in retention


@pytest.mark.parametrize("owner", [None, "vaultmesh/other"])
def test_a_namespace_that_is_not_this_stacks_is_refused_with_the_command_that_hands_it_over(
    owner: str | None,
) -> None:
    (line,) = cluster_refusals(FakeCluster(namespace=namespace(owner)))
    assert line.startswith("vaultmesh:settings.namespace (Pulumi.")
    whose = f"belongs to the stack {owner}" if owner else "is not marked as this stack's"
    assert f"the namespace aurora-node exists and {whose}." in line
    assert (
        "`kubectl --context vaultmesh-node annotate --overwrite namespace aurora-node"
        f" vaultmesh.dev/stack={OURS}`" in line
    )


def test_the_program_marks_its_namespace_so_that_it_accepts_it_later() -> None:
    first = run_values(changed_stack())
    (made,) = first.all("Namespace")
    again = run_values(changed_stack(), cluster=FakeCluster(namespace=made))
    assert len(again.resources) == len(first.resources)


def test_a_namespace_that_is_being_deleted_is_refused() -> None:
    dying = namespace(OURS, deletionTimestamp="2026-11-25T00:00:00Z")
    (line,) = cluster_refusals(FakeCluster(namespace=dying))
    assert "is being deleted. Run the command again when it is gone." in line


def test_a_context_that_leads_to_another_server_is_refused_before_the_cluster_is_asked() -> None:
    cluster = {"context": "vaultmesh-node", "server": "https://192.0.2.1:6443/"}
    values = changed_stack(cluster=cluster)
    (line,) = cluster_refusals(fail("asked"), values, server="https://192.0.2.2:6443")
    assert line.startswith("vaultmesh:settings.cluster.server (Pulumi.")
    assert "the context vaultmesh-node points at https://192.0.2.2:6443. Correct the" in line
    (line,) = cluster_refusals(fail("asked"), values, server="https://192.0.2.1:6443")
    assert "can't be asked: asked" in line


def test_a_pod_security_version_that_the_server_is_too_old_for_is_refused() -> None:
    (line,) = cluster_refusals(FakeCluster(version="v1.9.11"))
    assert line.startswith("vaultmesh:settings.podSecurityVersion (Pulumi.")
    assert line.endswith("v1.34 is newer than the cluster, which is v1.9. Write v1.9.")
    for newer in ("v1.34.0", "v1.40.1-eks-1234567"):
        assert run_values(changed_stack(), cluster=FakeCluster(version=newer)).resources


def test_a_namespace_that_somebody_else_makes_must_exist() -> None:
    (line,) = cluster_refusals(FakeCluster(), changed_stack(**SHARED))
    assert line.startswith("vaultmesh:settings.namespace (Pulumi.")
    assert "aurora-node does not exist, and `createNamespace` is false. Make it." in line


def test_a_namespace_that_somebody_else_makes_needs_its_marks() -> None:
    values = changed_stack(**SHARED)
    mark, label = cluster_refusals(FakeCluster(namespace=namespace(None)), values)
    command = "`kubectl --context vaultmesh-node"
    annotation = f"vaultmesh.dev/stack={OURS}"
    assert f"{command} annotate --overwrite namespace aurora-node {annotation}`" in mark
    assert f"{command} label --overwrite namespace aurora-node" in label
    assert "pod-security.kubernetes.io/enforce=restricted`." in label
    half = FakeCluster(namespace=namespace(OURS, labels=RESTRICTED))
    values["vaultmesh:settings"]["grafana"] = LOAD_BALANCER
    (line,) = cluster_refusals(half, values)
    assert "namespace aurora-node elbv2.k8s.aws/pod-readiness-gate-inject=enabled`." in line


def test_in_a_namespace_that_somebody_else_makes_only_objects_are_put() -> None:
    marked = FakeCluster(namespace=namespace(OURS, labels=RESTRICTED))
    shared = run_values(changed_stack(**SHARED), cluster=marked)
    own = run_values(changed_stack())
    assert shared.all("Namespace") == []
    assert len(shared.resources) == len(own.resources) - 1
    (quota,) = shared.all("ResourceQuota")
    assert quota["metadata"]["namespace"] == "aurora-node"


@pytest.mark.parametrize("flags", [(), ("--enable-network-policy=false",)])
def test_an_eks_cluster_that_ignores_network_policies_is_refused(flags: tuple[str, ...]) -> None:
    cluster = FakeCluster(daemons=[daemon_set("aws-node", *flags), AGENT])
    (line,) = cluster_refusals(cluster, stack_values("staging"))
    assert line.startswith("vaultmesh:settings.cluster.eks (Pulumi.")
    assert "the cluster aurora-staging does not enforce network policies. Run `aws eks upd" in line
    assert """--configuration-values '{"enableNetworkPolicy": "true"}'`.""" in line


def test_eks_auto_mode_has_a_switch_for_network_policies() -> None:
    for switch in (None, {}, {"enable-network-policy-controller": "false"}):
        cluster = FakeCluster(daemons=[], cni=switch)
        (line,) = cluster_refusals(cluster, stack_values("staging"))
        assert 'Set `enable-network-policy-controller: "true"` in the ConfigMap amazon-vpc' in line
    on = FakeCluster(daemons=[], cni={"enable-network-policy-controller": "true"})
    assert run_values(stack_values("staging"), cluster=on).resources


def test_an_eks_cluster_without_the_agent_that_gives_pods_their_roles_is_refused() -> None:
    cluster = FakeCluster(daemons=[daemon_set("aws-node", "--enable-network-policy=true")])
    (line,) = cluster_refusals(cluster, stack_values("staging"))
    assert line.startswith("vaultmesh:settings.aws.identity (Pulumi.test.yaml): ")
    assert "--addon-name eks-pod-identity-agent`, or write irsa." in line
    values = stack_values("staging")
    values["vaultmesh:settings"]["aws"] = {"identity": "irsa"}
    assert run_values(values, cluster=cluster).resources


def test_network_policies_may_be_enforced_by_another_program() -> None:
    cluster = FakeCluster(daemons=[daemon_set("aws-node"), daemon_set("cilium"), AGENT])
    assert run_values(stack_values("staging"), cluster=cluster).resources


def test_an_eks_cluster_that_gives_no_answer_is_reported_with_the_command_to_try() -> None:
    unreachable = fail("Unable to connect to the server: dial tcp 192.0.2.1:443: i/o timeout")
    (line,) = cluster_refusals(unreachable, stack_values("staging"))
    assert "can't be asked: Unable to connect to the server: dial tcp 192.0.2.1:443: i/o" in line
    assert f"`kubectl --context {ARN} get namespaces,storageclasses`" in line


def test_every_cluster_is_asked_but_that_of_a_rehearsal(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, set[str]] = {}

    def ask(stack: str, **cluster: str) -> None:
        def read(kubectl: Kubectl, path: str) -> bytes:
            asked.setdefault(stack, set()).add(kubectl.options[0])
            return FakeCluster().read(path)

        monkeypatch.setattr("kubectl.Kubectl.read", read)
        values = stack_values(stack)
        values["vaultmesh:settings"]["cluster"] |= cluster

        def program() -> None:
            given = read_configuration(values)
            access = find_cluster(given.settings.cluster, given.aws_login, given.problems)
            check_cluster(given.settings, access, given.problems)

        record(program)

    for stack in ("local", "node", "staging"):
        ask(stack)
    ask("production", render="rendered/production")
    assert asked == {"node": {"--context"}, "staging": {"--kubeconfig"}}
