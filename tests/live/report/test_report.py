"""The report and the silences, with a real Prometheus and a real Alertmanager."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.support.report.report_pods import PODS, TREATY
from tests.support.report.report_servers import Servers, running
from tests.support.series import rule_files
from tests.support.services.psi_process import ROOT

ALERT_ROW = r"\| `{}` \|.*\| {} \| {} \| {} \|.*\| {} \| \[{}\.md\]"
"""A row of the firing alerts: name, subject, value, threshold, receiver, runbook."""


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with running(tmp_path_factory.mktemp("servers")) as servers:
        yield servers


def run_command(*arguments: str | Path) -> str:
    command = [sys.executable, "-m", "ops", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def report(servers: Servers, out: Path) -> str:
    """The Markdown of a new report."""
    where = ("--prometheus", servers.prometheus, "--alertmanager", servers.alertmanager)
    said = run_command("report", *where, "--rendered", servers.rendered, "--out", out)
    page, text = map(Path, said.splitlines())
    assert page.read_text(encoding="utf-8").count("<svg") == 7
    return text.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def text(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> str:
    return report(servers, tmp_path_factory.mktemp("reports"))


def test_nothing_is_missing_and_all_rules_are_healthy(text: str) -> None:
    assert "Not available" not in text
    loaded = [yaml.safe_load(text) for text in rule_files().values()]
    rules = sum(len(group["rules"]) for file in loaded for group in file["groups"])
    assert f"| Rules healthy | {rules} (of {rules} loaded) |" in text
    # Grafana was not asked, and nobody writes for long here.
    assert "| Maturity | 6.5 (of 10) |" in text


@pytest.mark.parametrize(
    ("alert", "on", "value", "threshold", "receiver"),
    [
        ("PsiFieldPodDrift", "`psi-field as a whole`", r"0\.8", r"0\.3", "critical"),
        ("PsiFieldPredictionErrorHigh", f"`{PODS[0]}`", r"0\.8625", r"0\.7", "warning"),
        ("TreatyNoRequests", f"`{TREATY}`", "0", "\N{EN DASH}", "warning"),
    ],
)
def test_each_alert_of_the_scenario_is_reported(
    text: str, alert: str, on: str, value: str, threshold: str, receiver: str
) -> None:
    assert re.search(ALERT_ROW.format(alert, on, value, threshold, receiver, alert), text), text
    assert text.count("| Alerts firing | 3 (1 critical, 2 warning) |") == 1


def test_the_drift_is_traced_to_the_pod_that_got_no_step(text: str) -> None:
    assert f"{PODS[1]} was never sent a step since it started, while {PODS[0]} got 12" in text


def test_the_charts_reach_back_to_before_the_drift(text: str) -> None:
    chart = text[text.index("### ψ-Field: drift between pods") :]
    assert re.search(r"\| `psi-field` \| 0\.05 \| 0\.\d+ \| 0\.8 \| 0\.8 \|", chart), chart[:400]


def test_silences_make_the_round_trip(servers: Servers, tmp_path: Path) -> None:
    where = ("--alertmanager", servers.alertmanager)
    make = ("silence", "TreatyNoRequests", "--why", "soak test is over", *where)
    make += ("--label", f"treaty={TREATY}", "--prometheus", servers.prometheus)
    first = run_command(*make, "--for", "2h")
    identity = re.search(r"\(([0-9a-f-]{36})\)$", first.strip())
    assert identity
    assert first.startswith("silenced ")
    assert "keeps quiet now: 1 " in first
    report(servers, tmp_path)
    for lasting, verb in (("3h", "prolonged"), ("1h", "shortened")):
        assert re.match(rf"{verb} .*\({identity[1]}\)$", run_command(*make, "--for", lasting))
    assert run_command("silence", "--list", *where).count("\n") == 1
    text = report(servers, tmp_path)
    assert re.search(r"\| `TreatyNoRequests` \|.*\| silenced \|", text)
    assert run_command("silence", "--expire", identity[1], *where).startswith(
        f"expired {identity[1]}"
    )
    again = run_command("silence", "--expire", identity[1], *where)
    assert again == f"{identity[1]} is over already\n"
    assert run_command("silence", "--list", *where) == ""
    assert "has ended" in report(servers, tmp_path)
