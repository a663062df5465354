"""The dead-man's switch in AWS: what Alertmanager publishes to is what CloudWatch waits for."""

import json
from fnmatch import fnmatchcase
from typing import Any

import pytest

from components.aws.place import Place
from problems import Problems
from stacks.account_checks import check_account
from stacks.content import compose_content
from stacks.settings.aws import Aws
from tests.support.recording import (
    SECRETS,
    Declared,
    Recording,
    run_stack,
    run_values,
    stack_values,
)
from tests.support.refusals import read_configuration, refusals

ENDPOINT = "vaultmesh:outsideAlarmEndpoint"
SECRET_MARK = "4dabf18193072939515e22adb298388d"


def values(timeout: str = "5m", **aws: Any) -> dict[str, Any]:
    found = stack_values("staging")
    settings = found["vaultmesh:settings"]
    settings["aws"] = {"deadMansSwitch": True, "alarmsBy": "https", **aws}
    settings["alertmanager"]["heartbeat"]["timeout"] = timeout
    return found


@pytest.fixture(scope="module")
def platform() -> Recording:
    return run_values(values())


def aws(recording: Recording, kind: str, name: str) -> dict[str, Any]:
    (found,) = [
        resource.inputs
        for resource in recording.resources
        if resource.type.startswith("aws:") and (resource.kind, resource.name) == (kind, name)
    ]
    return dict(found)


def publishing(recording: Recording) -> dict[str, Any]:
    """What Alertmanager sends to SNS."""
    (entry,) = [
        entry
        for receiver in recording.config("alertmanager")["receivers"]
        for entry in receiver.get("sns_configs", [])
    ]
    return entry


def statements(document: str) -> list[dict[str, Any]]:
    return json.loads(document)["Statement"]


def test_alertmanager_publishes_to_the_topic_that_the_alarm_counts(platform: Recording) -> None:
    entry = publishing(platform)
    _, _, service, region, account, name = entry["topic_arn"].split(":")
    assert (service, region, account) == ("sns", entry["sigv4"]["region"], "000000000000")
    assert entry["send_resolved"] is False, "a resolved heartbeat would count as a heartbeat"
    topic = aws(platform, "Topic", "heartbeat")
    assert topic["name"] == name
    (metric,) = [
        query["metric"]
        for query in aws(platform, "MetricAlarm", "heartbeat")["metricQueries"]
        if "metric" in query
    ]
    assert metric["dimensions"] == {"TopicName": name}
    assert (metric["namespace"], metric["metricName"]) == ("AWS/SNS", "NumberOfMessagesPublished")


@pytest.mark.parametrize(("timeout", "seconds"), [("1m", 60), ("5m", 300), ("11m", 660)])
def test_the_alarm_waits_for_the_timeout_and_never_for_two_heartbeats(
    timeout: str, seconds: int
) -> None:
    recording = run_values(values(timeout))
    alarm = aws(recording, "MetricAlarm", "heartbeat")
    period = alarm["metricQueries"][0]["metric"]["period"]
    window = alarm["evaluationPeriods"] * period
    assert alarm["datapointsToAlarm"] == alarm["evaluationPeriods"]
    assert seconds + period <= window < seconds + 2 * period + period
    (route,) = [
        route
        for route in recording.config("alertmanager")["route"]["routes"]
        if route["receiver"] == "heartbeat"
    ]
    assert int(route["group_interval"].removesuffix("s")) * 2 < window - period


def test_silence_raises_the_alarm_and_its_end_clears_it(platform: Recording) -> None:
    alarm = aws(platform, "MetricAlarm", "heartbeat")
    assert (alarm["comparisonOperator"], alarm["threshold"]) == ("LessThanThreshold", 1)
    assert alarm["treatMissingData"] == "breaching"
    (judged,) = [query for query in alarm["metricQueries"] if query.get("returnData")]
    assert judged["expression"] == f"FILL({alarm['metricQueries'][0]['id']}, 0)"
    topic = aws(platform, "Topic", "heartbeat-alarm")["name"]
    assert alarm["alarmActions"] == alarm["okActions"]
    assert [action.rpartition(":")[2] for action in alarm["alarmActions"]] == [topic]


