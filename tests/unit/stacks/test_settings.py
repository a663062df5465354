"""Every wrong setting is refused in one line that names its key and what to write instead."""

import re
from typing import Any

import pytest

from stacks.secrets import MADE_UP, SECRETS
from tests.support import recording
from tests.support.grafana import LOAD_BALANCER, OIDC
from tests.support.recording import STACKS, Recording, configured, stack_values
from tests.support.refusals import read_configuration, refusals


def change(values: dict[str, Any], path: str, value: Any) -> None:
    """Set the value at `path` of the settings; None removes it."""
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
    assert not refusals(configured(stack))


IDLE = {"timeZone": "UTC", "from": "22:00", "to": "06:00"}
WRONG: list[tuple[str, Any, str]] = [
    ("namespce", "x", "namespce: unknown key. Did you mean `namespace`?"),
    ("prometheus.retenton", "1d", "prometheus.retenton: unknown key. Did you mean `retention`?"),
    ("workloads.psi-field.replica", 3, "psi-field.replica: unknown key. Did you mean `replicas`?"),
    ("workloads.psi-field.never_twice", True, "never_twice: unknown key. Did you mean `neverTwic"),
    ("namespace", None, "namespace: missing. Set it in Pulumi."),
    ("prometheus.storage", "50GB", "prometheus.storage: `50GB` is not a quantity. Write one such"),
    ("prometheus.retention", "2 weeks", "prometheus.retention: `2 weeks` is not a duration. Write"),
    ("prometheus.retention", "1d2w", "prometheus.retention: `1d2w` is not a duration. Write"),
    ("prometheus.retention", "0d", "prometheus.retention: `0d` is zero. Write"),
    ("rolloutTimeout", "20s", "rolloutTimeout: `20s` is too short to pull an image and start. Wri"),
    (
        "rolloutTimeout",
        "2d",
        "rolloutTimeout: `2d` is too long: `pulumi up` would seem to hang. W",
    ),
    ("rolloutTimeout", "soon", "rolloutTimeout: `soon` is not a duration. Write"),
    ("prometheus.replicas", 0, "prometheus.replicas: `0` is too small. Write 1 or more."),
    ("prometheus.replicas", "two", "prometheus.replicas: `two` is not a whole number. Write"),
    ("prometheus.resources", "1Gi", "prometheus.resources: `1Gi` is not a mapping. Write"),
    ("namespace", "Aurora_Staging", "namespace: `Aurora_Staging` is not a DNS label"),
    ("cluster", {}, "cluster: must name one cluster. Set eks, context or"),
    ("cluster", {"eks": "a", "context": "b"}, "cluster: must name one cluster."),
    ("cluster", {"eks": None}, "cluster: must name one cluster."),
    ("cluster", {"render": ""}, "cluster.render: empty. Write some text."),
    (
        "workloads.grafana",
        {"command": ["x"]},
        "workloads.grafana: grafana is reserved for",
    ),
    (
        "workloads.heartbeat",
        {"command": ["x"]},
        "heartbeat: heartbeat is reserved for",
    ),
    ("workloads." + "x" * 64, {"command": ["x"]}, "x` is not a name of at most 63"),
    ("cronJobs.synthetic-feeder.schedule", "often", "schedule: `often` is not a cron expression"),
    ("cronJobs.synthetic-feeder.calls", ["nobody"], "synthetic-feeder.calls: `nobody` is not a wo"),
    ("cronJobs.synthetic-feeder.calls", [], "synthetic-feeder.calls: empty. Write at least one"),
    ("workloads.scheduler.environment", {"PORT": "1"}, "environment.PORT: PORT is computed from"),
    ("workloads.scheduler.replicas", 2, "workloads.scheduler: neverTwice allows one replica. Set"),
    ("workloads.scheduler.calls", ["schedulr"], "`schedulr` is not a workload. Did you mean `sche"),
    ("workloads.scheduler.image", "vaultmesh/x", "image: `vaultmesh/x` is not an image with a tag"),
    (
        "workloads.scheduler.command",
        ["", "x"],
        "command: begins with an empty text. Write the",
    ),
    (
        "workloads.scheduler.replicas",
        2**31,
        "replicas: `2147483648` is too large. Write 21474",
    ),
    ("workloads.scheduler.command", [], "workloads.scheduler.command: empty. Write at least one"),
    ("workloads.scheduler.port", 80, "workloads.scheduler.port: `80` is too small. Write 1024 or"),
    ("workloads.scheduler.port", 70_000, "port: `70000` is too large. Write 65535 or less."),
    (
        "workloads.harbinger.environment",
        {"HARBINGER_WATCHDOG_TIMEOUT_SECONDS": "60"},
        "HARBINGER_WATCHDOG_TIMEOUT_SECONDS is computed from other settings. Remove it.",
    ),
    (
        "workloads.harbinger.replicas",
        2,
        "harbinger.replicas: each notification reaches one pod alone, so the others miss it. Write",
    ),
    (
        "alertmanager.webhook",
        None,
        "workloads.harbinger: alertmanager.webhook sends it nothing. Set the webhook, or remove",
    ),
    (
        "alertmanager.webhook.workload",
        "scheduler",
        "workloads.harbinger: alertmanager.webhook sends it nothing. Set the webhook, or remove",
    ),
    ("production", None, "production: missing. Set it in Pulumi."),
    ("production", "maybe", "production: `maybe` is neither true nor false. Write one of them."),
    ("grafana", {"domain": "https://x.example"}, "grafana.domain: `https://x.example` is not a do"),
    ("grafana", {"exposure": "load-balancer"}, "grafana: `exposure: load-balancer` needs source"),
    ("grafana", {"domain": "g.example.com"}, "need `exposure: load-balancer`. Set it or remove"),
    (
        "grafana",
        {"exposure": "load-balancer", "sourceRanges": ["0.0.0.0/0"]},
        "grafana.sourceRanges.0: `0.0.0.0/0` is too wide. Name the networks that you mean.",
    ),
    ("rules.runbookBaseUrl", "http://x.example", "runbookBaseUrl: `http://x.example` is not an ht"),
    ("rules.sloPeriod", "90d", "`90d` is not a period of objectives. Use 7d or 28d or 30d."),
    (
        "rules.severities",
        {"sev1": "loud"},
        "no route matches the severity `loud`. Use warning or c",
    ),
    (
        "alertmanager.routes.critical",
        "email",
        "critical.0.channel: `email` is not a channel. Wr",
    ),
    ("alertmanager.routes.critical", "heartbeat", "`heartbeat` is not a channel. Write one of pag"),
    ("alertmanager.routes.warning", "slak", "`slak` is not a channel. Did you mean `slack`?"),
    ("alertmanager.routes.warning", None, "alertmanager.routes.warning: missing. Set it in"),
    ("alertmanager.routes.Warning", "slack", "Warning: unknown key. Did you mean `warning`?"),
    ("alertmanager.routes.warning.chanel", "x", "chanel: unknown key. Did you mean `channel`?"),
    (
        "alertmanager.routes.critical",
        {"channel": "pagerduty", "during": "business-hours"},
        "alertmanager.routes.critical.0.during: critical alerts must always reach somebody. Remove",
    ),
    ("alertmanager.routes.critical", [], "routes.critical: empty. Write at least one entry."),
    (
        "alertmanager.routes.critical",
        ["pagerduty", "slack", "pagerduty"],
        "routes.critical.2.channel: `pagerduty` is there twice. Remove one.",
    ),
    (
        "alertmanager.routes.warning",
        {"channel": "webhook", "during": "business-hours"},
        "routes.warning.0.during: the webhook has no hours. Remove the key.",
    ),
    ("alertmanager.pagerdutyRegion", "EU", "pagerdutyRegion: `EU` is not allowed here. Write 'us'"),
    (
        "alertmanager.routes.warning.during",
        "office-hours",
        "routes.warning.0.during: `office-hours` is not in `hours`. Did you mean `business-hours`?",
    ),
    (
        "alertmanager.hours.business-hours.timeZone",
        "Europe/Berln",
        "timeZone: `Europe/Berln` is not a time zone. Did you mean `Europe/Berlin`?",
    ),
    (
        "alertmanager.hours.business-hours.to",
        "08:00",
        "business-hours: from 08:00 to 08:00 is empty",
    ),
    ("alertmanager.hours.business-hours.to", "8pm", "business-hours.to: `8pm` is not a time of"),
    ("alertmanager.hours.business-hours.from", "24:00", "from: `24:00` is not a time of the day."),
    (
        "alertmanager.hours.business-hours.weekdays",
        [],
        "business-hours: `weekdays` is empty. Name at least one day or remove the key.",
    ),
    ("alertmanager.hours.business-hours.weekdays", ["Mo"], "weekdays.0: `Mo` is not allowed here"),
    (
        "alertmanager.idleWindows",
        [{"name": "business-hours", **IDLE}],
        "idleWindows.0.name: `business-hours` is the name of another window too. Choose another",
    ),
    (
        "alertmanager.idleWindows",
        [{"name": "night", **IDLE}] * 2,
        "idleWindows.1.name: `night` is the name of another window too. Choose another name.",
    ),
    (
        "alertmanager.idleWindows",
        [{"name": "night", **IDLE, "from": 1320}],
        "idleWindows.0.from: `1320` is not text. Put it in quotes.",
    ),
    (
        "alertmanager.heartbeat.timeout",
        "30s",
        "timeout: `30s` is too short for the heartbeat. Write",
    ),
    ("alertmanager.heartbeat.timeout", "soon", "heartbeat.timeout: `soon` is not a duration. Wri"),
    (
        "alertmanager.hours",
        {"business-hours": IDLE, "x-closed-for-60m": IDLE},
        "hours.x-closed-for-60m: the program names spans in which hours are closed so. Choose",
    ),
    (
        "alertmanager.idleWindows",
        [{**IDLE, "name": "x-closed-for-60m"}],
        "idleWindows.0.name: `x-closed-for-60m`: the program names spans in which hours are",
    ),
    (
        "alertmanager.slackChannel",
        "#{{x}}",
        "slackChannel: `#{{x}}` is not a channel or user of Slack. Write one such as '#alerts'.",
    ),
    (
        "alertmanager.webhook",
        {"workload": "harbinger", "path": "/{{"},
        "webhook.path: `/{{` begins a template. Write it without braces.",
    ),
    (
        "rules.runbookBaseUrl",
        "https://a.example/{{",
        "runbookBaseUrl: `https://a.example/{{` begins a template. Write it without braces.",
    ),
    (
        "cluster.eks",
        "a/$1",
        "cluster.eks: `a/$1` is not the name of an EKS cluster. Write one such as aurora-staging.",
    ),
    ("alertmanager.slackChannel", None, "slackChannel: missing, and a route goes to slack. Write"),
    (
        "alertmanager",
        {"routes": {"warning": "webhook", "critical": "webhook"}},
        "alertmanager.webhook: missing, and a route goes to webhook. Write e.g. {workload:",
    ),
    (
        "alertmanager.webhook",
        {"workload": "nobody", "path": "/alerts"},
        "alertmanager.webhook.workload: `nobody` is not a workload. Write one of aurora-treaty",
    ),
]


