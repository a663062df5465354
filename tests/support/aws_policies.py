"""Finds the policy documents of AWS resources, and lints them with parliament."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import parliament

from tests.support.recording import Declared

NEWER_ACTIONS = {
    "aps:DescribeWorkspaceConfiguration": "amp",
    "aps:UpdateWorkspaceConfiguration": "amp",
}
"""Actions that parliament does not know yet, and botocore's name of their service, whose model has
an operation of the same name."""


@dataclass(frozen=True)
class Document:
    """A policy document. `kind` is trust (of a role), resource (of a key or topic) or identity."""

    place: str
    kind: str
    statements: list[Mapping[str, Any]]


@dataclass(frozen=True)
class Finding:
    """A finding of parliament; `detail` is its text."""

    kind: str
    issue: str
    detail: str
    place: str


@dataclass(frozen=True)
class Allowed:
    """Findings that are right by parliament's rule and right here too, for this reason."""

    kind: str
    issue: str
    detail: str
    reason: str

    def covers(self, finding: Finding) -> bool:
        same = (self.kind, self.issue) == (finding.kind, finding.issue)
        return same and self.detail in finding.detail


EXCEPTIONS = (
    Allowed("trust", "MALFORMED", "neither Resource", "A trust policy names no resource."),
    Allowed(
        "trust",
        "UNKNOWN_FEDERATION_SOURCE",
        "oidc-provider/",
        "parliament knows no provider of OpenID Connect in an account.",
    ),
    Allowed("resource", "RESOURCE_STAR", "kms:", "In the policy of a key, * is the key."),
    Allowed(
        "resource",
        "PERMISSIONS_MANAGEMENT_ACTIONS",
        "kms:putkeypolicy",
        "Nobody could repair a key whose policy nobody may change.",
    ),
    Allowed(
        "identity",
        "CREDENTIALS_EXPOSURE",
        "ecr:getauthorizationtoken",
        "Its token signs in to the registry, and then the other statement says what it may push.",
    ),
    Allowed(
        "identity",
        "PERMISSIONS_MANAGEMENT_ACTIONS",
        "iam:putrolepolicy",
        "`up` manages the roles of an environment's pods, all of them within the boundary.",
    ),
    Allowed(
        "identity",
        "UNKNOWN_CONDITION_FOR_ACTION",
        "kms:ResourceAliases for action kms:DescribeKey",
        "KMS has had this condition since 2021; parliament's definitions lack it.",
    ),
    Allowed(
        "identity",
        "RESOURCE_MISMATCH",
        "route53:ChangeTagsForResource",
        "The action tags health checks and hosted zones. These roles tag health checks alone.",
    ),
)


def documents(resource: Declared) -> Iterator[Document]:
    """The IAM policy documents of a resource. ECR's `policy` is in a language of its own."""
    for key in ("policy", "assumeRolePolicy"):
        content = json.loads(resource.inputs.get(key) or "{}")
        if "Statement" not in content:
            continue
        attached = "Principal" in content["Statement"][0]
        kind = "trust" if key == "assumeRolePolicy" else "resource" if attached else "identity"
        yield Document(f"{resource.type} {resource.name}", kind, content["Statement"])


def findings(document: Document) -> Iterator[Finding]:
    """What parliament finds, before any exception."""
    statements = [
        {**block, "Action": [name for name in block["Action"] if name not in NEWER_ACTIONS]}
        for block in document.statements
    ]
    text = json.dumps({"Version": "2012-10-17", "Statement": statements})
    policy = parliament.analyze_policy_string(text, include_community_auditors=True)
    for found in policy.findings:
        detail = f"{found.title} {found.detail} {found.location.get('actions', '')}"
        yield Finding(document.kind, found.issue, detail, document.place)
