"""The roles of the pipeline: GitHub's jobs assume them with a token, so no key is stored."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pulumi
from pulumi import Input, ResourceOptions
from pulumi_aws import eks, iam

from components.aws.permissions import BOUNDARY, Target, change_environment, read_environments
from components.aws.place import Place
from components.aws.policies import Block, allow, allow_principal, policy

TOKEN_HOST = "token.actions.githubusercontent.com"
AUDIENCE = "sts.amazonaws.com"
PREFIX = "vaultmesh-pipeline"
VIEW = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSAdminViewPolicy"
ADMINISTER = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
"""The program creates the namespace, so a policy for one namespace is not enough."""
PUSH = (
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchGetImage",
    "ecr:CompleteLayerUpload",
    "ecr:DescribeImageScanFindings",
    "ecr:DescribeImages",
    "ecr:GetDownloadUrlForLayer",
    "ecr:InitiateLayerUpload",
    "ecr:PutImage",
    "ecr:UploadLayerPart",
)


@dataclass(frozen=True, kw_only=True)
class PipelineArgs:
    """The repository on GitHub and its main branch, and what the pipeline works on.

    `source` is how the subject of a job's token begins: `repo:`, and the repository.
    `provider_exists` says that the account already trusts GitHub's tokens. `images` are the ARNs of
    the ECR repositories. `targets` maps stacks to the environments that they deploy. Without a
    `state_bucket`, no role can read or write the state of a stack.
    """

    place: Place
    project: str
    source: str
    branch: str
    provider_exists: bool
    images: Sequence[Input[str]]
    state_bucket: str | None
    targets: Mapping[str, Target]


class Pipeline(pulumi.ComponentResource):
    """One role for each kind of job: push images, preview every stack, deploy one stack."""

    roles: Mapping[str, pulumi.Output[str]]
    """`image`, `preview` and `deploy-<stack>` -> the ARN of the role."""

    def __init__(self, args: PipelineArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("vaultmesh:aws:Pipeline", "pipeline", None, opts)
        self._child = ResourceOptions(parent=self)
        self._tokens = self._token_provider(args.provider_exists)
        boundary = iam.Policy(
            "workloads",
            name=BOUNDARY,
            description="The most that the role of any pod may do",
            policy=policy(*_workload_limits(args.place)),
            opts=self._child,
        )
        main, source = f"ref:refs/heads/{args.branch}", args.source
        jobs: dict[str, tuple[list[str], list[Block]]] = {
            "image": ([f"{source}:{main}"], _push(args.images)),
            "preview": ([f"{source}:pull_request", f"{source}:{main}"], _preview(args)),
        }
        for stack, target in args.targets.items():
            subjects = [f"{source}:environment:{target.approval}"]
            jobs[f"deploy-{stack}"] = (subjects, _deploy(args, stack, target, boundary.arn))
        self.roles = {job: self._role(job, *of_job) for job, of_job in jobs.items()}
        for stack, target in args.targets.items():
            self._admit(f"preview-{stack}", self.roles["preview"], target, VIEW)
            deploy = f"deploy-{stack}"
            self._admit(deploy, self.roles[deploy], target, ADMINISTER)
        self.register_outputs({"roles": self.roles})

    def _token_provider(self, exists: bool) -> Input[str]:
        """The ARN of the account's provider for GitHub's tokens; it can have only one."""
        url = f"https://{TOKEN_HOST}"
        if exists:
            return iam.get_open_id_connect_provider_output(url=url).arn
        return iam.OpenIdConnectProvider(
            "github", url=url, client_id_lists=[AUDIENCE], opts=self._child
        ).arn

    def _role(
        self, job: str, subjects: Sequence[str], statements: Iterable[Block]
    ) -> pulumi.Output[str]:
        trust = allow_principal(
            "JobsOnGitHub",
            {"Federated": self._tokens},
            ("sts:AssumeRoleWithWebIdentity",),
            condition={
                "StringEquals": {
                    f"{TOKEN_HOST}:aud": AUDIENCE,
                    f"{TOKEN_HOST}:sub": list(subjects),
                }
            },
        )
        role = iam.Role(
            job, name=f"{PREFIX}-{job}", assume_role_policy=policy(trust), opts=self._child
        )
        iam.RolePolicy(job, name=job, role=role.name, policy=policy(*statements), opts=self._child)
        return role.arn

    def _admit(self, name: str, role: Input[str], target: Target, access: str) -> None:
        """Give the role this access to the Kubernetes API of the cluster."""
        entry = eks.AccessEntry(
            name,
            region=target.region,
            cluster_name=target.cluster,
            principal_arn=role,
            opts=self._child,
        )
        eks.AccessPolicyAssociation(
            name,
            region=target.region,
            cluster_name=target.cluster,
            principal_arn=entry.principal_arn,
            policy_arn=access,
            access_scope=eks.AccessPolicyAssociationAccessScopeArgs(type="cluster"),
            opts=self._child,
        )


def _push(images: Sequence[Input[str]]) -> list[Block]:
    return [
        allow("SignInToTheRegistry", ["ecr:GetAuthorizationToken"], ["*"]),
        allow("PushImages", PUSH, images),
    ]


def _preview(args: PipelineArgs) -> list[Block]:
    return [*_read_state(args), *read_environments(args.place, args.targets.values())]


def _deploy(args: PipelineArgs, stack: str, target: Target, boundary: Input[str]) -> list[Block]:
    return [
        *_read_state(args),
        *_write_state(args, stack),
        *read_environments(args.place, [target]),
        *change_environment(args.place, target, boundary),
    ]


def _read_state(args: PipelineArgs) -> list[Block]:
    """The whole backend: secrets in it are encrypted, each stack's for itself."""
    if args.state_bucket is None:
        return []
    bucket = f"arn:aws:s3:::{args.state_bucket}"
    return [
        allow("ListState", ["s3:ListBucket"], [bucket]),
        allow("ReadState", ["s3:GetObject"], [f"{bucket}/.pulumi/*"]),
    ]


def _write_state(args: PipelineArgs, stack: str) -> list[Block]:
    """The files of one stack, where Pulumi's backend for a bucket keeps them."""
    if args.state_bucket is None:
        return []
    own = f"{args.project}/{stack}"
    paths = (
        f"stacks/{own}.json*",
        f"locks/organization/{own}/*",
        f"history/{own}/*",
        f"backups/{own}/*",
    )
    files = [f"arn:aws:s3:::{args.state_bucket}/.pulumi/{path}" for path in paths]
    return [allow("WriteState", ["s3:DeleteObject", "s3:PutObject"], files)]


def _workload_limits(place: Place) -> list[Block]:
    """The most that pods of any region may do; the role of each is narrower."""
    return [
        allow(
            "Metrics",
            [
                "aps:GetLabels",
                "aps:GetMetricMetadata",
                "aps:GetSeries",
                "aps:QueryMetrics",
                "aps:RemoteWrite",
            ],
            [place.arn("aps", "workspace/*", region="*")],
        ),
        allow("Heartbeat", ["sns:Publish"], [place.arn("sns", "vaultmesh-*", region="*")]),
        allow("HealthChecks", ["cloudwatch:GetMetricData", "cloudwatch:ListMetrics"], ["*"]),
    ]
