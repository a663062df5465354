"""Probes come from the settings; a wrong one is refused in one line that names its key."""

import json
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import pytest

from services.feeder.app import vector
from services.psi_field.app import Step
from services.psi_field.field import Field
from services.psi_field.history import BLOCK, HISTORY_LENGTH
from tests.support.recording import STACKS, run_values, stack_values
from tests.support.refusals import refusals
from tests.support.series import thresholds
from tests.unit.services.test_psi_field import with_field

FIELD = {*range(HISTORY_LENGTH, HISTORY_LENGTH + BLOCK + 1)}
"""The numbers of steps that may make up the field."""

GET = {"workload": "aurora-treaty", "path": "/ready"}


def with_synthetics(**changes: Any) -> dict[str, Any]:
    values = stack_values("staging")
    values["vaultmesh:settings"]["synthetics"] |= changes
    return values


def with_probe(**changes: Any) -> dict[str, Any]:
    return with_synthetics(probes={"extra": {**GET, **changes}})


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"workload": "nobody"}, "extra.workload: `nobody` is not a workload. Write one of"),
        ({"path": None}, "extra: must have a path of the workload, or a url. Write one of them."),
        ({"url": "https://a.example"}, "extra: must have a path of the workload, or a url. Write"),
        ({"path": None, "url": "http://a.example"}, "extra.url: `http://a.example` is not an http"),
        ({"path": None, "url": "https://u:p@a.example"}, "a.example` is not an https URL without"),
        ({"path": None, "url": "https://a.example:70000"}, "70000` has a port that does not exist"),
        ({"path": "ready"}, "extra.path: `ready` is not a path. Write one such as /ready."),
        (
            {"path": "/100%"},
            "extra.path: `/100%` holds a % without two hexadecimal digits. Write %25.",
        ),
        (
            {"path": None, "url": "https://a.example/%"},
            "/%` holds a % without two hexadecimal digits. Write %25.",
        ),
        ({"pth": "/"}, "extra.pth: unknown key. Did you mean `path`?"),
        ({"method": "DELETE"}, "extra.method: `DELETE` is not allowed here. Write 'GET', 'POS"),
        ({"method": "POST"}, "extra: a GET must have no body, a POST or PUT must have one"),
        ({"body": {"x": []}}, "extra: a GET must have no body, a POST or PUT must have one"),
        ({"method": "POST", "body": "x=1"}, "extra.body: `x=1` is not a mapping. Write `key:"),
        (
            {"headers": {"authorization": "Bearer marker"}},
            "extra.headers.authorization: authorization would be stored in plain text. Probe",
        ),
        ({"headers": {"X A": "b"}}, "extra.headers.X A: `X A` is not the name of a header. Wr"),
        ({"headers": {"X-A": "b\nc"}}, "extra.headers.X-A: `b c` is not the value of a header"),
        ({"expect": {"statuses": []}}, "extra.expect.statuses: empty. Write at least one"),
        (
            {"expect": {"statuses": [20, 200]}},
            "extra.expect.statuses.0: `20` is too small. Write 100",
        ),
        ({"expect": {"contain": "x"}}, "expect.contain: unknown key. Did you mean `contains`?"),
    ],
)
def test_a_wrong_probe_is_named_with_its_path(changes: dict[str, Any], expected: str) -> None:
    (line,) = refusals(with_probe(**changes))
    place, _, text = line.partition(": ")
    assert place.startswith("vaultmesh:settings.synthetics.probes.extra")
    assert expected in f"{place.partition(' (')[0]}: {text}"
    assert "marker" not in line


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"interval": "15s"}, "synthetics.interval: `15s` does not fit the rules"),
        ({"interval": "5m"}, "synthetics.interval: `5m` does not fit the rules"),
        ({"timeout": "30s"}, "synthetics.timeout: `30s` is too long for the interval 30s. Make"),
        ({"timeout": "0s"}, "synthetics.timeout: `0s` is zero. Write"),
        ({"intervall": "1m"}, "synthetics.intervall: unknown key. Did you mean `interval`?"),
        (
            {"probes": {"aurora-treaty-health": GET}},
            "synthetics.probes.aurora-treaty-health: this is the name of a workload",
        ),
        ({"probes": {"Extra_1": GET}}, "probes.Extra_1: `Extra_1` is not a DNS label"),
    ],
)
def test_wrong_times_and_names_are_refused(changes: dict[str, Any], expected: str) -> None:
    (line,) = refusals(with_synthetics(**changes))
    place, _, text = line.partition(": ")
    assert expected in f"{place.partition(' (')[0]}: {text}"


def test_without_probes_in_the_settings_each_workloads_health_is_probed() -> None:
    values = stack_values("local")
    del values["vaultmesh:settings"]["synthetics"]
    names = {f"{name}-health" for name in values["vaultmesh:settings"]["workloads"]}
    assert run_values(values).probe_jobs().keys() == names


