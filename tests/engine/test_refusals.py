"""Preview refuses anything that would break at run time, and changes nothing."""

from collections.abc import Callable, Sequence
from functools import cache, reduce
from pathlib import Path

import pytest
import yaml

from tests.support.project import Project, run_planned
from toolchain import stacks

PSI = "rules/alerts/psi-field.yaml"
TREATY = "rules/alerts/aurora-treaty.yaml"
SLO = "rules/slos/treaty-requests.yaml"
RECORDS = "rules/recording-rules.yaml"
STACK = "Pulumi.local.yaml"
PROJECT = "Pulumi.yaml"
SCHEDULER = "dashboards/scheduler.py"
CRON_JOBS = "rules/platform/cron-jobs.yaml"
SYNTHETICS = "rules/platform/synthetics.yaml"
TARGETS = "rules/platform/targets.yaml"
TEMPLATES = "rules/notifications.tmpl"

Change = Callable[[bytes], bytes]


def replace(old: str, new: str) -> Change:
    def change(content: bytes) -> bytes:
        assert old.encode() in content, f"{old!r} is not there"
        return content.replace(old.encode(), new.encode(), 1)

    return change


BOMB = "a: &a [x, x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [*{chr(97 + n)}, *{chr(97 + n)}]\n" for n in range(20)
)
Case = tuple[str, Change, str, str]
"""The file, how it is changed, and the place and a word of the line that refuses the change."""

