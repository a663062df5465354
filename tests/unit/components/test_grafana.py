"""Grafana requires a login, stores nothing, and shows the repository's dashboards."""

import configparser
import json
from typing import Any

import pytest
import yaml

from tests.support.boards import BOARDS
from tests.support.recording import Recording, run_values, stack_values
from tests.support.refusals import refusals

LOAD_BALANCER = {
    "exposure": "load-balancer",
    "sourceRanges": ["203.0.113.0/24"],
    "subnetRanges": ["10.1.0.0/16"],
    "certificateArn": "arn:aws:acm:eu-west-1:000000000000:certificate/made-up",
    "domain": "grafana.example.com",
}


def files(platform: Any) -> dict[str, str]:
    """Mount path -> text, of the files in Grafana's ConfigMap."""
    data = platform.one("ConfigMap", "grafana")["data"]
    return {
        item["path"]: data[item["key"]] for item in volume(platform, "config")["configMap"]["items"]
    }


def pod(platform: Any) -> dict[str, Any]:
    return platform.one("Deployment", "grafana")["spec"]["template"]["spec"]


def volume(platform: Any, name: str) -> dict[str, Any]:
    (found,) = [found for found in pod(platform)["volumes"] if found["name"] == name]
    return found


def ini(platform: Any) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(files(platform)["grafana.ini"])
    return parser


@pytest.fixture(scope="module")
def with_load_balancer() -> Recording:
    """Staging with a load balancer in front of Grafana."""
    values = stack_values("staging")
    values["vaultmesh:settings"]["grafana"] = LOAD_BALANCER
    return run_values(values)


def test_no_volume_outlives_the_pod(platform: Any) -> None:
    kinds = {kind for found in pod(platform)["volumes"] for kind in found if kind != "name"}
    assert kinds <= {"configMap", "projected", "secret", "emptyDir"}


def test_the_admin_password_comes_from_a_mounted_secret_file_and_is_in_no_variable(
    platform: Any,
) -> None:
    (server,) = pod(platform)["containers"]
    value = ini(platform).get("security", "admin_password")
    path = value.removeprefix("$__file{").removesuffix("}")
    assert value == f"$__file{{{path}}}"
    folder, _, key = path.rpartition("/")
    (mount,) = [mount for mount in server["volumeMounts"] if mount["mountPath"] == folder]
    secret = platform.one("Secret", volume(platform, mount["name"])["secret"]["secretName"])
    assert key in secret["stringData"].get("value", secret["stringData"])
    assert not [name for name in map(str, server["env"]) if "PASSWORD" in name]


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
    (source,) = yaml.safe_load(files(platform)["provisioning/datasources/prometheus.yaml"])[
        "datasources"
    ]
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
    recordings: dict[str, Recording], with_load_balancer: Recording
) -> None:
    def annotations(platform: Any) -> dict[str, str]:
        return platform.one("Deployment", "grafana")["spec"]["template"]["metadata"]["annotations"]

    staging = recordings["staging"]
    assert annotations(staging) != annotations(with_load_balancer), "grafana.ini differs"
    values = stack_values("staging")
    values["vaultmesh:settings"]["rules"]["overrides"]["PsiFieldPodDrift"] = {"threshold": 0.5}
    overridden = run_values(values)
    assert boards(overridden) != boards(staging)
    assert annotations(overridden) == annotations(staging)


def test_the_service_is_internal_by_default(platform: Any) -> None:
    spec = platform.one("Service", "grafana")["spec"]
    assert spec["type"] == "ClusterIP"


def test_a_load_balancer_admits_only_the_named_networks_and_terminates_tls(
    with_load_balancer: Recording,
) -> None:
    service = with_load_balancer.one("Service", "grafana")
    assert service["spec"]["type"] == "LoadBalancer"
    assert service["spec"]["loadBalancerSourceRanges"] == LOAD_BALANCER["sourceRanges"]
    assert [port["port"] for port in service["spec"]["ports"]] == [443]
    annotations = service["metadata"]["annotations"]
    prefix = "service.beta.kubernetes.io/aws-load-balancer"
    assert annotations[f"{prefix}-ssl-cert"] == LOAD_BALANCER["certificateArn"]
    assert annotations[f"{prefix}-ssl-ports"] == "443"
    assert annotations[f"{prefix}-scheme"] == "internal"
    assert "TLS13" in annotations[f"{prefix}-ssl-negotiation-policy"]
    policy = with_load_balancer.one("NetworkPolicy", "clients-to-grafana")["spec"]["ingress"][0]
    assert [origin["ipBlock"]["cidr"] for origin in policy["from"]] == LOAD_BALANCER["subnetRanges"]
    assert (
        ini(with_load_balancer).get("server", "root_url") == f"https://{LOAD_BALANCER['domain']}/"
    )


def test_the_load_balancer_is_made_by_the_aws_controller_and_targets_pods(
    with_load_balancer: Recording,
) -> None:
    service = with_load_balancer.one("Service", "grafana")
    prefix = "service.beta.kubernetes.io/aws-load-balancer"
    annotations = service["metadata"]["annotations"]
    assert annotations[f"{prefix}-type"] == "external"
    assert annotations[f"{prefix}-nlb-target-type"] == "ip"
    deployment = with_load_balancer.one("Deployment", "grafana")
    assert service["spec"]["selector"] == deployment["spec"]["selector"]["matchLabels"]


def test_dashboards_and_the_data_source_can_not_be_changed_by_hand(platform: Any) -> None:
    (source,) = yaml.safe_load(files(platform)["provisioning/datasources/prometheus.yaml"])[
        "datasources"
    ]
    assert source["isDefault"] is True
    assert source["editable"] is False
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


@pytest.mark.parametrize("lacking", ["sourceRanges", "subnetRanges", "certificateArn", "domain"])
def test_a_load_balancer_needs_each_of_its_keys(lacking: str) -> None:
    values = stack_values("staging")
    values["vaultmesh:settings"]["grafana"] = {
        k: LOAD_BALANCER[k] for k in LOAD_BALANCER.keys() - {lacking}
    }
    (line,) = refusals(values)
    assert "`exposure: load-balancer` needs" in line and lacking in line
