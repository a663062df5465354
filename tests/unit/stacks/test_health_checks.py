"""Health checks: what Route 53 probes is what alarms watch and the dashboard shows."""

import json
from typing import Any

import pytest
import yaml

from components.aws.place import GLOBAL_REGION
from stacks.settings.aws import CHECKER_REGIONS, FEWEST_REGIONS
from tests.support.aws_models import model
from tests.support.recording import Recording, run_values, stack_values
from tests.support.refusals import refusals

ENDPOINTS = {"api": "https://api.example.com:8443/v1?deep=yes", "api-docs": "https://example.com"}


def values(**checks: Any) -> dict[str, Any]:
    found = stack_values("staging")
    checks = {"endpoints": ENDPOINTS, **checks}
    found["vaultmesh:settings"]["aws"] = {"alarmsBy": "https", "healthChecks": checks}
    return found


@pytest.fixture(scope="module")
def platform() -> Recording:
    return run_values(values())


def aws(recording: Recording, kind: str) -> dict[str, dict[str, Any]]:
    """The inputs of the AWS resources of a kind, by Pulumi's name."""
    return {
        found.name: dict(found.inputs)
        for found in recording.resources
        if found.type.startswith("aws:") and found.kind == kind
    }


def test_checkers_are_where_route_53_has_them() -> None:
    members = model("route53").shape_for("HealthCheckRegionList")
    assert set(CHECKER_REGIONS) == set(model("route53").shape_for("HealthCheckRegion").enum)
    assert members.metadata["min"] == FEWEST_REGIONS


def test_every_endpoint_is_probed_from_three_regions_as_its_url_says(platform: Recording) -> None:
    checks = aws(platform, "HealthCheck")
    probed = {
        name: f"https://{check['fqdn']}:{check['port']:.0f}{check['resourcePath']}"
        for name, check in checks.items()
    }
    assert probed == {
        "api": "https://api.example.com:8443/v1?deep=yes",
        "api-docs": "https://example.com:443/",
    }
    for check in checks.values():
        assert len({*check["regions"]}) >= FEWEST_REGIONS
        assert check["enableSni"], "a server with several certificates could not choose one"


def test_every_endpoint_has_an_alarm_where_the_metrics_are(platform: Recording) -> None:
    alarms = aws(platform, "MetricAlarm")
    assert alarms.keys() == ENDPOINTS.keys()
    topic = aws(platform, "Topic")["endpoint-alarm"]
    for name, alarm in alarms.items():
        assert alarm["dimensions"] == {"HealthCheckId": f"{name}-id"}
        regions = {alarm["region"], topic["region"], alarm["alarmActions"][0].split(":")[3]}
        assert regions == {GLOBAL_REGION}
        assert ENDPOINTS[name] in alarm["alarmDescription"]


def test_the_dashboard_shows_every_health_check_from_the_provisioned_source(
    platform: Recording,
) -> None:
    board = json.loads(platform.one("ConfigMap", "dashboard-endpoints")["data"]["endpoints.json"])
    targets = [target for panel in board["panels"] for target in panel.get("targets", [])]
    shown = {(target["metricName"], target["dimensions"]["HealthCheckId"]) for target in targets}
    assert shown == {
        (metric, f"{name}-id")
        for metric in ("HealthCheckStatus", "TimeToFirstByte")
        for name in ENDPOINTS
    }
    config = platform.one("ConfigMap", "grafana")["data"]
    (text,) = [text for key, text in config.items() if key.endswith("cloudwatch.yaml")]
    (source,) = yaml.safe_load(text)["datasources"]
    for target in targets:
        assert target["datasource"] == {"type": source["type"], "uid": source["uid"]}
        assert target["region"] == source["jsonData"]["defaultRegion"]


def test_grafana_reads_cloudwatch_under_its_own_role(platform: Recording) -> None:
    (role,) = aws(platform, "RolePolicy").items()
    (block,) = json.loads(role[1]["policy"])["Statement"]
    assert (role[0], block["Action"]) == (
        "grafana",
        ["cloudwatch:GetMetricData", "cloudwatch:ListMetrics"],
    )
    assert platform.one("NetworkPolicy", "grafana-to-cloudwatch")


def test_a_stack_without_health_checks_has_neither_source_nor_dashboard() -> None:
    plain = run_values(stack_values("staging"))
    names = {found["metadata"]["name"] for found in plain.all("ConfigMap")}
    assert "dashboard-endpoints" not in names
    assert "cloudwatch" not in json.dumps(plain.one("ConfigMap", "grafana")["data"])


@pytest.mark.parametrize(
    ("checks", "message"),
    [
        ({"endpoints": {}}, "healthChecks.endpoints"),
        ({"endpoints": {"api": "http://example.com"}}, "is not an https URL"),
        ({"regions": ["eu-west-1"]}, "Route 53 asks for more regions. Write 3 or more of us-east"),
        ({"regions": ["eu-west-1"] * 3}, "Route 53 asks for more regions"),
        (
            {"regions": ["us-east-1", "us-west-1", "eu-west-9"]},
            "Route 53 has no checkers in `eu-west-9`. Did you mean `eu-west-1`?",
        ),
    ],
)
def test_a_wrong_setting_is_refused(checks: dict[str, Any], message: str) -> None:
    (line,) = refusals(values(**checks))
    assert message in line