@pytest.mark.parametrize(("path", "value", "expected"), WRONG)
def test_a_wrong_setting_is_named_with_its_path(path: str, value: Any, expected: str) -> None:
    values = stack_values("staging")
    change(values, path, value)
    (line,) = refusals(values)
    place, _, text = line.partition(": ")
    assert place.startswith("vaultmesh:settings.") and place.endswith(".yaml)")
    assert expected in f"{place.partition(' ')[0]}: {text}"
    assert text.endswith((".", "?")), "say what to write instead"


def test_all_wrong_keys_are_named() -> None:
    values = stack_values("staging")
    change(values, "namespace", None)
    change(values, "prometheus.retenton", "1d")
    change(values, "alertmanager.slackChannel", None)
    change(values, "alertmanager.routes.warning.during", "nights")
    values["vaultmesh:setings"] = {}
    assert [line.split(": ")[0].split(" ")[0] for line in refusals(values)] == [
        "vaultmesh:setings",
        "vaultmesh:settings.alertmanager.routes.warning.0.during",
        "vaultmesh:settings.alertmanager.slackChannel",
        "vaultmesh:settings.namespace",
        "vaultmesh:settings.prometheus.retenton",
    ]


def test_a_misspelled_key_is_not_reported_as_missing_too() -> None:
    values = stack_values("staging")
    change(values, "namespace", None)
    change(values, "namespce", "aurora-staging")
    (line,) = refusals(values)
    assert line.endswith("unknown key. Did you mean `namespace`?")


