"""What AWS answers in tests on mocks: computed properties of resources, and look-ups."""

from collections.abc import Mapping
from typing import Any

ACCOUNT = "000000000000"
REGION = "eu-west-1"
ISSUER = f"oidc.eks.{REGION}.amazonaws.com/id/00000000000000000000000000000000"
WORKSPACE = "ws-00000000-0000-0000-0000-000000000000"


def arn(service: str, resource: str, *, region: str = REGION) -> str:
    return f"arn:aws:{service}:{region}:{ACCOUNT}:{resource}"


def workspace(identifier: str, region: str = REGION) -> dict[str, Any]:
    host = f"https://aps-workspaces.{region}.amazonaws.com"
    return {
        "arn": arn("aps", f"workspace/{identifier}", region=region),
        "prometheusEndpoint": f"{host}/workspaces/{identifier}/",
    }


def computed(kind: str, name: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The properties that AWS gives a new resource; `kind` is its type token."""
    match kind:
        case "aws:iam/role:Role":
            path, own = inputs.get("path", "/"), inputs.get("name", name)
            return {"arn": arn("iam", f"role{path}{own}", region="")}
        case "aws:iam/policy:Policy":
            return {"arn": arn("iam", f"policy/{inputs['name']}", region="")}
        case "aws:iam/openIdConnectProvider:OpenIdConnectProvider":
            return {
                "arn": arn("iam", f"oidc-provider/{inputs['url'].partition('//')[2]}", region="")
            }
        case "aws:ecr/repository:Repository":
            own = inputs["name"]
            return {
                "arn": arn("ecr", f"repository/{own}"),
                "repositoryUrl": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{own}",
            }
        case "aws:kms/key:Key":
            key = "00000000-0000-0000-0000-000000000000"
            return {
                "keyId": key,
                "arn": arn("kms", f"key/{key}", region=inputs.get("region", REGION)),
            }
        case "aws:sns/topic:Topic":
            return {"arn": arn("sns", inputs["name"], region=inputs.get("region", REGION))}
        case "aws:eks/podIdentityAssociation:PodIdentityAssociation":
            return {"associationId": f"a-{name}"}
        case "aws:amp/workspace:Workspace":
            return workspace(WORKSPACE)
        case _:
            return {}


def look_up(token: str, args: Mapping[str, Any]) -> dict[str, Any]:
    """The answer to a look-up."""
    match token:
        case "aws:eks/getCluster:getCluster":
            name = args["name"]
            return {
                "id": name,
                "name": name,
                "arn": arn("eks", f"cluster/{name}"),
                "endpoint": "https://mock.invalid",
                "certificateAuthorities": [{"data": "bW9jaw=="}],
                "identities": [{"oidcs": [{"issuer": f"https://{ISSUER}"}]}],
            }
        case "aws:index/getCallerIdentity:getCallerIdentity":
            return {"accountId": ACCOUNT}
        case "aws:iam/getPolicy:getPolicy":
            return {"arn": args["arn"]}
        case "aws:kms/getAlias:getAlias":
            return {"name": args["name"]}
        case "aws:index/getRegion:getRegion":
            return {"region": REGION}
        case "aws:iam/getOpenIdConnectProvider:getOpenIdConnectProvider":
            host = args["url"].removeprefix("https://")
            return {"arn": arn("iam", f"oidc-provider/{host}", region=""), "url": host}
        case "aws:amp/getWorkspace:getWorkspace":
            return workspace(args["workspaceId"], args.get("region") or REGION)
        case _:
            raise AssertionError(f"no answer to {token}: add one to tests/support/aws.py")
