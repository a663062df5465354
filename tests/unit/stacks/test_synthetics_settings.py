"""Probes come from the settings; a wrong one is refused in one line that names its key."""

import json
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import pytest

from services.feeder.vector import vector
from services.psi_field.fallback import FallbackPsiEngine
from services.psi_field.messages import Step
from services.psi_field.replica import Replica
from services.psi_field.window import WINDOW
from stacks.settings import load_configuration
from tests.support.recording import STACKS, Recording, configure, record, stack_values
from tests.support.series import thresholds
from tests.unit.components.test_blackbox import modules, scrape_jobs
from tests.unit.stacks.test_settings import current_loop, errors, refused  # noqa: F401 - fixtures

GET = {"workload": "aurora-treaty", "path": "/ready"}


def with_synthetics(**changes: Any) -> dict[str, Any]:
    values = stack_values("staging")
    values["vaultmesh:settings"]["synthetics"] |= changes
    return values


def with_probe(**changes: Any) -> dict[str, Any]:
    return with_synthetics(probes={"extra": {**GET, **changes}})


def built(values: dict[str, Any]) -> Recording:
    from stacks.platform import build

    configure(values)
    return record(lambda: build(load_configuration()))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"workload": "nobody"}, "synthetics.probes.extra.workload names 'nobody'; there are"),
        ({"path": "ready"}, "synthetics.probes.extra.path: string should match"),
        ({"pth": "/"}, "synthetics.probes.extra.pth: unknown key, did you mean path?"),
        ({"method": "DELETE"}, "synthetics.probes.extra.method: input should be 'GET'"),
        ({"method": "POST"}, "synthetics.probes.extra: a GET has no body, POST and PUT have one"),
        ({"body": {"x": []}}, "synthetics.probes.extra: a GET has no body, POST and PUT have one"),
        (
            {"method": "POST", "body": "x=1"},
            "synthetics.probes.extra.body: input should be an object",
        ),
        (
            {"headers": {"authorization": "Bearer marker"}},
            "extra.headers.authorization: authorization would stand there in plain text",
        ),
        ({"headers": {"X A": "b"}}, "synthetics.probes.extra.headers.X A: string should match"),
        ({"headers": {"X-A": "b\nc"}}, "synthetics.probes.extra.headers.X-A: string should match"),
        ({"expect": {"statuses": []}}, "extra.expect.statuses: tuple should have at least 1"),
        ({"expect": {"statuses": [20, 200]}}, "extra.expect.statuses.0: input should be greater"),
        ({"expect": {"contain": "x"}}, "extra.expect.contain: unknown key, did you mean contains?"),
    ],
)
def test_a_wrong_probe_is_named_with_its_path(
    errors: list[str],  # noqa: F811
    changes: dict[str, Any],
    expected: str,
) -> None:
    refused(with_probe(**changes))
    (line,) = errors
    assert line.startswith("vaultmesh:settings")
    assert expected in line
    assert "marker" not in line and "\n" not in line


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"interval": "15s"}, "synthetics: interval must be 30s to 2m, not 15s"),
        ({"interval": "5m"}, "synthetics: interval must be 30s to 2m, not 5m"),
        ({"timeout": "30s"}, "synthetics: timeout 30s must be 1s shorter than interval 30s"),
        ({"timeout": "0s"}, "synthetics.timeout: a period of 0"),
        ({"intervall": "1m"}, "synthetics.intervall: unknown key, did you mean interval?"),
        (
            {"probes": {"aurora-treaty-health": GET}},
            "synthetics.probes.aurora-treaty-health has the name of the probe of aurora-treaty's "
            "/health, which is made without it",
        ),
        ({"probes": {"Extra_1": GET}}, "synthetics.probes.Extra_1: string should match"),
    ],
)
def test_wrong_times_and_names_are_refused(
    errors: list[str],  # noqa: F811
    changes: dict[str, Any],
    expected: str,
) -> None:
    refused(with_synthetics(**changes))
    (line,) = errors
    assert expected in line