@pytest.mark.parametrize("value", ["text", "[1]", "{"])
def test_settings_that_are_not_a_mapping_are_refused(value: str) -> None:
    lines = refusals(stack_values("staging") | {"vaultmesh:settings": value})
    assert "vaultmesh:settings: is not a mapping. Write `key: value` lines below it." in lines


def test_a_heartbeat_that_nobody_receives_is_refused() -> None:
    values = stack_values("staging")
    change(values, "alertmanager.webhook", None)
    change(values, "alertmanager.heartbeat.outside", False)
    (line,) = refusals(values)
    assert "nobody receives the heartbeat. Set heartbeat.outside or webhook." in line


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        (
            "alertmanager.routes.critical",
            "webhook",
            "alertmanager.routes.critical: critical alerts reach no person at any time, and the"
            " stack is production. Add pagerduty.",
        ),
        (
            "alertmanager.routes.critical",
            ["webhook", {"channel": "pagerduty", "during": "business-hours"}],
            "alertmanager.routes.critical: critical alerts reach no person at any time",
        ),
        (
            "alertmanager.heartbeat.outside",
            False,
            "alertmanager.heartbeat.outside: nobody outside notices the end of alerting, and the"
            " stack is production. Write true, or set aws.deadMansSwitch.",
        ),
    ],
)
def test_a_production_stack_that_could_fail_unheard_is_refused(
    path: str, value: Any, expected: str
) -> None:
    values = stack_values("production")
    change(values, "aws.deadMansSwitch", False)
    change(values, path, value)
    (line,) = refusals(values)
    assert expected in re.sub(r" \(Pulumi\.\w+\.yaml\)", "", line)
    change(values, "production", False)
    assert not [line for line in refusals(values) if "production" in line]


