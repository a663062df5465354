"""A real Prometheus reads the metrics of a Grafana that people reach through a load balancer.

The Grafana is the node's stand-in, on the files that such a stack renders.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import yaml

from tests.support.grafana import LOAD_BALANCER, OIDC, files, secret_files, with_grafana
from tests.support.recording import ROOT, Recording
from tests.support.report.report_servers import process
from tests.support.waiting import wait_for

GRAFANA, PROMETHEUS = "127.0.99.1:3000", "127.0.99.2:9090"
DOMAIN = LOAD_BALANCER["domain"]


@pytest.fixture(scope="module")
def platform() -> Recording:
    return with_grafana({**LOAD_BALANCER, "oidc": OIDC})


@pytest.fixture(scope="module")
def grafana(platform: Recording, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of the stand-in, which listens on one address of this machine only."""
    folder = tmp_path_factory.mktemp("grafana")
    dashboards = folder / "dashboards"
    dashboards.mkdir()
    for config_map in platform.all("ConfigMap"):
        if config_map["metadata"]["name"].startswith("dashboard-"):
            for name, text in config_map["data"].items():
                (dashboards / name).write_text(text)
    secrets = write_secrets(platform, "grafana", folder)
    for path, text in files(platform).items():
        text = text.replace("[server]\n", f"[server]\nhttp_addr = {GRAFANA.partition(':')[0]}\n")
        for mounted, here in secrets.items():
            text = text.replace(mounted, here)
        text = text.replace("/etc/grafana-dashboards", str(dashboards))
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    paths = {
        "GF_PATHS_CONFIG": str(folder / "grafana.ini"),
        "GF_PATHS_PROVISIONING": str(folder / "provisioning"),
    }
    program = [sys.executable, ROOT / "toolchain" / "node" / "grafana.py"]
    with subprocess.Popen(program, env={**os.environ, **paths}) as running:
        try:
            url = f"http://{GRAFANA}"
            wait_for(lambda: get(f"{url}/api/health") == 200, "Grafana's health")
            yield url
        finally:
            running.terminate()


def write_secrets(platform: Recording, server: str, folder: Path) -> dict[str, str]:
    """Write the files that a server's Secret holds; return each path in the pod -> path here."""
    found = {}
    for mounted, text in secret_files(platform, server).items():
        file = folder / Path(mounted).name
        file.write_text(text)
        found[mounted] = str(file)
    return found


def get(url: str, host: str = DOMAIN) -> int:
    """The status of an answer to a request that calls the server by this name; 0 without one."""
    try:
        return httpx.get(url, headers={"Host": host}, trust_env=False).status_code
    except httpx.HTTPError:
        return 0


def test_nobody_reads_the_metrics_without_the_password(grafana: str) -> None:
    assert get(f"{grafana}/metrics") == 401


def test_a_request_for_another_name_is_sent_to_https(grafana: str) -> None:
    headers = {"Host": "10.1.2.3:3000"}
    answer = httpx.get(f"{grafana}/login", headers=headers, trust_env=False)
    assert answer.is_redirect
    assert answer.headers["Location"] == f"https://{DOMAIN}/login"


def test_prometheus_reads_the_metrics_with_the_rendered_login(
    platform: Recording, grafana: str, tmp_path: Path
) -> None:
    secrets = write_secrets(platform, "prometheus-server", tmp_path)
    (job,) = [
        job
        for job in platform.config("prometheus-server")["scrape_configs"]
        if job["job_name"] == "grafana"
    ]
    job["basic_auth"]["password_file"] = secrets[job["basic_auth"]["password_file"]]
    targets = [grafana.removeprefix("http://")]
    here = {"basic_auth": job["basic_auth"], "static_configs": [{"targets": targets}]}
    config = {
        "global": {"scrape_interval": "1s"},
        "scrape_configs": [{"job_name": "grafana", **here}],
    }
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(config))
    options = [
        f"--config.file={tmp_path / 'prometheus.yml'}",
        f"--storage.tsdb.path={tmp_path / 'data'}",
        f"--web.listen-address={PROMETHEUS}",
    ]
    with process("prometheus", options, tmp_path):
        wait_for(lambda: health() == ["up"], "the target to be up")
        (tmp_path / Path(job["basic_auth"]["password_file"]).name).write_text("another")
        wait_for(lambda: health() == ["down"], "a wrong password to be refused")


def health() -> list[str]:
    """The health of each target of Prometheus: none while it starts, since it answers 503 then."""
    try:
        answer = httpx.get(f"http://{PROMETHEUS}/api/v1/targets", trust_env=False)
        answer.raise_for_status()
    except httpx.HTTPError:
        return []
    return [target["health"] for target in answer.json()["data"]["activeTargets"]]
