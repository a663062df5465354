"""Runs the pinned Prometheus on made-up series, with the rules and flags of a stack."""

import json
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

from bench.servers import Server, free_port, wait_until_ready
from bench.synthetic_series import OF_FAULTS, Plan
from components.prometheus import CONFIG_FILE
from ops.live.processes import start_child, stop_children
from promql.expressions import parse
from toolchain.base import UserError
from toolchain.tools import folders
from yaml_text import dump_yaml

READY_SECONDS, ANSWER_SECONDS = 120, 120
LOOPBACK = "127.0.0.1"
_OUTSIDE = ("scrape_configs", "alerting", "remote_write")
"""Parts of prometheus.yml about others: here all series are there already."""


@dataclass(frozen=True)
class BenchPrometheus:
    """A running Prometheus; `until` is the end of its scraped series, in seconds since 1970."""

    process: Server
    client: httpx.Client
    folder: Path
    until: float

    def get(self, path: str, **parameters: str | float) -> Any:
        """The `data` of an answer of the API. Raises UserError if there is none."""
        return json.loads(self.answer(path, **parameters))["data"]

    def answer(self, path: str, **parameters: str | float) -> bytes:
        """The bytes of an answer of the API.

        Raises UserError if there is none, or if the series have ended.
        """
        if time.time() > self.until:
            raise UserError(
                "prometheus: the made-up series have ended, so a query would find nothing. "
                "Measure again on a machine that is less busy."
            )
        try:
            response = self.client.get(f"/api/v1/{path}", params=parameters)
        except httpx.HTTPError as error:
            raise UserError(f"prometheus: {path}: {error}") from None
        if response.is_error:
            raise UserError(f"prometheus: {path}: {response.text[:500]}")
        return response.content

    def load(self, files: Mapping[str, str], interval: str | None) -> None:
        """Read the ConfigMap's files; with `interval`, evaluate each group that often."""
        write_local_files(files, self.folder, interval)
        self.client.post("/-/reload").raise_for_status()


def count_samples(
    place: str, query: str, data: Mapping[str, Any], *, may_find_nothing: bool = False
) -> int:
    """The samples that a query read, of the `data` of an answer with `stats`.

    Raises UserError if it read none or, unless it `may_find_nothing`, has no result. Queries that
    read nothing but series OF_FAULTS may do both.
    """
    samples = data["stats"]["samples"]["totalQueryableSamples"]
    needs_data = any(one.metric not in OF_FAULTS for one in parse(query).selectors)
    if needs_data and not (samples and (data["result"] or may_find_nothing)):
        does = "finds nothing in" if samples else "reads no sample of"
        raise UserError(
            f"{place}: the query {does} the made-up series, so its time says nothing. Make up its"
            f" series in bench/synthetic_series.py: {query}"
        )
    return samples


@contextmanager
def run_prometheus(
    plan: Plan, files: Mapping[str, str], interval: str | None
) -> Iterator[BenchPrometheus]:
    """A Prometheus with the plan's series and the ConfigMap's files, for as long as the context.

    With `interval`, each group of rules is evaluated that often. Raises UserError if the server
    does not get ready.
    """
    with tempfile.TemporaryDirectory(prefix="bench-prometheus-") as name:
        folder = Path(name)
        data = folder / "data"
        data.mkdir()
        fill(plan, data)
        write_local_files(files, folder, interval)
        with _run(folder, data, (plan.now + plan.ahead) / 1000) as server:
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


def write_local_files(files: Mapping[str, str], folder: Path, interval: str | None) -> None:
    """Write the files of the ConfigMap as `local_files` returns them."""
    for file, text in local_files(files, folder, interval).items():
        (folder / file).write_text(text, encoding="utf-8")


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
        local[name] = dump_yaml(content, allow_unicode=True)
    return local


@contextmanager
def _run(folder: Path, data: Path, until: float) -> Iterator[BenchPrometheus]:
    (programs,) = folders(["prometheus"])
    port = free_port(LOOPBACK)
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
    server = Server(name="prometheus", url=f"http://{LOOPBACK}:{port}", child=child)
    client = httpx.Client(base_url=server.url, timeout=ANSWER_SECONDS, trust_env=False)
    try:
        wait_until_ready([server], "/-/ready", READY_SECONDS)
        yield BenchPrometheus(server, client, folder, until)
    finally:
        client.close()
        stop_children([child])