def test_a_timeout_reaches_the_exporter_in_units_that_it_reads() -> None:
    platform = run_values(with_synthetics(timeout="0d5s"))
    modules = platform.config("blackbox-exporter")["modules"].values()
    assert {module["timeout"] for module in modules} == {"5s"}


def test_times_replicas_and_an_expected_text_reach_the_exporter() -> None:
    probe = {**GET, "expect": {"contains": "a+b (c)", "statuses": [200, 204]}}
    values = with_synthetics(
        interval="1m", timeout="20s", replicas=2, probes={"extra": probe, "twin": GET}
    )
    platform = run_values(values)
    for job in platform.probe_jobs().values():
        assert (job["scrape_interval"], job["scrape_timeout"]) == ("1m", "21000ms")
    module = platform.config("blackbox-exporter")["modules"]["extra"]
    assert module["timeout"] == "20s"
    assert module["http"]["valid_status_codes"] == [200, 204]
    # A literal text: characters that are special in a pattern are escaped.
    assert module["http"]["fail_if_body_not_matches_regexp"] == [r"a\+b\ \(c\)"]
    assert platform.one("Deployment", "blackbox-exporter")["spec"]["replicas"] == 2
    assert platform.one("PodDisruptionBudget", "blackbox-exporter")


def test_a_workload_is_probed_as_soon_as_it_is_in_the_settings() -> None:
    values = stack_values("staging")
    settings = values["vaultmesh:settings"]
    settings["workloads"]["archivist"] = {"command": ["archivist"], "port": 9000}
    job = run_values(values).probe_jobs()["archivist-health"]
    assert job["params"]["target"] == [f"http://archivist.{settings['namespace']}.svc:9000/health"]


def step_probe(stack: str) -> tuple[Step, str | None]:
    """The step that a stack's probe sends, and its Idempotency-Key."""
    probes = stack_values(stack)["vaultmesh:settings"]["synthetics"]["probes"]
    (probe,) = [found for found in probes.values() if found["path"] == "/step"]
    return Step.model_validate_json(json.dumps(probe["body"])), probe["headers"]["Idempotency-Key"]


def simulate_four_hours(step: Step, key: str | None) -> list[tuple[bool, Mapping[str, float]]]:
    """(whether a probe moved the field, metrics) for each minute of four hours.

    Each minute, the feeder sends one step, and then two probes send theirs.
    """

    async def simulate(field: Field) -> list[tuple[bool, Mapping[str, float]]]:
        minutes = []
        for minute in range(4 * 60):
            await field.step(tuple(vector(minute)), False, f"feeder-60-{minute}")
            fed = field.history.digest
            for _ in range(2):
                await field.step(step.x, step.apply_guardian, key)
            minutes.append((field.history.digest != fed, field.metrics))
        return minutes

    return with_field(simulate)


@pytest.mark.parametrize("stack", STACKS)
def test_the_steps_of_probes_fire_no_alert_while_the_feeder_runs(stack: str) -> None:
    minutes = simulate_four_hours(*step_probe(stack))
    moved = [number for number, (by_probe, _) in enumerate(minutes) if by_probe]
    gaps = {later - earlier for earlier, later in pairwise(moved)}
    assert len(moved) > 1 and gaps <= FIELD, "once in as many steps as make up the field"
    limits = thresholds()
    for _, metrics in minutes[1:]:
        assert metrics["prediction_error"] < limits["PsiFieldPredictionErrorHigh"]["threshold"]
        assert metrics["temporal_entropy"] < limits["PsiFieldTemporalEntropyHigh"]["threshold"]
        assert metrics["density"] > limits["PsiFieldDensityAnomaly"]["threshold_low"]


def test_without_an_idempotency_key_the_steps_of_probes_would_fire_an_alert() -> None:
    step, _ = step_probe("local")
    low = thresholds()["PsiFieldDensityAnomaly"]["threshold_low"]
    assert min(metrics["density"] for _, metrics in simulate_four_hours(step, None)[1:]) < low


def test_a_probe_of_a_url_may_leave_the_namespace_by_its_port_alone() -> None:
    urls = {"partner": "https://a.example/status", "other": "https://b.example:8443"}
    probes = {name: {"workload": "aurora-treaty", "url": url} for name, url in urls.items()}
    recording = run_values(with_synthetics(probes=probes))
    for name, url in urls.items():
        assert recording.probe_jobs()[name]["params"]["target"] == [url]
        assert name in recording.config("blackbox-exporter")["modules"]
    policy = recording.one("NetworkPolicy", "blackbox-exporter-to-probed-urls")["spec"]
    (rule,) = policy["egress"]
    assert [(port["port"], port["protocol"]) for port in rule["ports"]] == [
        (443, "TCP"),
        (8443, "TCP"),
    ]
    assert policy["podSelector"]["matchLabels"]["app.kubernetes.io/name"] == "blackbox-exporter"
