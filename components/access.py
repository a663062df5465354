"""What pods may read of the Kubernetes API: objects of their own namespace, and nothing else."""

from collections.abc import Sequence

import pulumi
from pulumi_kubernetes.core import v1 as core
from pulumi_kubernetes.rbac import v1 as rbac

from components.pods import metadata


def allow(
    name: str,
    namespace: pulumi.Input[str],
    account: core.ServiceAccount,
    rules: Sequence[rbac.PolicyRuleArgs],
    opts: pulumi.ResourceOptions,
) -> None:
    """A Role called `name` with these rules, given to the account of the pods of that name."""
    role = rbac.Role(name, metadata=metadata(name, namespace), rules=list(rules), opts=opts)
    rbac.RoleBinding(
        name,
        metadata=metadata(name, namespace),
        role_ref=rbac.RoleRefArgs(
            api_group="rbac.authorization.k8s.io", kind="Role", name=role.metadata.name
        ),
        subjects=[
            rbac.SubjectArgs(kind="ServiceAccount", name=account.metadata.name, namespace=namespace)
        ],
        opts=opts,
    )
