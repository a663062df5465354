"""What Prometheus and Alertmanager have in common: a disk of their own and a reloader."""

from typing import Any

import pytest

SERVERS = (
    ("prometheus-server", "prometheus.yml", "--storage.tsdb.path="),
    ("alertmanager", "alertmanager.yml", "--storage.path="),
)


def server_of(platform: Any, name: str) -> dict[str, Any]:
    return dict(platform.pods())[name]["spec"]["containers"][0]


def mounts(container: dict[str, Any]) -> dict[str, str]:
    return {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}


@pytest.mark.parametrize(("name", "file", "flag"), SERVERS)
def test_the_reloader_watches_its_servers_configuration_and_calls_its_servers_port(
    platform: Any, name: str, file: str, flag: str
) -> None:
    server, reloader = dict(platform.pods())[name]["spec"]["containers"]
    (config,) = [mount for mount in server["volumeMounts"] if mount["name"] == "config"]
    (port,) = [port["containerPort"] for port in server["ports"] if port["name"] == "http"]
    assert f"--config.file={config['mountPath']}/{file}" in server["args"]
    assert f"--watched-dir={config['mountPath']}" in reloader["args"]
    assert f"--reload-url=http://127.0.0.1:{port:.0f}/-/reload" in reloader["args"]
    assert reloader["volumeMounts"] == [config]


@pytest.mark.parametrize(("name", "file", "flag"), SERVERS)
def test_data_lies_on_the_volume_that_its_settings_size(
    platform: Any, name: str, file: str, flag: str
) -> None:
    server = server_of(platform, name)
    (folder,) = [arg.removeprefix(flag) for arg in server["args"] if arg.startswith(flag)]
    assert mounts(server)[folder] == "data"
    spec = platform.one("StatefulSet", name)["spec"]
    (claim,) = spec["volumeClaimTemplates"]
    assert claim["metadata"]["name"] == "data"
    assert claim["spec"]["accessModes"] == ["ReadWriteOnce"]
    kept = spec["persistentVolumeClaimRetentionPolicy"]
    assert kept == {"whenDeleted": "Retain", "whenScaled": "Retain"}


def test_a_rollout_may_take_as_long_as_the_slowest_start() -> None:
    from components.kit import ROLLOUT_LIMIT
    from components.prometheus import WAL_REPLAY_SECONDS

    for limit in (ROLLOUT_LIMIT.create, ROLLOUT_LIMIT.update):
        assert int(str(limit).removesuffix("m")) * 60 > WAL_REPLAY_SECONDS
