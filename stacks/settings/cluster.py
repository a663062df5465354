"""The section `cluster`: which cluster a stack is on."""

from typing import Annotated

from pydantic import model_validator

from components.values import EksName, Text, Value, WrongKeysError, matching
from stacks.images import NODE_CONTEXT

ServerUrl = Annotated[
    str, matching(r"https://[^\s/]+/?", "the address of an API server", "https://192.0.2.1:6443")
]


class Cluster(Value):
    """The cluster: an EKS name or a kubeconfig context.

    `server` is the address that the context must have, so that the same name in somebody else's
    kubeconfig can't lead to another cluster. With a folder, `render`, manifests are written into
    it, and no cluster is contacted. A folder needs no cluster. A rehearsal adds one to its copy of
    the settings.
    """

    eks: EksName | None = None
    context: Text | None = None
    server: ServerUrl | None = None
    render: Text | None = None

    @property
    def is_real(self) -> bool:
        """Whether the manifests are for a cluster whose nodes pull images, rehearsed or not.

        This machine's own node and a folder alone are no such cluster.
        """
        return bool(self.eks) or self.context not in (None, NODE_CONTEXT)

    @model_validator(mode="after")
    def _is_one_cluster(self) -> "Cluster":
        if (self.eks and self.context) or not (self.eks or self.context or self.render):
            raise ValueError("must name one cluster. Set eks, context or render.")
        if self.server and not self.context:
            raise WrongKeysError({"server": "only a context has one. Remove it, or set context."})
        return self
