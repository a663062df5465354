"""`make verify` on a live run: green, and red beside what is broken."""

import json
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ops.manifests import read_manifests
from ops.verify.command import CANNOT_ASK, GREEN, SOME_RED, main
from ops.verify.paging import ALERT
from ops.verify.rows import State
from ops.verify.servers import scrape_jobs
from tests.live.conftest import Live, running

CONFIG = "v1-configmap-*-prometheus-server.yaml"


@pytest.fixture(scope="module")
def live(manifests: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A run of manifests that tests may change."""
    own = Path(shutil.copytree(manifests, tmp_path_factory.mktemp("verify") / "all"))
    yield from running(Live(tmp_path_factory.mktemp("verified"), own, jobs=True))


def verify(
    live: Live, capsys: pytest.CaptureFixture[str], *arguments: str
) -> tuple[int, dict[str, Any]]:
    """Verify the run once: exit code, and (check, subject) -> row."""
    options = live.platform.options
    places = [f"--manifests={options.manifests}", f"--state={options.state}"]
    code = main(["--live", "--timeout=0", "--json", *places, *arguments])
    rows = json.loads(capsys.readouterr().out)["rows"]
    return code, {(row["check"], row["subject"]): row for row in rows}


def wait_until_green(live: Live, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    last: list[tuple[int, dict[str, Any]]] = []
    live.wait_for(lambda _: last.append(verify(live, capsys)) or last[-1][0] == GREEN, "green")
    return last[-1][1]


def reds(rows: dict[str, Any]) -> dict[str, Any]:
    return {key: row for key, row in rows.items() if row["state"] == State.RED}


def test_a_healthy_run_is_green_and_says_what_does_not_run_here(
    live: Live, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = wait_until_green(live, capsys)
    manifests = read_manifests(live.platform.options.manifests)
    tried = {check for check, row in rows.items() if row["state"] == State.GREEN}
    assert {("targets", f"prometheus-server-0 -> {job}") for job in scrape_jobs(manifests)} - {
        ("targets", "prometheus-server-0 -> grafana")
    } <= tried
    skipped = {check for check, subject in rows if rows[check, subject]["state"] == State.UNTRIED}
    assert skipped == {"rollout", "targets", "dashboards", "DNS", "policies", "edges", "denied"}
    assert rows["watchdog", "Watchdog"]["detail"].startswith("harbinger received it ")


def test_a_test_page_arrives_if_asked_for(live: Live, capsys: pytest.CaptureFixture[str]) -> None:
    wait_until_green(live, capsys)
    code, rows = verify(live, capsys, "--test-page")
    paged = {
        subject: row["state"] for (check, subject), row in rows.items() if check == "test page"
    }
    assert (code, paged) == (
        GREEN,
        {"critical by webhook": State.GREEN, "warning by webhook": State.GREEN},
    )
    [page] = {
        event["annotations"]["summary"]
        for event in live.observer.events()
        if event["alertname"] == ALERT
    }
    assert page.startswith("TEST: nothing is wrong")


def test_a_pod_that_hangs_is_red_with_its_name(
    live: Live, capsys: pytest.CaptureFixture[str]
) -> None:
    [pod] = live.platform.pods_of("scheduler")
    process = live.platform.children[pod.name].process.pid
    os.kill(process, signal.SIGSTOP)
    try:
        code, rows = verify(live, capsys)
    finally:
        os.kill(process, signal.SIGCONT)
    assert code == SOME_RED
    assert rows["rollout", "deployment/scheduler"]["detail"] == f"{pod.name} is not ready"


def test_a_rule_that_fails_is_red_with_its_name(
    live: Live, capsys: pytest.CaptureFixture[str]
) -> None:
    [file] = live.platform.options.manifests.rglob(CONFIG)
    text = file.read_text(encoding="utf-8")
    broken = text.replace(
        "expr: avg by (namespace, job) (psi_field_density)", "expr: up + on () up"
    )
    assert broken != text
    file.write_text(broken, encoding="utf-8")
    try:
        live.wait_for(
            lambda seen: any(rule.health == "err" for rule in seen.rules()), "a rule fails"
        )
        code, rows = verify(live, capsys)
    finally:
        file.write_text(text, encoding="utf-8")
    assert code == SOME_RED
    [row] = reds(rows).values()
    assert row["check"] == "rules" and "psi:density:avg err" in row["detail"]
    wait_until_green(live, capsys)


def test_without_a_run_it_says_so(
    live: Live, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["--live", f"--manifests={live.platform.options.manifests}", f"--state={tmp_path}"])
    assert code == CANNOT_ASK
    text = "error: `make live` does not run. Start it in another terminal.\n"
    assert capsys.readouterr().err == text
