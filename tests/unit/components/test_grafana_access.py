"""A load balancer lets in only whom it should, and people sign in with a role from their groups."""

from typing import Any

import jmespath
import pytest

from tests.support.grafana import LOAD_BALANCER, OIDC, ini, pod, secret_files, with_grafana
from tests.support.recording import Recording, stack_values
from tests.support.refusals import refusals


@pytest.fixture(scope="module")
def with_load_balancer() -> Recording:
    """Staging with a load balancer in front of Grafana."""
    return with_grafana(LOAD_BALANCER)


@pytest.fixture(scope="module")
def with_oidc() -> Recording:
    """Staging whose Grafana people reach by a load balancer, and sign in to by OpenID Connect."""
    return with_grafana({**LOAD_BALANCER, "oidc": OIDC})


def test_every_secret_comes_from_a_mounted_file_and_is_in_no_variable(with_oidc: Recording) -> None:
    read = {
        value.removeprefix("$__file{").removesuffix("}")
        for section in ini(with_oidc).sections()
        for value in ini(with_oidc)[section].values()
        if value.startswith("$__file{")
    }
    assert read == set(secret_files(with_oidc, "grafana"))
    assert len(read) == 3
    (server,) = pod(with_oidc)["containers"]
    assert not [name for name in map(str, server["env"]) if "PASSWORD" in name or "SECRET" in name]


def test_without_a_load_balancer_grafana_needs_only_its_admins_password(platform: Any) -> None:
    (file,) = secret_files(platform, "grafana")
    assert ini(platform).get("security", "admin_password") == f"$__file{{{file}}}"


ANNOTATION = "service.beta.kubernetes.io/aws-load-balancer"


def test_a_load_balancer_admits_only_the_named_networks_and_terminates_tls(
    with_load_balancer: Recording,
) -> None:
    service = with_load_balancer.one("Service", "grafana-load-balancer")
    assert service["spec"]["type"] == "LoadBalancer"
    assert service["spec"]["loadBalancerSourceRanges"] == LOAD_BALANCER["sourceRanges"]
    annotations = service["metadata"]["annotations"]
    assert annotations[f"{ANNOTATION}-ssl-cert"] == LOAD_BALANCER["certificateArn"]
    assert annotations[f"{ANNOTATION}-scheme"] == "internal"
    assert "TLS13" in annotations[f"{ANNOTATION}-ssl-negotiation-policy"]


def test_no_port_of_a_load_balancer_or_of_a_node_takes_plain_http(
    with_load_balancer: Recording,
) -> None:
    service = with_load_balancer.one("Service", "grafana-load-balancer")
    ports = [f"{port['port']:.0f}" for port in service["spec"]["ports"]]
    assert service["metadata"]["annotations"][f"{ANNOTATION}-ssl-ports"].split(",") == ports
    assert ports == ["443"]
    assert service["spec"]["allocateLoadBalancerNodePorts"] is False
    server = ini(with_load_balancer)["server"]
    assert server["root_url"] == f"https://{LOAD_BALANCER['domain']}/"
    assert server["enforce_domain"] == "true"


def test_the_policy_admits_the_addresses_from_which_the_load_balancer_connects(
    with_load_balancer: Recording,
) -> None:
    service = with_load_balancer.one("Service", "grafana-load-balancer")
    attributes = service["metadata"]["annotations"][f"{ANNOTATION}-target-group-attributes"]
    assert attributes == "preserve_client_ip.enabled=false", "pods would see the clients' own"
    policy = with_load_balancer.one("NetworkPolicy", "clients-to-grafana")["spec"]["ingress"][0]
    assert [origin["ipBlock"]["cidr"] for origin in policy["from"]] == LOAD_BALANCER["subnetRanges"]
    (port,) = service["spec"]["ports"]
    (open_port,) = policy["ports"]
    (container,) = pod(with_load_balancer)["containers"]
    named = {found["name"]: found["containerPort"] for found in container["ports"]}
    assert named[port["targetPort"]] == open_port["port"]