def test_a_switch_in_aws_notices_the_end_of_alerting_as_well() -> None:
    values = stack_values("production")
    change(values, "alertmanager.heartbeat.outside", False)
    assert refusals(values) == []


def needing_every_secret() -> dict[str, Any]:
    values = stack_values("staging")
    change(values, "grafana", {**LOAD_BALANCER, "oidc": OIDC})
    change(values, "aws", {"deadMansSwitch": True, "alarmsBy": "https"})
    return values


@pytest.mark.parametrize("key", SECRETS)
def test_a_missing_secret_is_named_with_the_command_that_sets_it(key: str) -> None:
    kept = {name: value for name, value in recording.SECRETS.items() if not name.endswith(key)}
    (line,) = refusals(needing_every_secret(), kept)
    assert line.startswith(f"vaultmesh:{key}: missing, and ")
    assert line.endswith(f". Run `pulumi config set --secret {key}`.")


def test_a_secret_in_plain_text_is_refused_without_being_repeated() -> None:
    values = stack_values("staging") | {"vaultmesh:slackApiUrl": "https://marker.invalid"}
    kept = {name: value for name, value in recording.SECRETS.items() if "slack" not in name}
    (line,) = refusals(values, kept)
    assert line.startswith("vaultmesh:slackApiUrl: is stored in plain text. Run `pulumi config set")
    assert "marker" not in line


@pytest.mark.parametrize("key", ["slackApiUrl", "heartbeatUrl"])
@pytest.mark.parametrize("value", ["marker.invalid", "http://marker.invalid/x", "https://a marker"])
def test_a_malformed_url_is_refused_without_being_repeated(key: str, value: str) -> None:
    secrets = recording.SECRETS | {f"vaultmesh:{key}": value}
    (line,) = refusals(stack_values("staging"), secrets)
    assert line.startswith(f"vaultmesh:{key}: is not an https URL. Run")
    assert "marker" not in line