def test_a_stack_that_says_nothing_of_probes_has_those_of_its_workloads_health() -> None:
    values = stack_values("local")
    del values["vaultmesh:settings"]["synthetics"]
    names = {f"{name}-health" for name in values["vaultmesh:settings"]["workloads"]}
    assert scrape_jobs(built(values)).keys() == names


def test_times_replicas_and_an_expected_text_arrive() -> None:
    probe = {**GET, "expect": {"contains": "a+b (c)", "statuses": [200, 204]}}
    values = with_synthetics(
        interval="1m", timeout="20s", replicas=2, probes={"extra": probe, "twin": GET}
    )
    platform = built(values)
    for job in scrape_jobs(platform).values():
        assert (job["scrape_interval"], job["scrape_timeout"]) == ("1m", "21000ms")
    module = modules(platform)["extra"]
    assert module["timeout"] == "20s"
    assert module["http"]["valid_status_codes"] == [200, 204]
    # A text, not a pattern: nothing in it means anything but itself.
    assert module["http"]["fail_if_body_not_matches_regexp"] == [r"a\+b\ \(c\)"]
    assert platform.one("Deployment", "blackbox-exporter")["spec"]["replicas"] == 2
    assert platform.one("PodDisruptionBudget", "blackbox-exporter")


def test_a_workload_is_probed_as_soon_as_it_is_in_the_settings() -> None:
    values = stack_values("staging")
    settings = values["vaultmesh:settings"]
    settings["workloads"]["archivist"] = {"command": ["archivist"], "port": 9000}
    job = scrape_jobs(built(values))["archivist-health"]
    assert job["params"]["target"] == [f"http://archivist.{settings['namespace']}.svc:9000/health"]


def step_probe(stack: str) -> tuple[Step, str | None]:
    """The step that a stack's probe sends, and the key that it sends it under."""
    probes = stack_values(stack)["vaultmesh:settings"]["synthetics"]["probes"]
    (probe,) = [found for found in probes.values() if found["path"] == "/step"]
    return Step.model_validate_json(json.dumps(probe["body"])), probe["headers"]["Idempotency-Key"]


def hours_of(step: Step, key: str | None) -> list[tuple[bool, Mapping[str, float]]]:
    """Each minute of four hours, in which the field is fed and then probed twice.

    Whether a probe has moved it, and its metrics.
    """
    replica, minutes = Replica("psi-field-0", FallbackPsiEngine), []
    for minute in range(4 * 60):
        replica.step(tuple(vector(minute)), False, f"feeder-60-{minute}")
        fed = replica.digest
        for _ in range(2):
            replica.step(step.x, step.apply_guardian, key)
        minutes.append((replica.digest != fed, replica.metrics))
    return minutes


@pytest.mark.parametrize("stack", STACKS)
def test_the_probe_s_steps_do_no_harm_to_a_field_that_is_fed(stack: str) -> None:
    minutes = hours_of(*step_probe(stack))
    moved = [number for number, (by_probe, _) in enumerate(minutes) if by_probe]
    gaps = {later - earlier for earlier, later in pairwise(moved)}
    assert len(moved) > 1 and gaps == {WINDOW}, "once in as many steps as make up the field"
    limits = thresholds()
    for _, metrics in minutes[1:]:
        assert metrics["prediction_error"] < limits["PsiFieldPredictionErrorHigh"]["threshold"]
        assert metrics["temporal_entropy"] < limits["PsiFieldTemporalEntropyHigh"]["threshold"]
        assert metrics["density"] > limits["PsiFieldDensityAnomaly"]["threshold_low"]


def test_without_a_key_they_would() -> None:
    step, _ = step_probe("local")
    low = thresholds()["PsiFieldDensityAnomaly"]["threshold_low"]
    assert min(metrics["density"] for _, metrics in hours_of(step, None)[1:]) < low