def test_a_load_balancer_is_a_second_service_of_the_same_pods(
    with_load_balancer: Recording,
) -> None:
    inside, outside = (
        with_load_balancer.one("Service", name) for name in ("grafana", "grafana-load-balancer")
    )
    assert inside["spec"]["type"] == "ClusterIP"
    assert inside["spec"]["selector"] == outside["spec"]["selector"]
    annotations = outside["metadata"]["annotations"]
    assert annotations[f"{ANNOTATION}-nlb-target-type"] == "ip"


@pytest.mark.parametrize(
    ("controller", "label"),
    [
        ("service.k8s.aws/nlb", "elbv2.k8s.aws/pod-readiness-gate-inject"),
        ("eks.amazonaws.com/nlb", "eks.amazonaws.com/pod-readiness-gate-inject"),
    ],
)
def test_a_rollout_waits_until_the_load_balancer_uses_the_new_pod(
    controller: str, label: str
) -> None:
    platform = with_grafana({**LOAD_BALANCER, "loadBalancerClass": controller})
    service = platform.one("Service", "grafana-load-balancer")
    assert service["spec"]["loadBalancerClass"] == controller
    (namespace,) = platform.all("Namespace")
    assert namespace["metadata"]["labels"][label] == "enabled"


def test_a_namespace_without_a_load_balancer_waits_for_none(platform: Any) -> None:
    (namespace,) = platform.all("Namespace")
    assert "readiness-gate" not in str(namespace["metadata"]["labels"])


def test_behind_a_load_balancer_only_prometheus_can_read_the_metrics(
    with_load_balancer: Recording,
) -> None:
    section = ini(with_load_balancer)["metrics"]
    jobs = with_load_balancer.config("prometheus-server")["scrape_configs"]
    logins = {job["job_name"]: job["basic_auth"] for job in jobs if "basic_auth" in job}
    assert set(logins) == {"grafana"}
    assert logins["grafana"]["username"] == section["basic_auth_username"]
    asked = section["basic_auth_password"].removeprefix("$__file{").removesuffix("}")
    expected = secret_files(with_load_balancer, "grafana")[asked]
    sent = secret_files(with_load_balancer, "prometheus-server")
    assert sent == {logins["grafana"]["password_file"]: expected}


def test_metrics_need_no_password_where_only_prometheus_can_connect(platform: Any) -> None:
    assert "metrics" not in ini(platform)
    assert "basic_auth" not in str(platform.config("prometheus-server"))


@pytest.mark.parametrize("lacking", ["sourceRanges", "subnetRanges", "certificateArn", "domain"])
def test_a_load_balancer_needs_each_of_its_keys(lacking: str) -> None:
    values = stack_values("staging")
    values["vaultmesh:settings"]["grafana"] = {
        k: LOAD_BALANCER[k] for k in LOAD_BALANCER.keys() - {lacking}
    }
    (line,) = refusals(values)
    assert "`exposure: load-balancer` needs" in line and lacking in line


TOKENS = [
    ({"cognito:groups": ["all (ro)", "sre"]}, "Admin"),
    ({"cognito:groups": ["/dev", "all (ro)"]}, "Editor"),
    ({"cognito:groups": ["CN=Team A,OU=Ops"]}, "Editor"),
    ({"cognito:groups": ["all (ro)"]}, "Viewer"),
    ({"cognito:groups": ["sre-interns", "devs"]}, None),
    ({"cognito:groups": []}, None),
    # `contains` would find "sre" in it.
    ({"cognito:groups": "sre-interns"}, None),
    ({"cognito:groups": None}, None),
    ({"groups": ["sre"]}, None),
]


@pytest.mark.parametrize(("token", "role"), TOKENS)
def test_a_token_gives_the_role_of_its_highest_group(
    token: dict[str, Any], role: str | None, with_oidc: Recording
) -> None:
    path = ini(with_oidc).get("auth.generic_oauth", "role_attribute_path")
    # Grafana takes anything but a text for no role.
    found = jmespath.search(path, token)
    assert (found if isinstance(found, str) else None) == role


