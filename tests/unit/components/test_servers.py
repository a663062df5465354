"""The parts that servers share: a reloader and a volume."""

from typing import Any

import pytest

from tests.support.recording import mounts, run_values, stack_values

RELOADED = (
    ("prometheus-server", "prometheus.yml"),
    ("alertmanager", "alertmanager.yml"),
    ("blackbox-exporter", "blackbox.yml"),
)


@pytest.mark.parametrize(("name", "file"), RELOADED)
def test_the_reloader_watches_its_servers_configuration_and_calls_its_servers_port(
    platform: Any, name: str, file: str
) -> None:
    server, reloader = dict(platform.pods())[name]["spec"]["containers"]
    (config,) = [mount for mount in server["volumeMounts"] if mount["name"] == "config"]
    (port,) = [port["containerPort"] for port in server["ports"] if port["name"] == "http"]
    assert (server["name"], reloader["name"]) == (name, "config-reload")
    assert f"--config.file={config['mountPath']}/{file}" in server["args"]
    assert f"--watched-dir={config['mountPath']}" in reloader["args"]
    assert f"--reload-url=http://127.0.0.1:{port:.0f}/-/reload" in reloader["args"]
    assert reloader["volumeMounts"] == [config]
    (volume,) = [v for v in dict(platform.pods())[name]["spec"]["volumes"] if "configMap" in v]
    assert file in platform.one("ConfigMap", volume["configMap"]["name"])["data"]


@pytest.mark.parametrize(
    ("name", "flag"),
    [("prometheus-server", "--storage.tsdb.path="), ("alertmanager", "--storage.path=")],
)
def test_data_is_on_a_volume_of_the_size_in_the_settings(
    platform: Any, name: str, flag: str
) -> None:
    server = platform.server(name)
    (folder,) = [arg.removeprefix(flag) for arg in server["args"] if arg.startswith(flag)]
    assert mounts(server)[folder] == "data"
    spec = platform.one("StatefulSet", name)["spec"]
    (claim,) = spec["volumeClaimTemplates"]
    assert claim["metadata"]["name"] == "data"
    assert claim["spec"]["accessModes"] == ["ReadWriteOnce"]
    kept = spec["persistentVolumeClaimRetentionPolicy"]
    assert kept == {"whenDeleted": "Retain", "whenScaled": "Retain"}


def test_a_client_stays_with_the_replica_that_answered_it_first(platform: Any) -> None:
    with_own_data = {found["metadata"]["name"] for found in platform.all("StatefulSet")}
    for service in platform.all("Service"):
        name, affinity = service["metadata"]["name"], service["spec"].get("sessionAffinity")
        assert affinity == ("ClientIP" if name in with_own_data else None), name


def test_pulumi_waits_for_pods_as_long_as_the_settings_say() -> None:
    values = stack_values("production")
    values["vaultmesh:settings"]["rolloutTimeout"] = "3m30s"
    platform = run_values(values)
    for kind in ("Deployment", "StatefulSet", "Service"):
        for found in platform.all(kind):
            name = found["metadata"]["name"]
            if found["spec"].get("clusterIP") == "None":
                continue  # the engine never waits for a headless Service
            assert platform.timeouts[kind, name] == ("210s", "210s"), f"{kind} {name}"
    deadlines = [d["spec"]["progressDeadlineSeconds"] for d in platform.all("Deployment")]
    assert set(deadlines) == {210}


def test_volumes_and_pods_outlive_a_replaced_stateful_set(platform: Any) -> None:
    for name in ("prometheus-server", "alertmanager"):
        annotations = platform.one("StatefulSet", name)["metadata"]["annotations"]
        assert annotations == {"pulumi.com/deletionPropagationPolicy": "orphan"}


def test_only_production_protects_what_holds_data(recordings: Any) -> None:
    for stack, platform in recordings.items():
        (namespace,) = platform.all("Namespace")
        production = stack_values(stack)["vaultmesh:settings"]["production"]
        holds_data = {("Namespace", namespace["metadata"]["name"])} | {
            ("StatefulSet", found["metadata"]["name"]) for found in platform.all("StatefulSet")
        }
        holds_data |= {
            (found.kind, found.name) for found in platform.resources if found.kind == "Workspace"
        }
        assert platform.protected == (holds_data if production else set()), stack