@pytest.mark.parametrize("key", ["slackApiUrl", "heartbeatUrl"])
def test_a_url_with_a_port_that_no_policy_opens_is_refused_without_being_repeated(
    key: str,
) -> None:
    for port, is_open in ((443, True), (8443, False)):
        secrets = recording.SECRETS | {f"vaultmesh:{key}": f"https://marker.invalid:{port}/x"}
        lines = refusals(stack_values("staging"), secrets)
        assert [line.partition(" Run")[0] for line in lines] == (
            [] if is_open else [f"vaultmesh:{key}: its port is not 443, which alone is open."]
        )


@pytest.mark.parametrize("key", ["heartbeatUrl", "outsideAlarmEndpoint"])
@pytest.mark.parametrize(("region", "host"), [("us", "events.eu"), ("eu", "events")])
def test_a_url_of_the_other_region_of_pagerduty_is_refused(
    key: str, region: str, host: str
) -> None:
    values = needing_every_secret()
    secrets = recording.SECRETS | {f"vaultmesh:{key}": f"https://{host}.pagerduty.com/marker"}
    change(values, "alertmanager.pagerdutyRegion", region)
    (line,) = refusals(values, secrets)
    assert line.startswith(f"vaultmesh:{key}: is in another region of PagerDuty than ")
    assert "marker" not in line
    change(values, "alertmanager.pagerdutyRegion", "eu" if region == "us" else "us")
    assert refusals(values, secrets) == []


@pytest.mark.parametrize(
    ("key", "cluster"),
    [
        *((key, {"eks": "aurora", "render": "out"}) for key in SECRETS),
        ("grafanaAdminPassword", {"render": "out"}),
    ],
)
def test_a_real_secret_is_not_rendered(key: str, cluster: dict[str, str]) -> None:
    values = needing_every_secret() if "eks" in cluster else stack_values("staging")
    change(values, "cluster", cluster)
    if "eks" not in cluster:
        change(values, "aws", None)
    made_up = dict.fromkeys(recording.SECRETS, f"{MADE_UP}secret")
    assert not refusals(values, made_up)
    lines = refusals(values, made_up | {f"vaultmesh:{key}": "https://marker"})
    assert lines[0].startswith(f"vaultmesh:{key}: is a real secret, which out/ would hold in plain")
    assert not [line for line in lines if "marker" in line]


def test_a_stack_without_slack_and_pagerduty_neither_needs_nor_uses_their_credentials() -> None:
    key = "vaultmesh:grafanaAdminPassword"
    alone = read_configuration(stack_values("local"), {key: recording.SECRETS[key]})
    assert set(alone.secrets) == {"grafanaAdminPassword"}
    assert set(read_configuration(stack_values("local")).secrets) == {"grafanaAdminPassword"}


def test_secrets_stay_secret_as_inputs_of_resources(recordings: dict[str, Recording]) -> None:
    for secret in recordings["staging"].all("Secret"):
        wrapper = secret["stringData"]
        assert wrapper["4dabf18193072939515e22adb298388d"] == "1b47061264138c4ac30d75fd1eb44270"


@pytest.mark.parametrize(
    "namespace", ["default", "kube-system", "kube-public", "kube-node-lease", "kube-x"]
)
def test_a_namespace_of_kubernetes_is_refused(namespace: str) -> None:
    values = stack_values("local")
    change(values, "namespace", namespace)
    (line,) = refusals(values)
    assert f": `{namespace}` is reserved for Kubernetes itself" in line
    assert line.endswith("Write one such as aurora-staging.")


@pytest.mark.parametrize("namespace", ["defaults", "kube", "my-kube-system", "default-2", "2nd"])
def test_a_namespace_that_only_looks_like_one_is_accepted(namespace: str) -> None:
    values = stack_values("local")
    change(values, "namespace", namespace)
    assert refusals(values) == []


def test_a_namespace_leaves_room_for_the_label_of_its_storage_class() -> None:
    values = stack_values("staging")
    change(values, "namespace", "x" * 59)
    assert refusals(values) == []
    change(values, "namespace", "x" * 60)
    (line,) = refusals(values)
    assert line.endswith("too long for the label of its StorageClass. Write 59 letters or less.")
