"""Runs the pinned Prometheus on made-up series, with the rules and flags of a stack."""

import json
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from bench.synthetic_series import Plan
from components.prometheus import CONFIG_FILE
from ops.live.processes import Child, start_child, stop_children
from toolchain.base import UserError
from toolchain.tools import folders

READY_SECONDS, ANSWER_SECONDS = 120, 120
LOOPBACK = "127.0.0.1"
_ASK_AGAIN = 0.25
_OUTSIDE = ("scrape_configs", "alerting", "remote_write")
"""Parts of prometheus.yml about others: here all series are there already."""


@dataclass(frozen=True)
class Server:
    """A running Prometheus."""

    child: Child
    client: httpx.Client

    def get(self, path: str, **parameters: str | float) -> Any:
        """The `data` of an answer of the API. Raises UserError if there is none."""
        return json.loads(self.answer(path, **parameters))["data"]

    def answer(self, path: str, **parameters: str | float) -> bytes:
        """The bytes of an answer of the API. Raises UserError if there is none."""
        try:
            response = self.client.get(f"/api/v1/{path}", params=parameters)
        except httpx.HTTPError as error:
            raise UserError(f"prometheus: {path}: {error}") from None
        if response.is_error:
            raise UserError(f"prometheus: {path}: {response.text[:500]}")
        return response.content

    @property
    def peak_bytes(self) -> int:
        """The largest resident set so far."""
        text = Path(f"/proc/{self.child.process.pid}/status").read_text(encoding="utf-8")
        (peak,) = (line for line in text.splitlines() if line.startswith("VmHWM:"))
        return int(peak.split()[1]) * 1024


@contextmanager
def serve(plan: Plan, files: Mapping[str, str], *, interval: str | None = None) -> Iterator[Server]:
    """A Prometheus with the plan's series and the ConfigMap's files, for as long as the context.

    With `interval`, each group of rules is evaluated that often. Raises UserError if the server
    does not get ready.
    """
    with tempfile.TemporaryDirectory(prefix="bench-prometheus-") as name:
        folder = Path(name)
        data = folder / "data"
        data.mkdir()
        fill(plan, data)
        for file, text in local_files(files, folder, interval).items():
            (folder / file).write_text(text, encoding="utf-8")
        with _run(folder, data) as server:
            yield server


def fill(plan: Plan, data: Path) -> None:
    """Write the plan's series into an empty data folder. Raises UserError."""
    (programs,) = folders(["series"])
    question = json.dumps(plan.question(str(data)))
    done = subprocess.run(
        [programs / "prometheus-series"], input=question, capture_output=True, text=True
    )
    if done.returncode:
        raise UserError(f"prometheus-series failed: {done.stderr.strip()[-500:]}")


def local_files(files: Mapping[str, str], folder: Path, interval: str | None) -> dict[str, str]:
    """The files of the ConfigMap as they work in the folder, on this machine alone."""
    local: dict[str, str] = {}
    for name, text in files.items():
        content = yaml.safe_load(text)
        if name == CONFIG_FILE:
            content = {key: part for key, part in content.items() if key not in _OUTSIDE}
            content["rule_files"] = [
                str(folder / Path(file).name) for file in content["rule_files"]
            ]
        elif interval:
            content["groups"] = [{**group, "interval": interval} for group in content["groups"]]
        local[name] = yaml.safe_dump(content, allow_unicode=True, sort_keys=False)
    return local


@contextmanager
def _run(folder: Path, data: Path) -> Iterator[Server]:
    (programs,) = folders(["prometheus"])
    port = _free_port()
    command = [
        str(programs / "prometheus"),
        f"--config.file={folder / CONFIG_FILE}",
        f"--storage.tsdb.path={data}",
        "--web.enable-lifecycle",
        f"--web.listen-address={LOOPBACK}:{port}",
    ]
    variables = {"POD_NAME": "bench"}
    child = start_child(
        "prometheus", command, variables, names=folder / "names.json", log=folder / "log"
    )
    url = f"http://{LOOPBACK}:{port}"
    client = httpx.Client(base_url=url, timeout=ANSWER_SECONDS, trust_env=False)
    try:
        server = Server(child, client)
        deadline = time.monotonic() + READY_SECONDS
        while not _is_ready(server):
            if child.exit_code is not None or time.monotonic() > deadline:
                raise UserError(f"prometheus does not get ready: {child.last_line()}")
            time.sleep(_ASK_AGAIN)
        yield server
    finally:
        client.close()
        stop_children([child])


def _is_ready(server: Server) -> bool:
    try:
        return server.client.get("/-/ready").is_success
    except httpx.TransportError:
        return False


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind((LOOPBACK, 0))
        return listener.getsockname()[1]
