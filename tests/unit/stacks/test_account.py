"""The stack `account`: repositories, the key of the secrets, and the roles of the pipeline."""

import json
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

import pytest

from stacks.settings import given_configuration
from stacks.settings.account import MOST_ENVIRONMENTS, load_account
from tests.support.recording import (
    ALL_STACKS,
    STACKS,
    Recording,
    configure,
    configured,
    run_values,
    stack_values,
)

STACK = "account"
KEY = f"vaultmesh:{STACK}"
TOKEN = "token.actions.githubusercontent.com"


def changed(**settings: Any) -> dict[str, Any]:
    """The account's configuration with these settings; None removes one."""
    values = configured(STACK)
    merged = {**values[KEY], **settings}
    return values | {KEY: {key: value for key, value in merged.items() if value is not None}}


def declared(**settings: Any) -> Recording:
    return run_values(changed(**settings), stack=STACK)


def refusals(values: Mapping[str, Any], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The problems that the program reports for this configuration."""
    shown: list[str] = []
    monkeypatch.setattr("pulumi.log.error", shown.append)
    configure(values)
    with pytest.raises(SystemExit):
        load_account(given_configuration())
    return shown


@pytest.fixture(scope="module")
def account() -> Recording:
    return declared(stateBucket="state-of-the-art", operators=["teams/platform"])


def inputs(recording: Recording, kind: str) -> dict[str, Mapping[str, Any]]:
    """The inputs of the AWS resources of a kind, by Pulumi's name."""
    found = [one for one in recording.resources if one.type.startswith("aws:")]
    return {one.name: one.inputs for one in found if one.kind == kind}


def allowed(recording: Recording, job: str) -> list[Mapping[str, Any]]:
    """The statements of what a job's role may do."""
    return json.loads(inputs(recording, "RolePolicy")[job]["policy"])["Statement"]


def may(recording: Recording, job: str, action: str, resource: str) -> bool:
    return any(
        action in block["Action"] and any(fnmatchcase(resource, one) for one in block["Resource"])
        for block in allowed(recording, job)
    )


def subjects(recording: Recording, job: str) -> list[str]:
    """The jobs that GitHub's token must name to assume the role."""
    trust = json.loads(inputs(recording, "Role")[job]["assumeRolePolicy"])
    (block,) = trust["Statement"]
    equals = block["Condition"]["StringEquals"]
    assert block["Condition"].keys() == {"StringEquals"}, "no pattern in what is trusted"
    assert equals[f"{TOKEN}:aud"] == "sts.amazonaws.com"
    return equals[f"{TOKEN}:sub"]


def test_every_stack_is_an_environment_or_prepares_an_account() -> None:
    assert [stack for stack in ALL_STACKS if stack not in STACKS] == [STACK]


def test_its_environments_are_those_of_the_stacks_on_eks() -> None:
    on_eks = {}
    for stack in STACKS:
        settings = stack_values(stack)["vaultmesh:settings"]
        if cluster := settings["cluster"].get("eks"):
            on_eks[stack] = (settings["environment"], cluster)
    targets = configured(STACK)[KEY]["environments"]
    assert on_eks == {
        stack: (target["environment"], target["cluster"]) for stack, target in targets.items()
    }


def test_the_repository_whose_jobs_get_in_is_the_one_that_alerts_link() -> None:
    runbooks = stack_values("production")["vaultmesh:settings"]["rules"]["runbookBaseUrl"]
    repository = configured(STACK)[KEY]["repository"]
    assert runbooks.startswith(f"https://github.com/{repository}/")


def test_an_image_with_a_tag_never_expires_by_age(account: Recording) -> None:
    policies = inputs(account, "LifecyclePolicy")
    assert policies.keys() == inputs(account, "Repository").keys() == {"vaultmesh/services"}
    for policy in policies.values():
        rules = [rule["selection"] for rule in json.loads(policy["policy"])["rules"]]
        by_age = [rule for rule in rules if rule["countType"] == "sinceImagePushed"]
        assert [rule["tagStatus"] for rule in by_age] == ["untagged"]


@pytest.mark.parametrize(
    ("numbers", "source"),
    [
        ({}, "repo:vaultmesh/observability"),
        (
            {"ownerId": 123456, "repositoryId": 456789},
            "repo:vaultmesh@123456/observability@456789",
        ),
    ],
    ids=["named", "numbered"],
)
def test_a_job_of_each_kind_gets_a_role_of_its_own(numbers: dict[str, int], source: str) -> None:
    account = declared(**numbers)
    assert {job: subjects(account, job) for job in inputs(account, "Role")} == {
        "image": [f"{source}:ref:refs/heads/main"],
        "preview": [f"{source}:pull_request", f"{source}:ref:refs/heads/main"],
        "deploy-staging": [f"{source}:environment:staging"],
        "deploy-production": [f"{source}:environment:production"],
    }


def test_an_environment_can_be_in_another_region() -> None:
    targets = configured(STACK)[KEY]["environments"]
    region = "ap-northeast-1"
    there = {**targets, "staging": {**targets["staging"], "region": region}}
    recording = declared(environments=there)
    for service, resource, action in (
        ("eks", "cluster/aurora-{}", "eks:DescribeCluster"),
        ("sns", "vaultmesh-aurora-{}-heartbeat", "sns:SetTopicAttributes"),
    ):
        for stack, own in (("staging", region), ("production", "eu-west-1")):
            for one in (region, "eu-west-1"):
                arn = f"arn:aws:{service}:{one}:000000000000:{resource.format(stack)}"
                assert may(recording, f"deploy-{stack}", action, arn) == (one == own), arn
    for kind in ("AccessEntry", "AccessPolicyAssociation"):
        found = inputs(recording, kind)
        assert {name for name, entry in found.items() if entry.get("region") == region} == {
            "preview-staging",
            "deploy-staging",
        }
    assert f"alarms-key-{region}" in inputs(recording, "Key")


def test_the_previews_policy_has_room_for_the_longest_names() -> None:
    longest = {
        f"stack-{number}": {
            "environment": f"{'e' * 62}{number}",
            "cluster": f"{'c' * 99}{number}",
            "approval": str(number),
            "region": "ap-northeast-1",
        }
        for number in range(MOST_ENVIRONMENTS)
    }
    recording = declared(environments=longest, stateBucket="b" * 63)
    text = json.dumps(allowed(recording, "preview"), separators=(",", ":"))
    envelope = len('{"Version":"2012-10-17","Statement":}')
    assert len(text) + envelope <= 10_240, "IAM's quota of a role's inline policies, without spaces"


def test_a_preview_changes_nothing(account: Recording) -> None:
    reading = ("Get", "List", "Describe")
    for block in allowed(account, "preview"):
        for action in block["Action"]:
            assert action.partition(":")[2].startswith(reading), action


@pytest.mark.parametrize(("own", "other"), [("staging", "production"), ("production", "staging")])
def test_a_deployment_changes_its_own_environment_alone(
    account: Recording, own: str, other: str
) -> None:
    def place(service: str, resource: str, region: str = "eu-west-1") -> str:
        return f"arn:aws:{service}:{region}:000000000000:{resource}"

    for action, resource in (
        ("s3:PutObject", "arn:aws:s3:::state-of-the-art/.pulumi/stacks/vaultmesh/{}.json"),
        ("s3:PutObject", "arn:aws:s3:::state-of-the-art/.pulumi/locks/organization/vaultmesh/{}/x"),
        ("eks:DescribeCluster", place("eks", "cluster/aurora-{}")),
        ("iam:CreateRole", place("iam", "role/vaultmesh/aurora-{}/prometheus", region="")),
        ("sns:SetTopicAttributes", place("sns", "vaultmesh-aurora-{}-heartbeat")),
        ("sns:CreateTopic", place("sns", "vaultmesh-aurora-{}-endpoint-alarm", "us-east-1")),
        ("cloudwatch:PutMetricAlarm", place("cloudwatch", "alarm:vaultmesh-aurora-{}-heartbeat")),
    ):
        job = f"deploy-{own}"
        assert may(account, job, action, resource.format(own)), action
        assert not may(account, job, action, resource.format(other)), action


def test_a_deployment_makes_no_role_that_may_do_more_than_pods(account: Recording) -> None:
    for job in ("deploy-staging", "deploy-production"):
        for block in allowed(account, job):
            if {"iam:CreateRole", "iam:PutRolePolicy"} & {*block["Action"]}:
                (boundary,) = block["Condition"]["ArnEquals"].values()
                assert boundary == "arn:aws:iam::000000000000:policy/vaultmesh-workloads"
    assert inputs(account, "Policy")["workloads"]["name"] == "vaultmesh-workloads"


def test_a_deployment_tags_no_workspace_of_another_environment_as_its_own(
    account: Recording,
) -> None:
    (tagging,) = [
        block
        for block in allowed(account, "deploy-staging")
        if "aps:TagResource" in block["Action"]
    ]
    for key, values in tagging["Condition"].items():
        assert values.popitem()[1] == "aurora-staging", key
    assert tagging["Condition"].keys() == {"StringEquals", "StringEqualsIfExists"}


def test_a_stack_can_look_up_the_workspace_of_another(account: Recording) -> None:
    workspace = "arn:aws:aps:us-west-2:000000000000:workspace/ws-1"
    for job in ("preview", "deploy-staging"):
        assert may(account, job, "aps:DescribeWorkspace", workspace)
        (looking,) = [
            block for block in allowed(account, job) if "aps:DescribeWorkspace" in block["Action"]
        ]
        assert "Condition" not in looking


def test_no_deployment_manages_a_key(account: Recording) -> None:
    for job in ("deploy-staging", "deploy-production"):
        used = {action for block in allowed(account, job) for action in block["Action"]}
        assert {action for action in used if action.startswith("kms:")} == {
            "kms:DescribeKey",
            "kms:ListAliases",
        }


def readers(recording: Recording, action: str) -> dict[str, Any]:
    """Who may use the key for this, and the stacks to whose secrets that is limited."""
    policy = json.loads(inputs(recording, "Key")["secrets-key"]["policy"])
    return {
        block["Principal"]["AWS"][0]
        if isinstance(block["Principal"]["AWS"], list)
        else block["Principal"]["AWS"]: (block.get("Condition") or {})
        .get("StringEquals", {})
        .get("kms:EncryptionContext:stack")
        for block in policy["Statement"]
        if action in block["Action"]
    }


def test_each_role_decrypts_the_secrets_of_its_own_stacks(account: Recording) -> None:
    role = "arn:aws:iam::000000000000:role"
    operators = {f"{role}/teams/platform": None}
    assert readers(account, "kms:Encrypt") == operators
    assert readers(account, "kms:Decrypt") == operators | {
        f"{role}/vaultmesh-pipeline-preview": ["production", "staging"],
        f"{role}/vaultmesh-pipeline-deploy-staging": ["staging"],
        f"{role}/vaultmesh-pipeline-deploy-production": ["production"],
    }


def test_pulumi_gives_the_key_the_context_that_its_policy_asks_for(account: Recording) -> None:
    for stack, url in account.result["secretsProviders"].items():
        assert url == f"awskms://alias/vaultmesh-stacks?region=eu-west-1&context_stack={stack}"


def test_each_role_gets_into_the_clusters_that_it_works_on(account: Recording) -> None:
    admitted = {
        (found["principalArn"].rpartition("-pipeline-")[2], found["clusterName"]): found[
            "policyArn"
        ].rpartition("/")[2]
        for found in inputs(account, "AccessPolicyAssociation").values()
    }
    assert admitted == {
        ("preview", "aurora-staging"): "AmazonEKSAdminViewPolicy",
        ("preview", "aurora-production"): "AmazonEKSAdminViewPolicy",
        ("deploy-staging", "aurora-staging"): "AmazonEKSClusterAdminPolicy",
        ("deploy-production", "aurora-production"): "AmazonEKSClusterAdminPolicy",
    }


def test_a_provider_for_githubs_tokens_that_exists_is_taken() -> None:
    taken = declared(githubTokensTrusted=True)
    assert not inputs(taken, "OpenIdConnectProvider")
    provider = f"arn:aws:iam::000000000000:oidc-provider/{TOKEN}"
    assert provider in inputs(taken, "Role")["image"]["assumeRolePolicy"]


def test_what_only_the_user_knows_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    warnings: list[str] = []
    monkeypatch.setattr("pulumi.log.warn", warnings.append)
    recording = declared()
    assert [line.partition(":")[2].partition(":")[0] for line in warnings] == [
        "account.stateBucket",
        "account.operators",
    ]
    assert "s3:" not in json.dumps(inputs(recording, "RolePolicy"))
    warnings.clear()
    declared(stateBucket="state-of-the-art", operators=["teams/platform"])
    assert not warnings


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"repository": None}, "account.repository: missing. Set it in Pulumi."),
        ({"repository": "https://github.com/a/b"}, "is not a repository on GitHub"),
        ({"image": []}, "account.image: unknown key. Did you mean `images`?"),
        ({"images": ["Services"]}, "is not the name of a repository in ECR"),
        ({"images": []}, "account.images: empty"),
        ({"keptImages": 1}, "`1` is too small. Write 50 or more."),
        ({"stateBucket": "s3://bucket"}, "is not a bucket of S3"),
        ({"operators": ["a role"]}, "is not the name of an IAM role"),
        ({"ownerId": 1}, "account.repositoryId: missing. Set both numbers, or none of them."),
        ({"repositoryId": 1}, "account.ownerId: missing. Set both numbers, or none of them."),
        (
            {
                "environments": {
                    f"stack-{number}": dict.fromkeys(
                        ("environment", "cluster", "approval"), f"stack-{number}"
                    )
                    for number in range(MOST_ENVIRONMENTS + 1)
                }
            },
            f"account.environments: so many that the preview role's policy is too long for IAM. "
            f"Write {MOST_ENVIRONMENTS} or fewer.",
        ),
    ],
)
def test_a_wrong_setting_is_refused(
    settings: dict[str, Any], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (line,) = refusals(changed(**settings), monkeypatch)
    assert expected in line


@pytest.mark.parametrize("key", ["approval", "cluster"])
def test_two_environments_never_share(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    targets = configured(STACK)[KEY]["environments"]
    same = {name: {**target, key: "both"} for name, target in targets.items()}
    (line,) = refusals(changed(environments=same), monkeypatch)
    assert f"environments.staging.{key}: `both` is the {key} of production too" in line


def test_two_regions_can_have_a_cluster_of_one_name(monkeypatch: pytest.MonkeyPatch) -> None:
    targets = configured(STACK)[KEY]["environments"]
    same = {name: {**target, "cluster": "both"} for name, target in targets.items()}
    same["staging"]["region"] = "eu-west-1"
    (line,) = refusals(changed(environments=same), monkeypatch)
    assert line.endswith("Write another one, or the region of each.")
    same["production"]["region"] = "eu-central-1"
    assert declared(environments=same).result["roles"].keys() > {"deploy-staging"}


def test_a_stack_is_never_an_environment_and_an_account(monkeypatch: pytest.MonkeyPatch) -> None:
    values = changed() | {"vaultmesh:settings": {"environment": "aurora"}}
    (line,) = refusals(values, monkeypatch)
    assert line.startswith("vaultmesh:settings: unknown key.")
