"""The platform on a cluster, through the user's kubectl.

One `kubectl proxy` on a socket that only this user can open carries the requests to the API server,
so that the program that makes credentials runs once. Prometheus and Grafana are reached by
`kubectl port-forward`, which ends inside of the pod: the API server's own proxy comes from outside
of the nodes on EKS, where the policies stop it, and keeps the header Authorization for itself.
"""

import json
import re
import secrets
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from kubectl import Kubectl
from ops.grafana_api import Grafana
from ops.http_api import ApiError
from ops.kubernetes_api import Kubernetes, Pod
from ops.manifests import CronJob, Json
from ops.prometheus_api import Prometheus
from ops.verification import CONFIG_MAP, Verification
from problems import one_line

START_SECONDS = 30.0
EXEC_SECONDS = 90.0
JOB_SECONDS = 120
"""How long a pod that tries connections may take, with the pull of its image."""
KEPT_SECONDS = 60
"""After which the cluster removes such a pod, should this process be killed before."""
MARK = "vaultmesh.dev/verify"
ADMIN = "admin"
"""Grafana's user."""


class _Proxied(httpx.BaseTransport):
    """Sends requests through the socket of a `kubectl proxy`."""

    def __init__(self, socket: Path) -> None:
        self._inner = httpx.HTTPTransport(uds=str(socket))

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.url = request.url.copy_with(scheme="http")
        # The proxy refuses requests for other hosts.
        request.headers["Host"] = "localhost"
        return self._inner.handle_request(request)

    def close(self) -> None:
        self._inner.close()


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """One namespace of a cluster; `socket` is that of a `kubectl proxy`."""

    kubectl: Kubectl
    namespace: str
    socket: Path

    def pods(self) -> list[Pod]:
        """The namespace's pods. Raises ApiError."""
        with self._api() as api:
            return api.pods(self.namespace)

    def objects(self, group: str, kinds: str) -> dict[str, Json]:
        """The namespace's objects of one kind by name: `objects("apps/v1", "deployments")`.

        Raises ApiError.
        """
        with self._api() as api:
            answer = api.call("GET", f"/apis/{group}/namespaces/{self.namespace}/{kinds}")
            items = api.parse(list[dict[str, Any]], answer, "items")
        return {item["metadata"]["name"]: item for item in items}

    def execute(self, pod: str, container: str, command: Sequence[str]) -> Any:
        """Run a command in a container; returns the JSON that it prints. Raises ApiError."""
        where = [f"--namespace={self.namespace}", pod, f"--container={container}"]
        try:
            ended = subprocess.run(
                ["kubectl", *self.kubectl.options, "exec", *where, "--", *command],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=EXEC_SECONDS,
            )
        except subprocess.TimeoutExpired:
            raise ApiError(f"kubectl exec has not ended within {EXEC_SECONDS:g} s") from None
        if ended.returncode:
            raise ApiError(f"kubectl exec in {pod} failed: {one_line(ended.stderr)}")
        try:
            return json.loads(ended.stdout)
        except ValueError:
            raise ApiError(f"kubectl exec in {pod} printed no JSON") from None

    def run_as(self, job: CronJob, command: Sequence[str]) -> Any:
        """Run a command in a pod like those of a CronJob; returns the JSON that it prints.

        The pod's Job is removed afterwards. Raises ApiError.
        """
        name = f"{job.name[:40]}-verify-{secrets.token_hex(3)}"
        jobs = f"/apis/batch/v1/namespaces/{self.namespace}/jobs"
        with self._api() as api:
            api.call("POST", jobs, json=_job(name, job, command))
            try:
                return self._output(api, f"{jobs}/{name}", name)
            finally:
                api.call("DELETE", f"{jobs}/{name}", params={"propagationPolicy": "Background"})

    def _output(self, api: Kubernetes, path: str, name: str) -> Any:
        """The JSON that the Job's pod prints, once it has ended. Raises ApiError."""
        pods = f"/api/v1/namespaces/{self.namespace}/pods"
        deadline = time.monotonic() + JOB_SECONDS
        while time.monotonic() < deadline:
            status = api.call("GET", path).get("status", {})
            if status.get("succeeded"):
                chosen = {"labelSelector": f"batch.kubernetes.io/job-name={name}"}
                [pod] = api.call("GET", pods, params=chosen)["items"]
                return api.call("GET", f"{pods}/{pod['metadata']['name']}/log")
            if status.get("failed"):
                break
            time.sleep(0.5)
        found = [pod for pod in api.pods(self.namespace) if pod.metadata.name.startswith(name)]
        state = found[0].state if found else "no pod could be made; the events say why"
        raise ApiError(f"the Job {name} did not succeed: {state}")

    def record(self, result: Verification) -> None:
        """Leave the result in the namespace, in place of the last one. Raises ApiError."""
        path = f"/api/v1/namespaces/{self.namespace}/configmaps/{CONFIG_MAP}"
        with self._api() as api:
            api.call(
                "PATCH",
                path,
                params={"fieldManager": "vaultmesh-verify", "force": "true"},
                headers={"Content-Type": "application/apply-patch+yaml"},
                content=json.dumps(result.manifest()),
            )

    @contextmanager
    def _api(self) -> Iterator[Kubernetes]:
        with closing(Kubernetes(_Proxied(self.socket))) as api:
            yield api

    @contextmanager
    def prometheus(self, pod: str, port: int) -> Iterator[Prometheus]:
        """A client of the Prometheus in a pod. Raises ApiError."""
        with self.forward(pod, port) as address, closing(Prometheus(address)) as prometheus:
            yield prometheus

    @contextmanager
    def grafana(self, pod: str, port: int, password: str, domain: str) -> Iterator[Grafana]:
        """A client of the Grafana in a pod, signed in as its admin. Raises ApiError."""
        with (
            self.forward(pod, port) as address,
            closing(Grafana(address, domain, auth=httpx.BasicAuth(ADMIN, password))) as grafana,
        ):
            yield grafana

    @contextmanager
    def forward(self, pod: str, port: int) -> Iterator[str]:
        """The URL on this machine of a pod's port. Raises ApiError."""
        command = ["port-forward", f"--namespace={self.namespace}", f"pod/{pod}", f":{port}"]
        with _started(self.kubectl, command, r"Forwarding from (127\.0\.0\.1:\d+)") as address:
            yield f"http://{address}"


