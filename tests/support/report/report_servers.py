"""A real Prometheus and a real Alertmanager on loopback, with the rules of the local stack."""

import re
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from bench.servers import free_port
from ops.alertmanager_api import Alertmanager
from ops.http_api import ApiError
from ops.prometheus_api import WATCHDOG, Prometheus
from tests.support.programs import tool
from tests.support.recording import run_stack
from tests.support.report.report_platform import render_manifests
from tests.support.report.report_pods import history, pod_metrics, serve_texts
from tests.support.waiting import wait_for

HISTORY_HOURS = 5
EXPECTED = {"PsiFieldPredictionErrorHigh", "PsiFieldPodDrift", "TreatyNoRequests"}


@dataclass(frozen=True)
class Servers:
    """The addresses of the two servers, and the folder with the manifests of their stack."""

    prometheus: str
    alertmanager: str
    rendered: Path


@contextmanager
def running(folder: Path) -> Iterator[Servers]:
    """Run both servers; yields once exactly the scenario's alerts have reached Alertmanager."""
    recorded = run_stack("local")
    render_manifests(recorded, folder / "rendered")
    rules = recorded.one("ConfigMap", "prometheus-server")["data"]
    ports = free_port("127.0.0.1"), free_port("127.0.0.1")
    with ExitStack() as stack:
        paths = {f"/{job}/{pod}": text for (job, pod), text in pod_metrics().items()}
        pods = stack.enter_context(serve_texts(paths))
        prometheus, alertmanager = (f"127.0.0.1:{port}" for port in ports)
        stack.enter_context(_alertmanager(folder / "alertmanager", alertmanager))
        stack.enter_context(
            _prometheus(folder / "prometheus", prometheus, alertmanager, pods, rules)
        )
        servers = Servers(f"http://{prometheus}", f"http://{alertmanager}", folder / "rendered")
        wait_for(lambda: _settled(servers), "the reference scenario", seconds=120)
        yield servers


def _settled(servers: Servers) -> bool:
    with (
        closing(Prometheus(servers.prometheus)) as prometheus,
        closing(Alertmanager(servers.alertmanager)) as alertmanager,
    ):
        try:
            names = {one.labels["alertname"] for one in alertmanager.alerts()}
            groups = prometheus.rules()
        except ApiError:
            return False
    return names - {WATCHDOG} == EXPECTED and all(
        rule.health == "ok" for one in groups for rule in one.rules
    )


@contextmanager
def _alertmanager(folder: Path, address: str) -> Iterator[None]:
    folder.mkdir()
    receivers = [{"name": "critical"}, {"name": "warning"}]
    routes = [{"receiver": "warning", "matchers": ['severity="warning"']}]
    config = {"route": {"receiver": "critical", "routes": routes}, "receivers": receivers}
    file = folder / "alertmanager.yml"
    file.write_text(yaml.safe_dump(config))
    options = [f"--config.file={file}", f"--storage.path={folder}/data"]
    options += [f"--web.listen-address={address}", "--cluster.listen-address="]
    with process("alertmanager", options, folder):
        yield


@contextmanager
def _prometheus(
    folder: Path, address: str, alertmanager: str, pods: str, rules: Mapping[str, str]
) -> Iterator[None]:
    folder.mkdir()
    for name, text in rules.items():
        if name.endswith("_rules.yml"):
            # Otherwise the first alert would take five minutes.
            fast = re.sub(r"^( +(?:interval|for)): \w+$", r"\1: 1s", text, flags=re.MULTILINE)
            (folder / name).write_text(fast)
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [f"{folder}/*_rules.yml"],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [alertmanager]}]}]},
        "scrape_configs": [
            {
                "job_name": f"{job}/{pod}",
                "metrics_path": f"/{job}/{pod}",
                "static_configs": [
                    {
                        "targets": [pods],
                        "labels": {
                            "job": job,
                            "pod": pod,
                            "namespace": "aurora-local",
                            "instance": f"{pod}:8000",
                        },
                    }
                ],
            }
            for job, pod in pod_metrics()
        ],
    }
    file = folder / "prometheus.yml"
    file.write_text(yaml.safe_dump(config))
    past = folder / "history.txt"
    past.write_text(history(int(time.time()) - 60, HISTORY_HOURS))
    subprocess.run(
        [tool("promtool"), "tsdb", "create-blocks-from", "openmetrics", past, folder / "data"],
        check=True,
        capture_output=True,
    )
    options = [f"--config.file={file}", f"--storage.tsdb.path={folder}/data"]
    with process("prometheus", [*options, f"--web.listen-address={address}"], folder):
        yield


@contextmanager
def process(
    name: str, options: list[str], folder: Path, environment: Mapping[str, str] | None = None
) -> Iterator[None]:
    """Run a server with these options; its log is in the folder."""
    command = [tool(name), *options]
    with (
        (folder / f"{name}.log").open("wb") as log,
        subprocess.Popen(command, stdout=log, stderr=log, env=environment) as process,
    ):
        try:
            yield
        finally:
            process.terminate()
