"""Every wrong setting is refused in one line that names its key and says what would be right."""

from typing import Any

import pulumi
import pytest
from pulumi.runtime.sync_await import _ensure_event_loop

from stacks.secrets import SECRETS
from stacks.settings import Configuration, load_configuration
from tests.support import recording
from tests.support.recording import STACKS, configure, record, stack_values


@pytest.fixture(autouse=True)
def current_loop() -> None:
    """Pulumi's outputs want a current event loop, and `asyncio.run` in a test before leaves none.

    Pulumi itself sees to it this way wherever it starts a program.
    """
    _ensure_event_loop()


@pytest.fixture
def errors(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The lines that a refused program shows."""
    lines: list[str] = []
    monkeypatch.setattr(pulumi.log, "error", lines.append)
    return lines


def refused(values: dict[str, Any], **secrets: Any) -> None:
    configure(values, **secrets)
    with pytest.raises(SystemExit) as stop:
        load_configuration()
    assert stop.value.code not in (0, None)


def change(values: dict[str, Any], path: str, value: Any) -> None:
    """Set, or with None remove, what stands at `path` of the settings."""
    *parents, last = path.split(".")
    section = values["vaultmesh:settings"]
    for parent in parents:
        section = section[parent]
    if value is None:
        del section[last]
    else:
        section[last] = value


@pytest.mark.parametrize("stack", STACKS)
def test_every_stack_of_the_repository_is_accepted(stack: str) -> None:
    configure(stack_values(stack))
    assert isinstance(load_configuration(), Configuration)


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("namespce", "x", "settings.namespce: unknown key, did you mean namespace?"),
        ("prometheus.retenton", "1d", "settings.prometheus.retenton: unknown key, did you mean"),
        ("workloads.psi-field.replica", 3, "workloads.psi-field.replica: unknown key, did you"),
        ("namespace", None, "settings.namespace: missing; set it in Pulumi."),
        ("prometheus.storage", "50GB", "settings.prometheus.storage: string should match"),
        (
            "prometheus.retention",
            "2 weeks",
            "settings.prometheus.retention: `2 weeks` is not a duration",
        ),
        ("prometheus.replicas", 0, "settings.prometheus.replicas: input should be greater"),
        ("prometheus.replicas", "two", "settings.prometheus.replicas: input should be a valid"),
        ("namespace", "Aurora_Staging", "settings.namespace: string should match"),
        ("cluster", {}, "settings.cluster: set exactly one of eks, context, render"),
        ("cluster", {"eks": "a", "context": "b"}, "settings.cluster: set exactly one of"),
        ("cluster", {"eks": None}, "settings.cluster: set exactly one of"),
        ("cluster", {"render": ""}, "settings.cluster.render: string should have at least 1"),
        ("workloads.grafana", {"command": ["x"]}, "workloads.grafana: grafana is a part of the"),
        ("workloads." + "x" * 60, {"command": ["x"]}, "x: string should match pattern"),
        ("cronJobs.synthetic-feeder.schedule", "often", "synthetic-feeder.schedule: string should"),
        ("cronJobs.synthetic-feeder.calls", ["nobody"], "cronJobs.synthetic-feeder.calls names"),
        ("workloads.scheduler.environment", {"PORT": "1"}, "environment.PORT: PORT follows from"),
        ("workloads.scheduler.replicas", 2, "workloads.scheduler: neverTwice and more than one"),
        ("prometheus.retention", "1d2w", "settings.prometheus.retention: `1d2w` is not a duration"),
        ("prometheus.retention", "0d", "settings.prometheus.retention: a period of 0 keeps"),
        ("grafana", {"domain": "https://x.example"}, "settings.grafana.domain: string should"),
        ("alertmanager.routes.critical", "email", "routes.critical.channel: input should be"),
        ("alertmanager.routes.warning", None, "settings.alertmanager.routes.warning: missing"),
        ("production", None, "settings.production: missing; set it in Pulumi."),
        ("production", "maybe", "settings.production: input should be a valid boolean"),
        ("alertmanager.routes.Warning", "slack", "routes.Warning: unknown key, did you mean warn"),
        ("alertmanager.routes.warning.chanel", "x", "warning.chanel: unknown key, did you mean ch"),
        (
            "alertmanager.routes.critical",
            {"channel": "pagerduty", "during": "business-hours"},
            "settings.alertmanager.routes: critical must reach somebody at any time",
        ),
        (
            "alertmanager.routes.warning.during",
            "office-hours",
            "routes.warning.during names 'office-hours'; hours has business-hours",
        ),
        (
            "alertmanager.hours.business-hours.timeZone",
            "Europe/Berln",
            "business-hours.timeZone: there is no time zone 'Europe/Berln'; did you mean Europe/Be",
        ),
        ("alertmanager.hours.business-hours.to", "08:00", "business-hours: from 08:00 to 08:00 is"),
        ("alertmanager.hours.business-hours.to", "8pm", "business-hours.to: string should match"),
        ("alertmanager.hours.business-hours.from", "24:00", "business-hours.from: string should"),
        (
            "alertmanager.hours.business-hours.weekdays",
            [],
            "business-hours: no weekdays is no time",
        ),
        ("alertmanager.hours.business-hours.weekdays", ["Mo"], "weekdays.0: input should be 'mon"),
        (
            "alertmanager.idleWindows",
            [{"name": "business-hours", "timeZone": "UTC", "from": "22:00", "to": "06:00"}],
            "idleWindows: the name business-hours is given twice in hours and idleWindows",
        ),
        (
            "alertmanager.idleWindows",
            [{"name": "night", "timeZone": "UTC", "from": "22:00", "to": "06:00"}] * 2,
            "idleWindows: the name night is given twice",
        ),
        (
            "alertmanager.idleWindows",
            [{"name": "night", "timeZone": "UTC", "from": 1320, "to": "06:00"}],
            "idleWindows.0.from: input should be a valid string, but it is 1320",
        ),
        ("alertmanager.heartbeat.timeout", "30s", "heartbeat.timeout: 30s is too short for a hear"),
        ("alertmanager.heartbeat.timeout", "soon", "heartbeat.timeout: `soon` is not a duration"),
        (
            "workloads.harbinger.environment",
            {"HARBINGER_WATCHDOG_TIMEOUT_SECONDS": "60"},
            "HARBINGER_WATCHDOG_TIMEOUT_SECONDS: HARBINGER_WATCHDOG_TIMEOUT_SECONDS follows from",
        ),
        ("workloads.heartbeat", {"command": ["x"]}, "workloads.heartbeat: heartbeat is a part of"),
        ("alertmanager.slackChannel", None, "settings.alertmanager: a route goes to slack: set"),
        (
            "alertmanager",
            {"routes": {"warning": "webhook", "critical": "webhook"}},
            "a route goes to webhook: set webhook",
        ),
        (
            "alertmanager.webhook",
            {"workload": "nobody", "path": "/alerts"},
            "alertmanager.webhook.workload names 'nobody'; there are aurora-treaty",
        ),
        ("workloads.scheduler.calls", ["nobody"], "workloads.scheduler.calls names 'nobody'"),
        ("workloads.scheduler.image", "vaultmesh/x", "workloads.scheduler.image: string should"),
        ("workloads.scheduler.command", [], "workloads.scheduler.command: tuple should have at"),
        ("workloads.scheduler.port", 80, "workloads.scheduler.port: input should be greater"),
        ("grafana", {"exposure": "load-balancer"}, "settings.grafana: exposure: load-balancer"),
        ("grafana", {"domain": "g.example.com"}, "are for exposure: load-balancer"),
        ("rules.runbookBaseUrl", "http://x.example", "rules.runbookBaseUrl: string should match"),
    ],
)
def test_a_wrong_setting_is_named_with_its_path(
    errors: list[str], path: str, value: Any, expected: str
) -> None:
    values = stack_values("staging")
    change(values, path, value)
    refused(values)
    assert len(errors) == 1, errors
    assert errors[0].startswith("vaultmesh:settings")
    assert expected in errors[0]
    assert "\n" not in errors[0]


def test_a_load_balancer_for_the_whole_internet_is_refused(errors: list[str]) -> None:
    values = stack_values("staging")
    change(values, "grafana", {"exposure": "load-balancer", "sourceRanges": ["0.0.0.0/0"]})
    refused(values)
    assert errors[0].startswith("vaultmesh:settings.grafana.sourceRanges.0: 0.0.0.0/0 is too wide")


def test_every_wrong_key_is_named_not_just_the_first(errors: list[str]) -> None:
    values = stack_values("staging")
    change(values, "namespace", None)
    change(values, "prometheus.retenton", "1d")
    values["vaultmesh:setings"] = {}
    refused(values)
    assert [line.split(": ")[0] for line in errors] == [
        "vaultmesh:setings",
        "vaultmesh:settings.namespace",
        "vaultmesh:settings.prometheus.retenton",
    ]


@pytest.mark.parametrize("key", SECRETS)
def test_a_missing_secret_is_named_with_the_command_that_sets_it(
    errors: list[str], key: str
) -> None:
    kept = {name: value for name, value in recording.SECRETS.items() if not name.endswith(key)}
    refused(stack_values("staging"), secrets=kept)
    (line,) = errors
    assert line.startswith(f"vaultmesh:{key}: missing")
    assert f"pulumi config set --secret {key}" in line


def test_a_secret_in_plain_text_is_refused_without_being_repeated(errors: list[str]) -> None:
    values = stack_values("staging") | {"vaultmesh:slackApiUrl": "https://marker.invalid"}
    kept = {name: value for name, value in recording.SECRETS.items() if "slack" not in name}
    refused(values, secrets=kept)
    assert errors[0].startswith("vaultmesh:slackApiUrl: a secret stands there in plain text")
    assert "marker" not in "".join(errors)


@pytest.mark.parametrize("key", ["slackApiUrl", "heartbeatUrl"])
@pytest.mark.parametrize("value", ["marker.invalid", "http://marker.invalid/x", "https://a marker"])
def test_an_address_that_is_none_is_refused_without_being_repeated(
    errors: list[str], key: str, value: str
) -> None:
    refused(stack_values("staging"), secrets=recording.SECRETS | {f"vaultmesh:{key}": value})
    (line,) = errors
    assert line.startswith(f"vaultmesh:{key}: no URL that begins with https://")
    assert "marker" not in line


def test_a_heartbeat_that_nobody_waits_for_is_refused(errors: list[str]) -> None:
    values = stack_values("staging")
    change(values, "alertmanager.webhook", None)
    change(values, "alertmanager.heartbeat.outside", False)
    refused(values)
    assert "nobody waits for the heartbeat: set heartbeat.outside or webhook" in errors[0]


def test_a_stack_without_slack_and_pagerduty_neither_needs_nor_takes_their_credentials() -> None:
    key = "vaultmesh:grafanaAdminPassword"
    configure(stack_values("local"), {key: recording.SECRETS[key]})
    assert set(load_configuration().secrets) == {"grafanaAdminPassword"}
    configure(stack_values("local"))
    assert set(load_configuration().secrets) == {"grafanaAdminPassword"}


def test_secrets_stay_secret_all_the_way_to_the_resource() -> None:
    from stacks.platform import build

    configure(stack_values("staging"))
    platform = record(lambda: build(load_configuration()))
    for secret in platform.all("Secret"):
        wrapper = secret["stringData"]
        assert wrapper["4dabf18193072939515e22adb298388d"] == "1b47061264138c4ac30d75fd1eb44270"
