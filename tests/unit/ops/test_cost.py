"""`make cost` counts what a stack would have, and prices each part of it."""

import ast
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from components.prometheus import INTERVAL
from ops.cost.command import UNKNOWN, main, read_prices
from ops.cost.use import BILLED, is_free, uses
from promql.durations import parse_duration
from tests.support.recording import ROOT, run_values, stack_values

PRICES = read_prices()
HOURS = PRICES["hours_a_month"]
WORKSPACE = "aws:amp/workspaceConfiguration:WorkspaceConfiguration"


def quantities(*resources: tuple[str, Mapping[str, Any]]) -> dict[str, float]:
    """The quantity of each item that resources use, as (type token, inputs)."""
    sums: dict[str, float] = {}
    for use in uses(resources, PRICES):
        sums[use.item] = sums.get(use.item, 0) + use.quantity
    return {item: quantity for item, quantity in sums.items() if quantity}


def staging(**prometheus: Any) -> dict[str, float]:
    """What staging uses, with some settings of its Prometheus changed."""
    values = stack_values("staging")
    values["vaultmesh:settings"]["prometheus"].update(prometheus)
    return quantities(*((found.type, found.inputs) for found in run_values(values).resources))


def pod(cpu: str, memory: str) -> Mapping[str, Any]:
    """A pod template whose container requests this much."""
    container = {"resources": {"requests": {"cpu": cpu, "memory": memory}}}
    return {"spec": {"containers": [container]}}


def test_twice_the_replicas_with_twice_the_disk_use_four_times_the_volumes() -> None:
    small = staging(replicas=1, storage="50Gi")["volume"]
    other_servers = small - 50
    large = staging(replicas=2, storage="100Gi")["volume"]
    assert large - other_servers == 200


def test_a_node_is_taken_by_the_larger_share_of_its_cpus_or_its_memory() -> None:
    def hours(cpu: str, memory: str) -> float:
        spec = {"replicas": 2, "template": pod(cpu, memory)}
        return quantities(("kubernetes:apps/v1:Deployment", {"spec": spec}))["node"]

    assert hours("500m", "1Gi") == HOURS / 2
    assert hours("500m", "3Gi") == HOURS * 6 / 8


def test_a_job_that_is_suspended_uses_no_node() -> None:
    def job(**details: Any) -> tuple[str, Mapping[str, Any]]:
        template = {"jobTemplate": {"spec": {"template": pod("500m", "1Gi")}}}
        return "kubernetes:batch/v1:CronJob", {"spec": {**template, **details}}

    assert quantities(job(suspend=True)) == {}
    assert quantities(job()) == {"node": HOURS / 4}


def test_managed_prometheus_costs_what_its_limit_of_series_lets_in() -> None:
    limits = [{"limits": {"maxSeries": 2000}}]
    found = quantities((WORKSPACE, {"limitsPerLabelSets": limits, "retentionPeriodInDays": 365}))
    written = 2000 * HOURS * 60 * 2
    assert found["written_samples"] == written, "two samples of each series a minute"
    assert found["stored_samples"] == pytest.approx(12 * written * 2 / 2**30)


def test_the_options_of_a_health_check_cost_extra() -> None:
    token = "aws:route53/healthCheck:HealthCheck"
    assert quantities((token, {"type": "HTTP", "requestInterval": 30})) == {"health_check": 1}
    dear = {"type": "HTTPS_STR_MATCH", "searchString": "ok", "requestInterval": 10}
    assert quantities((token, dear)) == {"health_check": 1, "health_check_option": 3}


def test_a_registry_costs_as_many_images_as_it_keeps() -> None:
    rules = [
        {"selection": {"countType": "sinceImagePushed", "countNumber": 14}},
        {"selection": {"countType": "imageCountMoreThan", "countNumber": 30}},
    ]
    policy = {"policy": json.dumps({"rules": rules})}
    kept = quantities(("aws:ecr/lifecyclePolicy:LifecyclePolicy", policy))
    assert kept == {"stored_images": 30 * PRICES["assumed"]["gib_an_image"]}


def declared_in_aws() -> Iterator[tuple[str, str]]:
    """(file, type token) of each AWS resource that a component declares."""
    for path in sorted((ROOT / "components" / "aws").glob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        modules = {
            alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and node.module == "pulumi_aws"
            for alias in node.names
        }
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and isinstance(node.func.value, ast.Name)
                and node.func.value.id in modules
                and node.func.attr[0].isupper()
                and not node.func.attr.endswith("Args")
            ):
                module, name = node.func.value.id, node.func.attr
                yield path.name, f"aws:{module}/{name[0].lower()}{name[1:]}:{name}"


def test_each_aws_resource_has_a_price_or_is_known_to_be_free() -> None:
    found = set(declared_in_aws())
    assert found
    for file, token in found:
        known = token in BILLED or is_free(token)
        assert known, f"{file} declares {token}: price it, or list it as free, in ops/cost/use.py"


def test_each_item_that_a_resource_uses_is_in_the_list_of_prices() -> None:
    source = (ROOT / "ops" / "cost" / "use.py").read_text(encoding="utf-8")
    assert set(re.findall(r'Use\("(\w+)"', source)) == PRICES["prices"].keys()


def test_each_item_of_the_list_of_prices_says_what_it_is_and_where_it_comes_from() -> None:
    for item, price in PRICES["prices"].items():
        assert price["unit"] and price["source"].startswith("https://"), item
        assert {"usd", "as_of"} <= price.keys(), item


def test_samples_come_as_often_as_prometheus_scrapes() -> None:
    milliseconds = 1000 * PRICES["assumed"]["seconds_between_samples"]
    assert milliseconds == parse_duration(INTERVAL)


def test_a_table_adds_up_and_says_what_has_no_price(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    states = [
        {"type": "aws:kms/key:Key", "inputs": {}},
        {"type": "aws:kms/key:Key", "inputs": {}},
        {"type": "aws:cloudwatch/metricAlarm:MetricAlarm", "inputs": {}},
        {"type": "aws:rds/instance:Instance", "inputs": {}},
        {"type": "pulumi:pulumi:Stack"},
    ]
    steps = [{"op": "create", "newState": state} for state in states] + [{"op": "delete"}]
    preview = tmp_path / "account.json"
    preview.write_text(json.dumps({"steps": steps}))
    assert main([str(preview)]) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == "account quantity USD each a month"
    assert "key 2.00 1 2.00 KMS key, a month" in lines
    assert f"aws:rds/instance:Instance 1.00 ? {UNKNOWN}" in lines
    assert "total 2.10 without 1 that have no price" in lines


BROKEN = {
    "a file that is missing": (None, "can't be read: No such file or directory."),
    "a file that is cut off": (b'{"steps": [', "is not a preview."),
    "a file that is not text": (b"\xff", "is not a preview."),
    "a file of another shape": (b'{"steps": [{"newState": {"inputs": {}}}]}', "is not a preview."),
}


@pytest.mark.parametrize("case", BROKEN)
def test_one_line_refuses(case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content, words = BROKEN[case]
    preview = tmp_path / "account.json"
    if content is not None:
        preview.write_bytes(content)
    assert main([str(preview)]) == 2
    shown = capsys.readouterr()
    advice = "Name an output of `pulumi preview --json --show-sames`."
    assert shown.err == f"error: {preview}: {words} {advice}\n"
    assert not shown.out
