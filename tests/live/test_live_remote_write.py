"""The real Prometheus writes, signed, what production sends to Amazon Managed Prometheus."""

import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from bench.servers import free_port
from ops.http_api import ApiError
from ops.prometheus_api import Prometheus, Sample
from ops.report.gather import STORED
from stacks.settings.aws import ManagedPrometheus
from tests.support.aws import REGION
from tests.support.programs import tool
from tests.support.recording import Recording, run_stack
from tests.support.report.report_pods import pod_metrics, serve_texts
from tests.support.report.report_servers import process
from tests.support.signed_store import Key, SignedStore, signed_store
from tests.support.waiting import wait_for

KEY = Key(key="AKIDEXAMPLE", secret="made-up-secret", token="made-up-token", region=REGION)
POD = "prometheus-server-0"
BEHIND, FAILING = "PrometheusRemoteWriteBehind", "PrometheusRemoteWriteFailing"
LATE_SECONDS = 15
"""Stands for the 120 s of the alert; a batch waits five seconds for more samples."""
EVERYTHING = '{__name__=~".+"}'


@dataclass(frozen=True)
class Chain:
    """A Prometheus that writes, the store that checks its signatures, and what is behind it."""

    writer: str
    store: SignedStore
    receiver: str


@pytest.fixture(scope="module")
def production() -> Recording:
    return run_stack("production")