REFUSALS: dict[str, dict[str, Case]] = {
    "files that can't be read": {
        "text that is not UTF-8": (PSI, lambda content: content + b"# \xff\n", PSI, "UTF-8"),
        "text that is not YAML": (
            TREATY,
            replace("groups:", "groups: ]"),
            f"{TREATY}:",
            "not YAML",
        ),
        "a tag that builds an object": (
            "rules/platform/prometheus.yaml",
            replace("for: 5m", "for: !!python/object/apply:os.getcwd []"),
            "rules/platform/prometheus.yaml:",
            "!!python/object/apply:os.getcwd",
        ),
        "an alias bomb": (RECORDS, lambda content: BOMB.encode() + content, f"{RECORDS}:1:", "&a"),
        "a file without groups": (
            SYNTHETICS,
            lambda _: b"alerts: []\n",
            f"{SYNTHETICS}:1:",
            "groups",
        ),
        "a misspelled field": (TARGETS, replace("expr:", "exprs:"), f"{TARGETS}:", "`exprs`"),
        "a bad duration": (CRON_JOBS, replace("for: 5m", "for: 5 min"), f"{CRON_JOBS}:", "5 min"),
    },
    "keys that can't be set": {
        "a time zone that does not exist": (
            STACK,
            replace(
                "    alertmanager:\n",
                "    alertmanager:\n      hours:\n"
                '        night: {timeZone: Mars/Base, from: "08:00", to: "18:00"}\n',
            ),
            "vaultmesh:settings.alertmanager.hours.night.timeZone",
            "Mars/Base",
        ),
        "an unknown settings key": (
            STACK,
            replace("storage: 5Gi", "storage: 5Gi\n      retentoin: 30d"),
            "vaultmesh:settings.prometheus.retentoin (Pulumi.local.yaml)",
            "Did you mean `retention`?",
        ),
        "an unknown key of the shared settings": (
            PROJECT,
            replace("neverTwice: true", "neverTwise: true"),
            "vaultmesh:shared.workloads.scheduler.neverTwise (Pulumi.yaml)",
            "Did you mean `neverTwice`?",
        ),
    },
    "a route": {
        "hours of the webhook": (
            STACK,
            replace("warning: webhook", "warning: {channel: webhook, during: shift}"),
            "vaultmesh:settings.alertmanager.routes.warning.0.during (Pulumi.local.yaml)",
            "the webhook has no hours",
        ),
    },
    "rules, dashboards, templates and settings": {
        "PromQL that does not parse": (
            RECORDS,
            replace("(psi_field_density)", "(psi_field_density"),
            f"{RECORDS}:",
            "does not parse",
        ),
        "a dashboard's variable": (
            PSI,
            replace(
                "psi_field_prediction_error > 0.7", 'psi_field_prediction_error{pod="$pod"} > 0.7'
            ),
            f"{PSI}:",
            "$pod",
        ),
        "a template that does not parse": (
            PSI,
            replace("{{ $labels.pod }}", "{{ $labels.pod }"),
            f"{PSI}:",
            "template",
        ),
        "a label that is aggregated away": (
            PSI,
            replace("The prediction errors of the pods", "Of {{ $labels.pod }} the errors"),
            f"{PSI}:",
            "pod",
        ),
        "a metric that nobody exports": (
            PSI,
            replace("psi_field_temporal_entropy > 0.8", "psi_field_temporal_entropi > 0.8"),
            f"{PSI}:",
            "psi_field_temporal_entropi",
        ),
        "an alert without severity": (
            PSI,
            replace("severity: warning", "team: field"),
            f"{PSI}:",
            "severity",
        ),
        "a severity without a route": (
            PSI,
            replace("severity: critical", "severity: Critical"),
            f"{PSI}:",
            "Critical",
        ),
        "an alert without summary": (
            PSI,
            replace("summary: ψ-Field is down", "note: down"),
            f"{PSI}:",
            "summary",
        ),
        "an alert without description": (
            TREATY,
            replace("description:", "details:"),
            f"{TREATY}:",
            "description",
        ),
        "an alert without runbook page": (
            PSI,
            replace("alert: PsiFieldDown", "alert: PsiFieldGone"),
            f"{PSI}:",
            "docs/runbooks/PsiFieldGone.md",
        ),
        "the same alert twice": (
            TREATY,
            replace("alert: TreatyDown", "alert: PsiFieldPodDrift"),
            ":",
            "the alert PsiFieldPodDrift is already at",
        ),
        "the same record twice": (
            RECORDS,
            replace("record: psi:density:min", "record: psi:density:max"),
            f"{RECORDS}:",
            "the record psi:density:max is already at",
        ),
        "an override for an alert that does not exist": (
            STACK,
            replace(
                "    cronJobs:\n",
                "    rules: {overrides: {TreatyNoRequest: {for: 30m}}}\n    cronJobs:\n",
            ),
            "vaultmesh:settings.rules.overrides.TreatyNoRequest (Pulumi.local.yaml)",
            "TreatyNoRequests",
        ),
        "a dashboard over its gate": (
            SCHEDULER,
            replace('title="Scheduler"', 'title="Scheduler" + "x" * 250_000'),
            SCHEDULER,
            "over the gate",
        ),
        "an alert that no panel names": (
            "dashboards/aurora_kpis.py",
            replace('alerts=["Watchdog"],', ""),
            "dashboards: ",
            "Watchdog",
        ),
        "the severity of Watchdog on another alert": (
            PSI,
            replace("severity: critical", "severity: none"),
            f"{PSI}:",
            "only Watchdog",
        ),
        "a notification template that Alertmanager can't load": (
            TEMPLATES,
            replace("| toUpper }}", "| toUper }}"),
            f"{TEMPLATES}:",
            "toUper",
        ),
        "retention shorter than a rule looks back": (
            PROJECT,
            replace("retention: 30d", "retention: 29d"),
            "vaultmesh:shared.prometheus.retention (Pulumi.yaml)",
            "Write 30d or more",
        ),
        "an objective whose metric nobody exports": (
            SLO,
            replace("treaty_requests_routed[", "treaty_requests_rooted["),
            f"{SLO}:",
            "treaty_requests_rooted",
        ),
        "a panel that names an unknown metric": (
            SCHEDULER,
            replace("scrape_duration_seconds", "scrape_duration_secs"),
            SCHEDULER,
            "scrape_duration_secs",
        ),
    },
}
"""The cases of each preview. Many share one, which also shows that no mistake hides another."""


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The platform, brought up once; no refusal may change it."""
    project = Project.of_the_platform(tmp_path_factory.mktemp("refusals") / "platform")
    result = project.up()
    assert result.code == 0, result.text
    return project


@pytest.fixture(scope="module")
def refused(deployed: Project) -> Callable[[str], list[str]]:
    """Preview -> its error lines; one preview contains many cases, to save time."""

    @cache
    def preview(name: str) -> list[str]:
        edits: dict[str, list[Change]] = {}
        for file, change, _, _ in REFUSALS[name].values():
            edits.setdefault(file, []).append(change)
        return preview_with(deployed, edits)

    return preview


@pytest.mark.parametrize(
    ("preview", "case"), [(preview, case) for preview, cases in REFUSALS.items() for case in cases]
)
def test_preview_refuses(refused: Callable[[str], list[str]], preview: str, case: str) -> None:
    _, _, place, word = REFUSALS[preview][case]
    lines = refused(preview)
    assert any(place in line and word in line for line in lines), (
        f"no line says {place} ... {word}: {lines}"
    )


@pytest.mark.parametrize("verb", ["preview", "up"])
def test_two_rule_files_glued_together_stop_before_anything_changes(
    deployed: Project, verb: str
) -> None:
    psi, treaty = deployed.root / PSI, deployed.root / TREATY
    parts = psi.read_bytes(), treaty.read_bytes()
    resources, rendered = deployed.resources_without_ciphertext(), deployed.rendered()
    second = parts[0].decode().count("\n") + 1 + parts[1].decode().split("groups:")[0].count("\n")
    psi.write_bytes(b"".join(parts))
    treaty.unlink()
    try:
        result = deployed.run(verb)
    finally:
        psi.write_bytes(parts[0])
        treaty.write_bytes(parts[1])
    assert result.code != 0
    lines = [line for line in result.errors if f"{PSI}:{second}:" in line]
    assert lines, f"no line names {PSI}:{second}:\n{result.text}"
    assert "groups" in lines[0]
    assert deployed.resources_without_ciphertext() == resources
    assert deployed.rendered() == rendered


def test_a_missing_secret_is_refused(deployed: Project) -> None:
    planned = stacks.plan("preview", "local", [], root=deployed.root)
    config = Path(planned.command[planned.command.index("--config-file") + 1])
    content, state = config.read_text(encoding="utf-8"), deployed.state_bytes()
    values = yaml.safe_load(content)
    del values["config"]["vaultmesh:grafanaAdminPassword"]
    config.write_text(yaml.safe_dump(values), encoding="utf-8")
    try:
        result = run_planned(planned)
    finally:
        config.write_text(content, encoding="utf-8")
    assert result.code != 0
    assert "grafanaAdminPassword" in result.text
    assert deployed.state_bytes() == state


def preview_with(project: Project, edits: dict[str, Sequence[Change]]) -> list[str]:
    """The error lines of a preview with these changes to files, which are undone afterwards.

    Asserts that the preview fails without a traceback and changes nothing.
    """
    state, rendered = project.state_bytes(), project.rendered()
    originals = {file: (project.root / file).read_bytes() for file in edits}
    changed = {
        file: reduce(lambda text, edit: edit(text), changes, originals[file])
        for file, changes in edits.items()
    }
    for file, content in changed.items():
        (project.root / file).write_bytes(content)
    try:
        result = project.preview()
    finally:
        for file, content in originals.items():
            (project.root / file).write_bytes(content)
    assert result.code != 0, "it was accepted"
    assert "Traceback" not in result.text
    assert project.state_bytes() == state
    assert project.rendered() == rendered
    return result.errors


def assert_each_once(lines: list[str], expected: Sequence[tuple[str, str]]) -> None:
    """Assert that each (place, word) matches exactly one line, and every line matches one."""
    for place, word in expected:
        found = [line for line in lines if place in line and word in line]
        assert len(found) == 1, f"{len(found)} lines say {place} ... {word}: {lines}"
    assert len(lines) == len(set(lines)) == len(expected), "\n".join(lines)


def test_one_preview_names_mistakes_of_every_kind(deployed: Project) -> None:
    override = "    rules: {overrides: {TreatyNoRequest: {for: 30m}}}\n    cronJobs:\n"
    lines = preview_with(
        deployed,
        {
            PSI: [replace("severity: critical", "severity: urgent")],
            TREATY: [replace("treaty:drop_rate:5m > 0.1", "treaty:drop_rate:max > 0.1")],
            RECORDS: [replace("(psi_field_density)", "(psi_field_densities)")],
            SLO: [replace("treaty_requests_routed[", "treaty_requests_rooted[")],
            TEMPLATES: [replace("| toUpper }}", "| toUper }}")],
            SCHEDULER: [
                replace("scrape_duration_seconds", "scrape_duration_secs"),
                replace('title="Scheduler"', 'title="Scheduler" + "x" * 250_000'),
            ],
            PROJECT: [replace("retention: 30d", "retention: 29d")],
            STACK: [replace("    cronJobs:\n", override)],
        },
    )
    assert_each_once(
        lines,
        [
            (f"{PSI}:", "urgent"),
            (f"{TREATY}:", "treaty:drop_rate:max"),
            (f"{RECORDS}:", "psi_field_densities"),
            (f"{SLO}:", "treaty_requests_rooted"),
            (f"{TEMPLATES}:", "toUper"),
            (SCHEDULER, "scrape_duration_secs"),
            (SCHEDULER, "over the gate"),
            ("vaultmesh:shared.prometheus.retention (Pulumi.yaml)", "Write 30d or more"),
            (
                "vaultmesh:settings.rules.overrides.TreatyNoRequest (Pulumi.local.yaml)",
                "TreatyNoRequests",
            ),
        ],
    )


def test_wrong_settings_do_not_hide_wrong_rules_dashboards_or_templates(deployed: Project) -> None:
    route = "      routes:\n        critical: webhok\n"
    lines = preview_with(
        deployed,
        {
            STACK: [
                replace("storage: 5Gi", "storage: 5GB"),
                replace("      routes:\n        critical: webhook\n", route),
            ],
            PROJECT: [replace("neverTwice: true", "neverTwise: true")],
            PSI: [replace("for: 10m", "for: soon")],
            TEMPLATES: [replace("| toUpper }}", "| toUper }}")],
            SCHEDULER: [replace("max(scrape_duration", "max((scrape_duration")],
        },
    )
    assert_each_once(
        lines,
        [
            ("vaultmesh:settings.prometheus.storage (Pulumi.local.yaml)", "5GB"),
            (
                "vaultmesh:settings.alertmanager.routes.critical.0.channel",
                "Did you mean `webhook`?",
            ),
            ("vaultmesh:shared.workloads.scheduler.neverTwise (Pulumi.yaml)", "`neverTwice`"),
            (f"{PSI}:", "soon"),
            (f"{TEMPLATES}:", "toUper"),
            (SCHEDULER, "does not parse"),
        ],
    )
