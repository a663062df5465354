"""Each secret is readable only in the Secret that the pod mounts."""

import base64
from pathlib import Path

import pytest
import yaml

from stacks.settings.credentials import fingerprint
from tests.support.project import Project

MARKERS = {
    "grafanaAdminPassword": "made-up-canary-grafana-7f3a",
    "slackApiUrl": "made-up-canary-slack-7f3a",
    "pagerdutyRoutingKey": "made-up-canary-pagerduty-7f3a",
    "heartbeatUrl": "made-up-canary-heartbeat-7f3a",
    "akashToken": "made-up-canary-akash-7f3a",
}
MOUNTING = {"aurora-treaty": {"secrets": {"akash-token": "akashToken"}}}


@pytest.fixture
def staging(project: Project) -> Project:
    """The rehearsal of staging with a workload's secret, and a marker in each of its secrets."""
    path = project.root / "Pulumi.staging.yaml"
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    content["config"]["vaultmesh:settings"]["workloads"] = MOUNTING
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    for key, marker in MARKERS.items():
        project.set_secret(key, marker, stack="staging")
    return project


def encodings(marker: str) -> list[str]:
    """The marker in plain text, and in base64 at each of the three offsets."""
    encoded = [base64.b64encode(b" " * shift + marker.encode()).decode() for shift in range(3)]
    return [marker, *(text[4:-4] for text in encoded)]


def leaks(text: str) -> list[str]:
    return [
        key
        for key, marker in MARKERS.items()
        if any(spelling in text for spelling in encodings(marker))
    ]


def test_the_search_finds_a_marker_in_every_encoding() -> None:
    for key, marker in MARKERS.items():
        assert leaks(f"password: {marker}") == [key]
        for shift in range(3):
            assert leaks(base64.b64encode(b"x" * shift + marker.encode() + b"yz").decode()) == [key]


def test_no_secret_is_readable_in_preview_state_config_or_config_maps(staging: Project) -> None:
    preview = staging.preview("--diff", stack="staging")
    assert preview.code == 0, preview.text
    up = staging.up("--diff", stack="staging")
    assert up.code == 0, up.text
    again = staging.preview("--diff", stack="staging")
    for what, result in {"preview": preview, "up": up, "second preview": again}.items():
        assert not leaks(result.text), what
    for path in Path(staging.root).rglob("*"):
        if path.is_file() and "-secret-" not in path.name:
            assert not leaks(path.read_bytes().decode(errors="replace")), path
    mounted = {
        key
        for path in (staging.root / "rendered/staging/1-manifest").glob("*-secret-*")
        for key in leaks(path.read_text(encoding="utf-8"))
        if path.stat().st_mode & 0o077 == 0
    }
    assert mounted == set(MARKERS), "the Secrets do not hold what they should"


def test_a_rotated_secret_is_one_update_in_place(staging: Project) -> None:
    assert staging.up(stack="staging").code == 0
    staging.set_secret("grafanaAdminPassword", "made-up-canary-rotated-7f3a", stack="staging")
    result = staging.preview("--diff", stack="staging")
    assert result.changes["~"] == 1, result.text
    assert set(result.changes) == {"~", "="}
    assert "canary-rotated-7f3a" not in result.text


def test_staging_may_not_have_the_pager_that_production_has(staging: Project) -> None:
    key = "R0K0fEXAMPLE" + "p" * 20
    path = staging.root / "Pulumi.yaml"
    text = path.read_text(encoding="utf-8")
    assert text.count("    default: []\n") == 1
    path.write_text(text.replace("    default: []\n", f"    default: [{fingerprint(key)}]\n"))
    staging.set_secret("pagerdutyRoutingKey", key, stack="staging")
    result = staging.preview(stack="staging")
    assert result.code != 0
    assert "pagerdutyRoutingKey: it pages the production on-call" in result.text
    assert key not in result.text

    path.write_text(text)
    result = staging.preview(stack="staging")
    assert "it pages the production on-call" not in result.text