def test_someone_without_a_role_is_refused_and_nobody_administers_the_server(
    with_oidc: Recording,
) -> None:
    section = ini(with_oidc)["auth.generic_oauth"]
    assert section["role_attribute_strict"] == "true"
    assert section["allow_assign_grafana_admin"] == "false"
    assert section["use_pkce"] == "true"


def test_the_browser_sends_its_cookie_when_it_comes_back_from_the_provider(
    with_oidc: Recording,
) -> None:
    assert ini(with_oidc).get("security", "cookie_samesite") == "lax"


@pytest.mark.parametrize("shown", [True, False])
def test_the_form_for_the_admins_password_is_a_setting(shown: bool) -> None:
    platform = with_grafana({**LOAD_BALANCER, "oidc": {**OIDC, "loginForm": shown}})
    assert ini(platform).getboolean("auth", "disable_login_form") is not shown


def test_grafana_may_connect_to_the_provider_and_to_nothing_else_outside(
    with_oidc: Recording, with_load_balancer: Recording
) -> None:
    def outside(platform: Recording) -> dict[str, Any]:
        return {
            policy["metadata"]["name"]: policy["spec"]["egress"]
            for policy in platform.all("NetworkPolicy")
            if policy["metadata"]["name"].startswith("grafana-to-") and "egress" in policy["spec"]
        }

    added = outside(with_oidc).keys() - outside(with_load_balancer).keys()
    assert added == {"grafana-to-identity-provider"}
    (rule,) = outside(with_oidc)["grafana-to-identity-provider"]
    assert [port["port"] for port in rule["ports"]] == [443, 8443]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"roles": {}}, "roles (Pulumi.test.yaml): no group has a role."),
        ({"roles": {"admin": ["it's"]}}, "`it's` is not a name."),
        ({"groupsClaim": 'a"b'}, "is not a name."),
        ({"clientId": "a;b"}, "`a;b` is not a name."),
        ({"tokenUrl": "http://login.example.com/"}, "is not an https URL."),
        ({"authUrl": "https://login.example.com/#x"}, "is not an https URL."),
        ({"tokenUrl": "https://login.example.com:99999/"}, "has a port that does not exist."),
    ],
)
def test_a_text_that_would_change_grafanas_file_is_refused(
    change: dict[str, Any], message: str
) -> None:
    values = stack_values("staging")
    values["vaultmesh:settings"]["grafana"] = {**LOAD_BALANCER, "oidc": {**OIDC, **change}}
    (line,) = refusals(values)
    assert message in line


def test_signing_in_by_oidc_needs_an_address_to_come_back_to() -> None:
    values = stack_values("staging")
    values["vaultmesh:settings"]["grafana"] = {"oidc": OIDC}
    (line,) = refusals(values)
    assert "grafana.oidc" in line and "Set `exposure: load-balancer`" in line


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("certificateArn", "arn:aws:acm:x", "is not the ARN of a certificate."),
        ("certificateArn", LOAD_BALANCER["certificateArn"] + " ", "is not the ARN of a"),
        ("sourceRanges", ["203.0.113.7"], "Write 203.0.113.7/32 for one address."),
        ("sourceRanges", ["2001:db8::7"], "Write 2001:db8::7/128 for one address."),
        ("subnetRanges", ["10.1.0.0/255.255.0.0"], "is not a network with the length of its"),
        ("subnetRanges", ["10.1.2.3/16"], "Write 10.1.0.0/16, or 10.1.2.3/32 for this address"),
    ],
)
def test_a_load_balancer_that_aws_or_kubernetes_would_refuse_is_refused(
    key: str, value: Any, message: str
) -> None:
    values = stack_values("staging")
    values["vaultmesh:settings"]["grafana"] = {**LOAD_BALANCER, key: value}
    (line,) = refusals(values)
    assert f"grafana.{key}" in line and message in line