def test_only_this_environments_alarms_publish_to_the_topic(platform: Recording) -> None:
    alarm = aws(platform, "MetricAlarm", "heartbeat")["name"]
    (publish,) = statements(aws(platform, "Topic", "heartbeat-alarm")["policy"])
    assert publish["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    (pattern,) = publish["Condition"]["ArnLike"].values()
    assert pattern.endswith(":alarm:vaultmesh-aurora-staging-*")
    assert alarm.startswith("vaultmesh-aurora-staging-")


def test_the_account_has_the_key_of_the_topic_and_lets_the_alarm_use_it(
    platform: Recording,
) -> None:
    account = run_stack("account")
    topic = aws(platform, "Topic", "heartbeat-alarm")
    keys = [
        found.name
        for found in account.resources
        if found.kind == "Alias" and found.inputs["name"] == topic["kmsMasterKeyId"]
        if found.inputs["region"] == topic["region"]
    ]
    (key,) = keys
    (use,) = [
        block
        for block in statements(aws(account, "Key", key)["policy"])
        if block["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    ]
    assert {*use["Action"]} == {"kms:Decrypt", "kms:GenerateDataKey"}
    alarm = aws(platform, "MetricAlarm", "heartbeat")["name"]
    pattern = use["Condition"]["ArnLike"]["aws:SourceArn"]
    assert fnmatchcase(f"arn:aws:cloudwatch:eu-west-1:000000000000:alarm:{alarm}", pattern)


def test_alertmanager_alone_gets_a_role_and_it_publishes_to_this_topic(platform: Recording) -> None:
    roles = {found.name for found in platform.resources if found.type == "aws:iam/role:Role"}
    assert roles == {"alertmanager"}
    (block,) = statements(aws(platform, "RolePolicy", "alertmanager")["policy"])
    assert (block["Action"], block["Resource"]) == (
        ["sns:Publish"],
        [publishing(platform)["topic_arn"]],
    )
    pod = dict(platform.pods())["alertmanager"]["metadata"]["annotations"]
    assert pod["vaultmesh.io/aws-role"].endswith(":role/vaultmesh/aurora-staging/alertmanager")


def test_the_endpoint_stays_secret_and_no_pod_gets_it(platform: Recording) -> None:
    subscription = aws(platform, "TopicSubscription", "heartbeat-alarm")
    assert subscription["endpoint"][SECRET_MARK]
    others = [found for found in platform.resources if not is_subscription(found)]
    assert SECRETS[ENDPOINT] not in json.dumps([found.inputs for found in others])


def is_subscription(resource: Declared) -> bool:
    return resource.kind == "TopicSubscription"


@pytest.mark.parametrize(
    ("kind", "endpoint"),
    [
        ("email", "https://alarm.invalid/x"),
        ("email", "on-call"),
        ("https", "on-call@alarm.invalid"),
        ("https", "http://alarm.invalid"),
    ],
)
def test_an_endpoint_of_another_kind_is_refused_without_being_repeated(
    kind: str, endpoint: str
) -> None:
    (line,) = refusals(values(alarmsBy=kind), {**SECRETS, ENDPOINT: endpoint})
    assert line.startswith(f"{ENDPOINT}: is no address for vaultmesh:settings.aws.alarmsBy: {kind}")
    assert endpoint not in line


def test_an_email_address_is_accepted() -> None:
    assert not refusals(values(alarmsBy="email"), {**SECRETS, ENDPOINT: "on-call@alarm.invalid"})


def test_a_timeout_that_no_alarm_can_wait_for_is_refused() -> None:
    (line,) = refusals(values("2d"))
    assert "alertmanager.heartbeat.timeout" in line
    assert line.endswith("`2d` is longer than an alarm of CloudWatch can wait. Write 23h or less.")


def test_each_thing_that_the_account_lacks_is_one_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**_: str) -> None:
        raise Exception("invoke failed: not found.")

    monkeypatch.setattr("pulumi_aws.kms.get_alias", fail)
    monkeypatch.setattr("pulumi_aws.iam.get_policy", fail)
    problems = Problems()
    place = Place(account="000000000000", region="eu-west-1")
    check_account(Aws(dead_mans_switch=True, permissions_boundary="limits"), place, problems)
    for line in problems.lines():
        assert line.endswith(": invoke failed: not found. Run `pulumi up --stack account` first.")
    assert [line.partition(" that can be read")[0] for line in problems.lines()] == [
        "vaultmesh:settings.aws: the account has no key alias/vaultmesh-alarms in eu-west-1",
        "vaultmesh:settings.aws.permissionsBoundary: the account has no policy limits",
    ]


def test_what_may_not_be_looked_for_is_not_called_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**_: str) -> None:
        raise Exception(
            "api error AccessDeniedException: User: x is not authorized to perform: kms:ListAliases"
        )

    monkeypatch.setattr("pulumi_aws.kms.get_alias", fail)
    problems = Problems()
    place = Place(account="000000000000", region="eu-west-1")
    check_account(Aws(dead_mans_switch=True), place, problems)
    (line,) = problems.lines()
    assert "AWS doesn't let you look for key alias/vaultmesh-alarms in eu-west-1: api" in line
    assert line.endswith("kms:ListAliases. Allow that action, or sign in with another role.")


@pytest.mark.parametrize("parts", [{"deadMansSwitch": True, "alarmsBy": "https"}, {}])
def test_an_aws_that_cannot_be_asked_is_one_problem(
    parts: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise Exception("invoke of aws:index/getCallerIdentity failed: no\nvalid credentials.")

    monkeypatch.setattr("pulumi_aws.get_caller_identity", fail)
    found = values()
    found["vaultmesh:settings"]["aws"] = {"managedPrometheus": {}, **parts}
    configuration, shown = read_configuration(found), list[str]()
    monkeypatch.setattr("pulumi.log.error", shown.append)
    with pytest.raises(SystemExit):
        compose_content(configuration)
    (line,) = shown
    assert line.startswith("aws:region: AWS can't be asked for the account: invoke of")
    assert line.endswith("valid credentials. Correct the region, or sign in to AWS.")
