"""What the real Prometheus and Alertmanager export is what rules/metrics.yaml says they do."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from tests.support.report.report_servers import process
from tests.support.series import inventory
from tests.support.waiting import wait_for

PROMETHEUS, ALERTMANAGER, PEER, NOBODY = (f"127.0.97.{number}" for number in range(1, 5))
SERVERS = {"prometheus-server": f"{PROMETHEUS}:9090", "alertmanager": f"{ALERTMANAGER}:9093"}
EXPORTED = [metric for metric in inventory()["platform"] if metric["workload"] in SERVERS]

Exported = Mapping[str, Mapping[str, Metric]]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exported]:
    """The metrics by server and name: of a Prometheus that writes to a store that is not there, and
    of the first of two Alertmanagers."""
    folder = tmp_path_factory.mktemp("servers")
    with ExitStack() as stack:
        for address, peer in ((ALERTMANAGER, PEER), (PEER, ALERTMANAGER)):
            options = _options(folder / address, _ALERTMANAGER, f"{address}:9093")
            options += [f"--cluster.listen-address={address}:9094", f"--cluster.peer={peer}:9094"]
            stack.enter_context(process("alertmanager", options, folder / address))
        options = _options(folder / "prometheus", _PROMETHEUS, SERVERS["prometheus-server"])
        # Otherwise it tries for a minute, at its end, to get rid of what nobody takes.
        options.append("--storage.remote.flush-deadline=1s")
        (folder / "prometheus" / "rules.yml").write_text(yaml.safe_dump(_RULES))
        stack.enter_context(process("prometheus", options, folder / "prometheus"))
        wait_for(lambda: set(_names(_read())) >= {m["name"] for m in EXPORTED}, "all metrics", 30)
        yield _read()


@pytest.mark.parametrize("metric", EXPORTED, ids=lambda metric: metric["name"])
def test_a_server_exports_the_metric_as_the_inventory_says(
    metric: dict[str, Any], exported: Exported
) -> None:
    found = exported[metric["workload"]][metric["name"]]
    assert found.type == metric["type"]
    (labels,) = {frozenset(s.labels) for s in found.samples if s.name == metric["name"]}
    assert labels == set(metric["labels"])


def test_a_job_without_any_pod_is_counted_as_such(exported: Exported) -> None:
    pools = exported["prometheus-server"]["prometheus_target_scrape_pool_targets"]
    assert {s.labels["scrape_job"]: s.value for s in pools.samples} == {
        "empty": 0,
        "itself": 1,
        "pods": 0,
    }


def _read() -> Exported:
    found: dict[str, dict[str, Metric]] = {}
    for server, address in SERVERS.items():
        try:
            answer = httpx.get(f"http://{address}/metrics", trust_env=False).raise_for_status()
        except httpx.HTTPError:
            continue
        families = text_string_to_metric_families(answer.text)
        found[server] = {sample.name: f for f in families for sample in f.samples}
    return found


def _names(exported: Exported) -> list[str]:
    return [name for metrics in exported.values() for name in metrics]


def _options(folder: Path, config: dict[str, Any], address: str) -> list[str]:
    folder.mkdir()
    file = folder / "config.yml"
    file.write_text(yaml.safe_dump(config))
    storage = "storage.tsdb.path" if config is _PROMETHEUS else "storage.path"
    return [
        f"--config.file={file}",
        f"--{storage}={folder / 'data'}",
        f"--web.listen-address={address}",
    ]


_ALERTMANAGER: dict[str, Any] = {"route": {"receiver": "nobody"}, "receivers": [{"name": "nobody"}]}
_RULES = {"groups": [{"name": "one", "rules": [{"record": "one", "expr": "vector(1)"}]}]}
_PROMETHEUS: dict[str, Any] = {
    "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
    "storage": {"tsdb": {"retention": {"size": "100MB"}}},
    "rule_files": ["rules.yml"],
    "alerting": {"alertmanagers": [{"static_configs": [{"targets": [SERVERS["alertmanager"]]}]}]},
    "remote_write": [{"url": f"http://{NOBODY}:9/write"}],
    "scrape_configs": [
        {
            "job_name": "itself",
            "static_configs": [{"targets": [SERVERS["prometheus-server"]]}],
        },
        {
            "job_name": "pods",
            "kubernetes_sd_configs": [{"role": "pod", "api_server": f"http://{NOBODY}:9"}],
        },
        {"job_name": "empty", "file_sd_configs": [{"files": ["no-such-*.json"]}]},
    ],
}
