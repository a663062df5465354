"""Grafana requires a login, stores nothing, and shows the repository's dashboards."""

import json
from typing import Any

import pytest
import yaml

from tests.support.boards import BOARDS
from tests.support.grafana import LOAD_BALANCER, files, ini, pod, volume, with_grafana
from tests.support.recording import Recording, run_values, stack_values


def test_no_volume_outlives_the_pod(platform: Any) -> None:
    kinds = {kind for found in pod(platform)["volumes"] for kind in found if kind != "name"}
    assert kinds <= {"configMap", "projected", "secret", "emptyDir"}


def test_every_login_needs_the_password_of_an_existing_account(platform: Any) -> None:
    assert not ini(platform).getboolean("auth.anonymous", "enabled")
    assert not ini(platform).getboolean("users", "allow_sign_up")
    assert not ini(platform).getboolean("users", "allow_org_create")


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("security", "cookie_secure", "true"),
        ("security", "cookie_samesite", "strict"),
        ("security", "content_security_policy", "true"),
        ("security", "strict_transport_security", "true"),
        ("security", "disable_gravatar", "true"),
        ("auth", "login_cookie_name", "__Host-grafana_session"),
        ("auth.anonymous", "hide_version", "true"),
        ("analytics", "reporting_enabled", "false"),
        ("analytics", "check_for_updates", "false"),
        ("plugins", "preinstall_disabled", "true"),
        ("news", "news_feed_enabled", "false"),
        ("plugins", "public_key_retrieval_disabled", "true"),
        ("public_dashboards", "enabled", "false"),
        ("snapshots", "external_enabled", "false"),
        ("unified_alerting", "enabled", "false"),
    ],
)
def test_the_hardening_guide_is_applied(platform: Any, section: str, key: str, value: str) -> None:
    assert ini(platform).get(section, key) == value


def test_the_data_source_is_prometheus_service_and_has_the_uid_that_dashboards_use(
    platform: Any,
) -> None:
    source, *_ = sources(platform)
    namespace = platform.all("Namespace")[0]["metadata"]["name"]
    service = platform.one("Service", "prometheus-server")
    assert source["url"] == f"http://{service['metadata']['name']}.{namespace}.svc"
    assert service["spec"]["ports"][0]["port"] == 80
    asked = {
        panel["datasource"]["uid"]
        for board in boards(platform).values()
        for panel in board["panels"]
        if panel.get("datasource")
    }
    assert asked == {source["uid"]}


def sources(platform: Any) -> list[dict[str, Any]]:
    """The provisioned data sources."""
    text = files(platform)["provisioning/datasources/prometheus.yaml"]
    return yaml.safe_load(text)["datasources"]


def test_the_long_term_store_is_asked_with_the_pods_own_role_where_prometheus_writes_to_it(
    platform: Any,
) -> None:
    (*_, written) = platform.config("prometheus-server").get("remote_write", [None])
    second = sources(platform)[1:]
    assert len(second) == (written is not None)
    assert ini(platform).getboolean("auth", "sigv4_auth_enabled", fallback=False) == bool(second)
    for source in second:
        assert written["url"] == f"{source['url']}/api/v1/remote_write"
        assert source["jsonData"]["sigV4Region"] == written["sigv4"]["region"]
        assert source["jsonData"]["sigV4AuthType"] == "default"
        assert ini(platform).get("aws", "allowed_auth_providers") == "default"
        assert "secureJsonData" not in source


def boards(platform: Any) -> dict[str, dict[str, Any]]:
    """Name of the ConfigMap -> the dashboard's JSON."""
    found = {}
    for config_map in platform.all("ConfigMap"):
        name = config_map["metadata"]["name"]
        if name.startswith("dashboard-"):
            ((_, text),) = config_map["data"].items()
            found[name] = json.loads(text)
    return found


def test_every_dashboard_has_a_config_map_of_its_own_and_is_mounted(platform: Any) -> None:
    mounted = {
        source["configMap"]["name"]
        for source in volume(platform, "dashboards")["projected"]["sources"]
    }
    assert mounted == set(boards(platform))
    titles = {board["title"] for board in boards(platform).values()}
    assert titles == {board.title for board in BOARDS.values()}


def test_dashboards_are_mounted_in_the_folder_that_grafana_scans(platform: Any) -> None:
    (provider,) = yaml.safe_load(files(platform)["provisioning/dashboards/vaultmesh.yaml"])[
        "providers"
    ]
    (server,) = pod(platform)["containers"]
    mounts = {mount["name"]: mount["mountPath"] for mount in server["volumeMounts"]}
    assert provider["options"]["path"] == mounts["dashboards"]
    assert "paths" not in ini(platform), "the image's own variables come before this section"


def test_grafana_listens_on_the_port_of_its_service_and_probes(platform: Any) -> None:
    (server,) = pod(platform)["containers"]
    (port,) = server["ports"]
    assert ini(platform).getint("server", "http_port") == port["containerPort"]


def test_a_changed_file_rolls_the_pod_and_a_changed_dashboard_does_not(
    recordings: dict[str, Recording],
) -> None:
    def annotations(platform: Any) -> dict[str, str]:
        return platform.one("Deployment", "grafana")["spec"]["template"]["metadata"]["annotations"]

    staging = recordings["staging"]
    assert annotations(staging) != annotations(with_grafana(LOAD_BALANCER)), "grafana.ini differs"
    values = stack_values("staging")
    values["vaultmesh:settings"]["rules"]["overrides"]["PsiFieldPodDrift"] = {"threshold": 0.5}
    overridden = run_values(values)
    assert boards(overridden) != boards(staging)
    assert annotations(overridden) == annotations(staging)


def test_the_service_is_internal_by_default(platform: Any) -> None:
    spec = platform.one("Service", "grafana")["spec"]
    assert spec["type"] == "ClusterIP"


def test_dashboards_and_the_data_source_can_not_be_changed_by_hand(platform: Any) -> None:
    first, *others = sources(platform)
    assert first["isDefault"] is True
    assert not any(source["isDefault"] for source in others)
    assert not any(source["editable"] for source in sources(platform))
    (provider,) = yaml.safe_load(files(platform)["provisioning/dashboards/vaultmesh.yaml"])[
        "providers"
    ]
    assert provider["allowUiUpdates"] is False


def test_variables_override_the_file_paths_that_grafanas_image_sets(platform: Any) -> None:
    server = pod(platform)["containers"][0]
    env = {v["name"]: v["value"] for v in server["env"]}
    (config,) = [m["mountPath"] for m in server["volumeMounts"] if m["name"] == "config"]
    assert env["GF_PATHS_CONFIG"] == f"{config}/grafana.ini"
    assert env["GF_PATHS_PROVISIONING"] == f"{config}/provisioning"
