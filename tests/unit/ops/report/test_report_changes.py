"""The section on changes since the last report, and its snapshots."""

from pathlib import Path

import httpx
import pytest

from ops.report.changes import Snapshot, SnapshotError, read_snapshot
from ops.report.command import STEM, main
from ops.report.composition import compose
from ops.report.document import Document
from tests.support.loopback import unused_address
from tests.support.report.report_answers import find_rule, sample, target
from tests.support.report.report_platform import (
    Platform,
    find_section,
    gather_facts,
    list_items,
    report_on,
)


@pytest.fixture
def before(rendered: Path) -> Snapshot:
    return report_on(Platform(), rendered)[1]


def change_lines(platform: Platform, rendered: Path, before: Snapshot) -> list[str]:
    return list_items(report_on(platform, rendered, before)[0], "changes")


def test_the_same_facts_are_no_change(rendered: Path, before: Snapshot) -> None:
    document, after = report_on(Platform(), rendered, before)
    assert list_items(document, "changes") == []
    assert after == before
    assert (
        find_section(document, "changes").intro
        == "Compared with the report of 2025-10-23 12:00 UTC."
    )


def test_the_first_report_says_that_it_is_the_first(rendered: Path) -> None:
    assert "the first report" in find_section(report_on(Platform(), rendered)[0], "changes").intro


def test_each_change_is_named(rendered: Path, before: Snapshot) -> None:
    platform = Platform()
    find_rule(platform.groups, "TreatyNoRequests")["alerts"] = []
    find_rule(platform.groups, "psi:density:avg")["health"] = "err"
    platform.targets[1]["health"] = "down"
    platform.targets.append(target("stranger", "stranger-0"))
    platform.samples = [
        sample(1, __name__="vaultmesh:health_score")
        if one["metric"]["__name__"] == "vaultmesh:health_score"
        else one
        for one in platform.samples
    ]
    assert change_lines(platform, rendered, before) == [
        "Maturity: 8.0 → 6.25.",
        "vaultmesh:health_score: 0.575 → 1.",
        "Alert TreatyNoRequests on AURORA-AKASH-001 has ended.",
        "Workload psi-field: up, 2 of 2 → partly up, 1 of 2.",
        "Workload stranger: not there → up, 1 of 1.",
        "Rule psi:density:avg: ok → err.",
    ]


def test_missing_facts_are_no_change(rendered: Path, before: Snapshot) -> None:
    platform = Platform(broken={"/rules": lambda _: httpx.Response(500)})
    assert change_lines(platform, rendered, before) == []


def test_an_outage_and_its_end_are_no_change(rendered: Path, before: Snapshot) -> None:
    gone = {server: lambda _: httpx.Response(503) for server in ("prometheus", "alertmanager")}
    outage = report_on(Platform(broken=gone), rendered)[1]
    assert change_lines(Platform(broken=gone), rendered, before) == []
    assert change_lines(Platform(), rendered, outage) == []


def test_manifests_of_another_environment_are_not_taken_for_this_one(
    rendered: Path, before: Snapshot
) -> None:
    platform = Platform()
    for found in platform.targets:
        found["labels"]["namespace"] = "elsewhere"
    document, after = report_on(platform, rendered)
    assert after.score is None
    assert any("the targets of elsewhere" in line for line in unavailable(document))


def unavailable(document: Document) -> list[str]:
    return [line for part in document.sections for line in part.unavailable]


def test_facts_that_were_missing_before_are_not_new(rendered: Path, before: Snapshot) -> None:
    blind = {"firing": None, "rules": None, "workloads": None, "silences": None, "values": {}}
    assert change_lines(Platform(), rendered, before.model_copy(update=blind)) == []


def test_a_snapshot_survives_its_file(tmp_path: Path, before: Snapshot) -> None:
    path = tmp_path / "report.json"
    path.write_text(before.to_json())
    assert read_snapshot(path) == before


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"version": 1}', "\x00"])
def test_a_file_that_is_not_a_snapshot_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "report.json"
    path.write_text(text)
    with pytest.raises(SnapshotError, match="is not the snapshot of a report"):
        read_snapshot(path)


def test_a_snapshot_of_another_version_is_refused(tmp_path: Path, before: Snapshot) -> None:
    path = tmp_path / "report.json"
    path.write_text(before.model_copy(update={"version": 1}).to_json())
    with pytest.raises(SnapshotError, match="has version 1 instead of 2"):
        read_snapshot(path)


def test_the_maturity_is_compared_if_the_same_servers_were_asked(rendered: Path) -> None:
    poor = Platform(boards={})
    for asked, expected in ((("grafana",), 1), ((), 0)):
        facts = gather_facts(poor, rendered, asked=asked)
        _, before = compose(facts, title="t", environment="e", hours=6)
        document, _ = report_on(Platform(), rendered, before)
        changes = [one for one in list_items(document, "changes") if "Maturity" in one]
        assert len(changes) == expected


def reported(out: Path, *more: str) -> str:
    nobody = f"http://{unused_address()}"
    servers = ["--prometheus", nobody, "--alertmanager", nobody]
    assert main([*servers, "--rendered", str(out / "none"), "--out", str(out), *more]) == 0
    return max(out.glob("*.md")).read_text()


def test_the_newest_report_in_the_folder_is_compared_with(
    tmp_path: Path, before: Snapshot, capsys: pytest.CaptureFixture[str]
) -> None:
    for day in (1, 2):
        name = f"{STEM}-2025010{day}T000000Z.json"
        old = before.model_copy(update={"time": before.time.replace(year=2025, month=1, day=day)})
        (tmp_path / name).write_text(old.to_json())
    assert "Compared with the report of 2025-01-02" in reported(tmp_path)
    capsys.readouterr()


def test_a_broken_snapshot_is_reported_and_stops_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "old.json").write_text("{")
    assert "is not the snapshot of a report" in reported(
        tmp_path, "--previous", str(tmp_path / "old.json")
    )
    assert "can't be read: No such file" in reported(
        tmp_path, "--previous", str(tmp_path / "missing.json")
    )
    capsys.readouterr()