@pytest.fixture(scope="module")
def written(production: Recording, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    """A chain over which samples have been written."""
    folder = tmp_path_factory.mktemp("signed")
    with chain(production, folder, secret=KEY.secret) as found:
        wait_for(lambda: names(found.receiver) >= {"vaultmesh:health_score"}, "samples", 60)
        yield found


@contextmanager
def chain(production: Recording, folder: Path, *, secret: str) -> Iterator[Chain]:
    """Run a chain, with a writer that signs with this secret."""
    with ExitStack() as stack:
        receiver = loopback()
        stack.enter_context(server(folder / "receiver", receiver, {}, receives=True))
        store = stack.enter_context(signed_store(KEY, receiver))
        pods = stack.enter_context(
            serve_texts({f"/{job}/{pod}": text for (job, pod), text in pod_metrics().items()})
        )
        writer = loopback()
        config = writer_config(production, folder, store, [writer, pods])
        environment = stack.enter_context(pod_identity(folder, secret))
        stack.enter_context(server(folder / "writer", writer, config, environment))
        yield Chain(writer, store, receiver)


@contextmanager
def pod_identity(folder: Path, secret: str) -> Iterator[dict[str, str]]:
    """The environment of a writer with credentials from an agent, as EKS Pod Identity has one."""
    credentials = {"AccessKeyId": KEY.key, "SecretAccessKey": secret, "Token": KEY.token}
    text = json.dumps({**credentials, "Expiration": "2100-01-01T00:00:00Z"})
    (folder / "token").write_text("made-up")
    with serve_texts({"/v1/credentials": text}, "application/json") as agent:
        yield without_credentials() | {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://{agent}/v1/credentials",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(folder / "token"),
        }


def without_credentials() -> dict[str, str]:
    """The environment of a writer that finds no credentials, and never leaves this machine."""
    own = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
    nowhere = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    return own | nowhere | {"AWS_EC2_METADATA_DISABLED": "true", "POD_NAME": POD}


def writer_config(
    production: Recording, folder: Path, store: SignedStore, targets: Sequence[str]
) -> dict[str, Any]:
    """Production's configuration, but for the store's host, the times and the targets.

    These are the writer itself and a server with the metrics of all pods.
    """
    writer, pods = targets
    rendered = production.config("prometheus-server")
    for name, text in production.one("ConfigMap", "prometheus-server")["data"].items():
        if name.endswith("_rules.yml"):
            fast = re.sub(r"^( +interval): \w+$", r"\1: 1s", text, flags=re.MULTILINE)
            (folder / name).write_text(fast)
    (target,) = rendered["remote_write"]
    times = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
    return {
        "global": {**rendered["global"], **times},
        "rule_files": [f"{folder}/*_rules.yml"],
        "remote_write": [{**target, "url": at(store, target["url"])}],
        "scrape_configs": [
            job("prometheus-server", POD, "/metrics", writer),
            *(
                job(name, pod, f"/{name}/{pod}", pods)
                for name, pod in pod_metrics()
                if name != "prometheus-server"
            ),
        ],
    }


def job(name: str, pod: str, path: str, target: str) -> dict[str, Any]:
    """A scrape job for one pod of the job called `name`."""
    labels = {"job": name, "pod": pod, "namespace": "aurora-production", "instance": pod}
    return {
        "job_name": f"{name}/{pod}",
        "metrics_path": path,
        "static_configs": [{"targets": [target], "labels": labels}],
    }


def at(store: SignedStore, url: str) -> str:
    """The URL with the store's host in place of the one of AWS."""
    return urlsplit(url)._replace(scheme="http", netloc=store.address).geturl()


@contextmanager
def server(
    folder: Path,
    address: str,
    config: Mapping[str, Any],
    environment: Mapping[str, str] | None = None,
    *,
    receives: bool = False,
) -> Iterator[None]:
    """Run a Prometheus that is ready to answer."""
    options = server_options(folder, config, address)
    options += ["--web.enable-remote-write-receiver"] if receives else []
    with process("prometheus", options, folder, environment):
        wait_for(lambda: answers(address), "Prometheus", 30)
        yield


def loopback() -> str:
    """An address of this machine where nothing listens."""
    return f"127.0.0.1:{free_port('127.0.0.1')}"


def server_options(folder: Path, config: Mapping[str, Any], address: str) -> list[str]:
    folder.mkdir(parents=True)
    (folder / "prometheus.yml").write_text(yaml.safe_dump(dict(config)))
    return [
        f"--config.file={folder}/prometheus.yml",
        f"--storage.tsdb.path={folder}/data",
        "--storage.remote.flush-deadline=1s",
        f"--web.listen-address={address}",
    ]


def answers(address: str) -> bool:
    with closing(Prometheus(f"http://{address}")) as prometheus:
        try:
            return bool(prometheus.version())
        except ApiError:
            return False


def ask(address: str, query: str) -> list[Sample]:
    with closing(Prometheus(f"http://{address}")) as prometheus:
        return prometheus.query(query)


def names(address: str) -> set[str]:
    """The names of all series of a server."""
    return {sample.metric["__name__"] for sample in ask(address, EVERYTHING)}


def value(address: str, expression: str) -> float:
    """The value of an expression with one result; 0 if it has none."""
    return sum(sample.value[1] for sample in ask(address, expression))


def fires(production: Recording, alert: str, address: str) -> bool:
    """Whether the condition of an alert holds, whatever its `for`."""
    (rule,) = [rule for rule in production.alerts() if rule["alert"] == alert]
    return bool(ask(address, rule["expr"].replace("> 120", f"> {LATE_SECONDS}")))


def kept(production: Recording) -> set[str]:
    """The names of the series that production sends."""
    (target,) = production.config("prometheus-server")["remote_write"]
    return set(target["write_relabel_configs"][0]["regex"].split("|"))


def test_recorded_series_and_the_inputs_of_slos_arrive_and_nothing_else(
    written: Chain, production: Recording
) -> None:
    of_each_kind = {"psi_field_density", "psi:density:avg", "treaty_requests_total"}
    wait_for(lambda: names(written.writer) >= of_each_kind, "series of each kind", 30)
    expected = names(written.writer) & kept(production)
    assert of_each_kind - expected == {"psi_field_density"}
    wait_for(lambda: names(written.receiver) >= expected, "all series", 60)
    assert names(written.receiver) <= kept(production)
    assert set(written.store.answers) == {204}


def test_the_status_report_sees_that_samples_are_sent(written: Chain) -> None:
    wait_for(lambda: [one.value[1] < 60 for one in ask(written.writer, STORED)] == [True], "it", 30)


def test_every_series_names_its_cluster_its_environment_and_the_replica_that_wrote_it(
    written: Chain,
) -> None:
    for sample in ask(written.receiver, EVERYTHING):
        labels = sample.metric
        assert labels["cluster"] == "aurora-production/aurora-production"
        assert labels["environment"] == "aurora-production"
        assert labels["__replica__"] == POD
        assert "replica" not in labels


def test_the_series_of_the_reference_scenario_fit_the_limit_of_a_workspace(
    written: Chain, production: Recording
) -> None:
    expected = names(written.writer) & kept(production)
    wait_for(lambda: names(written.receiver) >= expected, "all series", 60)
    series = value(written.receiver, f"count({EVERYTHING})")
    assert 0 < series < ManagedPrometheus().max_series / 2, "leave room for treaties and pods"


def test_a_wrong_secret_is_refused_and_loses_samples_without_falling_behind(
    production: Recording, tmp_path: Path
) -> None:
    with chain(production, tmp_path, secret="another-secret") as found:
        wait_for(lambda: fires(production, FAILING, found.writer), "samples are lost", 60)
        assert set(found.store.answers) == {403}
        assert names(found.receiver) == set()
        assert not fires(production, BEHIND, found.writer)
        assert ask(found.writer, STORED) == [], "the report gives no points for what is lost"


def test_a_store_that_was_away_gets_everything_when_it_is_back(
    production: Recording, tmp_path: Path
) -> None:
    with chain(production, tmp_path, secret=KEY.secret) as found:
        wait_for(lambda: names(found.receiver), "the first samples", 60)
        wait_for(lambda: not fires(production, BEHIND, found.writer), "it keeps up", 60)
        found.store.away = True
        wait_for(lambda: fires(production, BEHIND, found.writer), "it is behind", 60)
        found.store.away = False
        wait_for(lambda: not fires(production, BEHIND, found.writer), "it has caught up", 60)
        assert found.store.answers.keys() == {204, 503}
        assert not fires(production, FAILING, found.writer)
        samples = f"count_over_time(vaultmesh:health_score[{3 * LATE_SECONDS}s])"
        here, there = value(found.writer, samples), value(found.receiver, samples)
        assert there >= here - LATE_SECONDS, "only the newest samples may be missing"


def test_without_credentials_prometheus_does_not_start_and_says_why(
    production: Recording, tmp_path: Path
) -> None:
    (target,) = production.config("prometheus-server")["remote_write"]
    nobody = loopback()
    config = {"remote_write": [{**target, "url": f"http://{nobody}/"}]}
    options = server_options(tmp_path / "writer", config, nobody)
    ended = subprocess.run(
        [tool("prometheus"), *options],
        env=without_credentials(),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode != 0
    assert "could not get SigV4 credentials" in ended.stderr
