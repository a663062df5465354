"""`python -m ops watch`: shows the pods, targets and alerts of a cluster until Ctrl-C."""

import sys
import time
from collections.abc import Sequence
from contextlib import closing

from kubectl import Kubectl
from ops.arguments import Parser, server_address, whole_number
from ops.http_api import ApiError
from ops.kubernetes_api import Kubernetes, Pod, prometheus_behind
from ops.live.observation import Observation
from ops.live.terminal import Screen, alert_lines, align_columns, rules_line, targets_line
from ops.prometheus_api import Prometheus
from problems import one_line

FINISHED = ("Succeeded", "Failed")


def main(arguments: Sequence[str]) -> int:
    """Show the table until Ctrl-C, which is no failure. Exit code: 0, or 2 for a wrong option."""
    options = _parser().parse_args(arguments)
    chosen = [f"--{key}={getattr(options, key)}" for key in ("kubeconfig", "context")]
    kubectl = Kubectl(tuple(option for option in chosen if not option.endswith("=None")))
    screen = Screen(sys.stdout)
    try:
        while True:
            screen.show_table(table(kubectl, options.namespace, options.prometheus))
            time.sleep(options.interval)
    except KeyboardInterrupt:
        return 0


def table(kubectl: Kubectl, namespace: str, prometheus: str | None) -> list[str]:
    """The lines of the table now; a server that can't be asked has a line with the reason.

    `prometheus` is a URL, or None for the Prometheus of the namespace.
    """
    try:
        with closing(Kubernetes(kubectl)) as kubernetes:
            headline, *rows = pod_lines(kubernetes.pods(namespace))
    except ApiError as error:
        headline, rows = f"pods: {one_line(str(error))}", []
        if prometheus is None:
            return [headline]
    client = Prometheus(prometheus) if prometheus else prometheus_behind(kubectl, namespace)
    try:
        with closing(client):
            seen = Observation(targets=client.targets(), groups=client.rules())
    except ApiError as error:
        return [headline, f"targets: {one_line(str(error))}", "", *rows]
    return [
        headline,
        targets_line(seen),
        rules_line(seen),
        *alert_lines(seen, "firing"),
        *alert_lines(seen, "pending"),
        "",
        *rows,
    ]


def pod_lines(pods: Sequence[Pod]) -> list[str]:
    """A line with numbers, then one for each pod that has not succeeded, ready ones last."""
    ended = [pod for pod in pods if pod.status.phase in FINISHED]
    running = [pod for pod in pods if pod.status.phase not in FINISHED]
    failed = [pod for pod in ended if pod.status.phase == "Failed"]
    ready = [pod for pod in running if pod.is_ready]
    unready = [pod for pod in running if not pod.is_ready]
    finished = f", {len(ended)} finished, {len(failed)} of them failed" if ended else ""
    rows = [
        [
            pod.metadata.name,
            f"{pod.ready_containers}/{len(pod.spec.containers)}",
            pod.state,
            f"restarts: {pod.restarts}" if pod.restarts else "",
        ]
        for pod in (*unready, *failed, *ready)
    ]
    return [f"pods: {len(ready)} of {len(running)} ready{finished}", *align_columns(rows)]


def _parser() -> Parser:
    parser = Parser(
        prog="python -m ops watch", description="Show pods, targets and alerts of a cluster."
    )
    parser.add_argument("--namespace", required=True, metavar="NAME", help="of the platform")
    parser.add_argument("--context", metavar="NAME", help="of the kubeconfig; default: the current")
    parser.add_argument("--kubeconfig", metavar="FILE", help="default: as kubectl finds it")
    parser.add_argument(
        "--prometheus",
        type=server_address,
        metavar="URL",
        help="ask this address; default: the Service, through the API server",
    )
    parser.add_argument(
        "--interval", type=whole_number(1, 3600), default=3, metavar="SECONDS", help="default: 3"
    )
    return parser