@contextmanager
def open_cluster(kubectl: Kubectl, namespace: str, folder: Path) -> Iterator[Cluster]:
    """The namespace, through a `kubectl proxy` with a socket in the folder. Raises ApiError."""
    socket = folder / "proxy"
    command = ["proxy", f"--unix-socket={socket}"]
    with _started(kubectl, command, "(Starting to serve)"):
        yield Cluster(kubectl=kubectl, namespace=namespace, socket=socket)


@contextmanager
def _started(kubectl: Kubectl, arguments: Sequence[str], pattern: str) -> Iterator[str]:
    """Run kubectl until the end of the block; yields what the pattern finds in a line of it.

    Raises ApiError with its last line if it ends without such a line, or takes too long.
    """
    try:
        process = subprocess.Popen(
            ["kubectl", *kubectl.options, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
    except FileNotFoundError:
        raise ApiError("kubectl is not on the PATH") from None
    late = threading.Timer(START_SECONDS, process.kill)
    late.start()
    with process:
        try:
            line, found = f"it printed nothing within {START_SECONDS:g} s", None
            for line in process.stdout or ():
                if found := re.search(pattern, line):
                    break
            if not found:
                raise ApiError(f"kubectl {arguments[0]} failed: {one_line(line)}")
            late.cancel()
            yield found[1]
        finally:
            late.cancel()
            process.kill()


def _job(name: str, job: CronJob, command: Sequence[str]) -> Mapping[str, Any]:
    """A Job with the pod template of a CronJob, but for the command."""
    spec = job.pod["spec"]
    container = {**spec["containers"][0], "command": list(command)}
    labels = {**job.pod["metadata"]["labels"], MARK: "true"}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "activeDeadlineSeconds": JOB_SECONDS,
            "backoffLimit": 0,
            "ttlSecondsAfterFinished": KEPT_SECONDS,
            "template": {
                "metadata": {"labels": labels},
                "spec": {**spec, "containers": [container]},
            },
        },
    }
