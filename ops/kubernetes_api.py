"""The Kubernetes API, read through kubectl: pods, and the Prometheus in a pod."""

from typing import Annotated, Any

import httpx
from pydantic import Field

from kubectl import LIMIT_SECONDS, Kubectl, KubectlError, NotFoundError
from ops.http_api import Answer, ApiError, EmptyIfNull, HttpApi, Labels
from ops.manifests import NAME_LABEL
from ops.prometheus_api import Prometheus

NOT_FOUND = 404


class KubectlTransport(httpx.BaseTransport):
    """Sends GET requests by `kubectl get --raw`, with `prefix` before each path."""

    def __init__(self, kubectl: Kubectl, prefix: str = "") -> None:
        self._kubectl, self._prefix = kubectl, prefix

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer with what kubectl reads. Raises httpx.ConnectError with kubectl's reason."""
        try:
            body = self._kubectl.read(self._prefix + request.url.raw_path.decode())
        except NotFoundError as error:
            return httpx.Response(404, json={"message": str(error)})
        except KubectlError as error:
            raise httpx.ConnectError(str(error), request=request) from None
        return httpx.Response(200, content=body)


class Reason(Answer):
    """Why a container does not run."""

    reason: str = ""


class ContainerState(Answer):
    """The state of a container; both are None while it runs."""

    waiting: Reason | None = None
    terminated: Reason | None = None


class ContainerStatus(Answer):
    """A container of a pod, as the kubelet sees it."""

    name: str
    ready: bool
    restart_count: int
    state: ContainerState = ContainerState()


class Condition(Answer):
    """A condition of a pod, such as PodScheduled; `status` is True, False or Unknown."""

    type: str
    status: str
    message: str = ""


class PodStatus(Answer):
    """A pod's status; `phase` is Pending, Running, Succeeded, Failed or Unknown."""

    phase: str
    pod_ip: str = Field(default="", alias="podIP")
    conditions: Annotated[list[Condition], EmptyIfNull] = Field(default_factory=list)
    container_statuses: Annotated[list[ContainerStatus], EmptyIfNull] = Field(default_factory=list)


class PodSpec(Answer):
    """The containers that a pod should have."""

    containers: list[dict[str, Any]]


class Metadata(Answer):
    """A pod's name and labels, and when it was told to end."""

    name: str
    labels: Labels = Field(default_factory=dict)
    deletion_timestamp: str | None = None


class Pod(Answer):
    """A pod."""

    metadata: Metadata
    spec: PodSpec
    status: PodStatus

    @property
    def workload(self) -> str:
        """The name of the workload or CronJob whose pod it is; empty for other pods."""
        return self.metadata.labels.get(NAME_LABEL, "")

    @property
    def is_ready(self) -> bool:
        """Whether all containers are ready."""
        return self.ready_containers == len(self.spec.containers)

    @property
    def ready_containers(self) -> int:
        """The number of containers that are ready."""
        return sum(status.ready for status in self.status.container_statuses)

    @property
    def restarts(self) -> int:
        """How often containers were restarted."""
        return sum(status.restart_count for status in self.status.container_statuses)

    @property
    def state(self) -> str:
        """The phase, or what keeps the pod from running: `CrashLoopBackOff (grafana)`."""
        if self.metadata.deletion_timestamp:
            return "Terminating"
        for status in self.status.container_statuses:
            stopped = status.state.waiting or status.state.terminated
            if stopped and self.status.phase != "Succeeded":
                return f"{stopped.reason} ({status.name})"
        for condition in self.status.conditions:
            if condition.type == "PodScheduled" and condition.status == "False":
                return f"{self.status.phase}: {condition.message}"
        return self.status.phase


class Kubernetes(HttpApi):
    """A client of the cluster's API."""

    name = "Kubernetes"

    def __init__(self, transport: httpx.BaseTransport, **options: Any) -> None:
        """`transport` leads to the API server; the time limit is kubectl's own, which is longer."""
        options.setdefault("timeout", LIMIT_SECONDS)
        super().__init__("https://kubernetes.default.svc", transport=transport, **options)

    def pods(self, namespace: str) -> list[Pod]:
        """The pods of a namespace, by name. Raises ApiError."""
        answer = self.call("GET", f"/api/v1/namespaces/{namespace}/pods")
        return self.parse(list[Pod], answer, "items")

    def config_map(self, namespace: str, name: str) -> dict[str, str] | None:
        """The data of a ConfigMap; None if there is none. Raises ApiError."""
        try:
            answer = self.call("GET", f"/api/v1/namespaces/{namespace}/configmaps/{name}")
        except ApiError as error:
            if error.status == NOT_FOUND:
                return None
            raise
        return self.parse(dict[str, str], answer, "data")


def prometheus_in(kubectl: Kubectl, namespace: str, pod: str) -> Prometheus:
    """The Prometheus in a pod, through the API server's proxy; it can't send queries.

    The proxy takes the first port of the first container.
    """
    transport = KubectlTransport(kubectl, f"/api/v1/namespaces/{namespace}/pods/{pod}/proxy")
    return Prometheus(f"http://{pod}.{namespace}", transport=transport, timeout=LIMIT_SECONDS)
