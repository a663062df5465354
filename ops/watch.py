"""`python -m ops watch`: shows the pods, targets and alerts of a cluster until Ctrl-C."""

import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from types import MappingProxyType
from typing import Any

from kubectl import Kubectl
from ops.arguments import Parser, server_address, whole_number
from ops.http_api import ApiError
from ops.http_config import OPTION, add_http_config
from ops.kubernetes_api import KubectlTransport, Kubernetes, Pod, prometheus_in
from ops.live.observation import Observation
from ops.live.terminal import Screen, alert_lines, align_columns, rules_line, targets_line
from ops.prometheus_api import ActiveAlert, Prometheus, Rule
from problems import one_line

FINISHED = ("Succeeded", "Failed")
PROMETHEUS = "prometheus-server-"
"""How the names of Prometheus' pods begin."""


def main(arguments: Sequence[str]) -> int:
    """Show the table until Ctrl-C, which is no failure. Exit code: 0, or 2 for a wrong option."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.http_config_file and not options.prometheus:
        parser.error(f"{OPTION} is for the server of --prometheus. Add its address.")
    chosen = {"kubeconfig": options.kubeconfig, "context": options.context}
    kubectl = Kubectl(tuple(f"--{key}={value}" for key, value in chosen.items() if value))
    screen = Screen(sys.stdout)
    try:
        while True:
            screen.show_table(
                table(kubectl, options.namespace, options.prometheus, options.http_config_file)
            )
            time.sleep(options.interval)
    except KeyboardInterrupt:
        return 0


def table(
    kubectl: Kubectl,
    namespace: str,
    prometheus: str | None,
    http_config: Mapping[str, Any] = MappingProxyType({}),
) -> list[str]:
    """The lines of the table now; a server that can't be asked has a line with the reason.

    `prometheus` is a URL, or None for every Prometheus of the namespace: the Service would ask a
    different one each time, and they may differ. `http_config` goes with a URL.
    """
    clients = {"prometheus": Prometheus(prometheus, **http_config)} if prometheus else {}
    try:
        with closing(Kubernetes(KubectlTransport(kubectl))) as kubernetes:
            pods = kubernetes.pods(namespace)
        headline, *rows = pod_lines(pods)
        if not prometheus:
            names = [pod.metadata.name for pod in pods if pod.metadata.name.startswith(PROMETHEUS)]
            clients = {name: prometheus_in(kubectl, namespace, name) for name in names}
    except ApiError as error:
        headline, rows = f"pods: {one_line(str(error))}", []
    lines, views = [headline], []
    for name, client in clients.items():
        try:
            with closing(client):
                seen = Observation(targets=client.targets(), groups=client.rules())
            lines += [f"{name}: {targets_line(seen)}", f"{name}: {rules_line(seen)}"]
            views.append(seen)
        except ApiError as error:
            lines.append(f"{name}: {one_line(str(error))}")
    for state in ("firing", "pending") if views else ():
        lines += alert_lines(state, _alerts(views, state))
    return [*lines, "", *rows] if rows else lines


def _alerts(views: Sequence[Observation], state: str) -> Iterable[tuple[Rule, ActiveAlert]]:
    """The alerts in a state, one of each that several replicas of Prometheus report."""
    found = [pair for seen in views for pair in seen.alerts(state)]
    return {
        (rule.name, *sorted(alert.labels.items())): (rule, alert) for rule, alert in found
    }.values()


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
        help="ask this address; default: each pod, through the API server",
    )
    add_http_config(parser, "the server of --prometheus")
    parser.add_argument(
        "--interval", type=whole_number(1, 3600), default=3, metavar="SECONDS", help="default: 3"
    )
    return parser
