"""How people reach Grafana, and how they sign in: a load balancer and OpenID Connect."""

from collections.abc import Mapping
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import model_validator
from pydantic.alias_generators import to_camel

from components.urls import POSSIBLE_PORT
from components.values import DomainName, Network, Value, WrongKeysError, matching

READINESS_GATES = {
    "service.k8s.aws/nlb": "elbv2.k8s.aws/pod-readiness-gate-inject",
    "eks.amazonaws.com/nlb": "eks.amazonaws.com/pod-readiness-gate-inject",
}
"""The label of a namespace by which each controller of load balancers delays a rollout.

The controllers are AWS' Load Balancer Controller, and the one in EKS Auto Mode. In such a namespace
a new pod becomes ready, and its predecessor ends, only once the load balancer sends it traffic.
"""
# Grafana's configuration file gives a meaning to `#`, `;`, `$`, quotes, backquotes and backslashes.
Url = Annotated[
    str,
    matching(
        r"https://[A-Za-z0-9_.-]+(:[0-9]+)?(/[A-Za-z0-9_./~@:=&?+%-]*)?",
        "an https URL",
        "https://login.example.com/oauth2/token",
    ),
    POSSIBLE_PORT,
]
Name = Annotated[
    str, matching(r"[\w./:@-]([\w ./:@=,+()&-]*[\w./:@=)-])?", "a name", "observability-admins")
]
Scope = Annotated[str, matching(r"[\w./:@-]+", "a scope", "openid")]


class Roles(Value):
    """The groups of the identity provider whose members have each role of Grafana."""

    admin: tuple[Name, ...] = ()
    editor: tuple[Name, ...] = ()
    viewer: tuple[Name, ...] = ()

    @model_validator(mode="after")
    def _somebody_can_sign_in(self) -> "Roles":
        if not (self.admin or self.editor or self.viewer):
            raise ValueError("no group has a role. Name at least one below admin, editor, viewer.")
        return self


class Oidc(Value):
    """An OpenID Connect provider that signs people in, and says in `groups_claim` who they are.

    Nobody without a role can sign in. Without `login_form`, the page has no field for the password
    of the user admin; the API still accepts it.
    """

    auth_url: Url
    token_url: Url
    api_url: Url
    client_id: Name
    scopes: tuple[Scope, ...] = ("openid", "profile", "email")
    groups_claim: Name = "groups"
    roles: Roles
    login_form: bool = True

    @property
    def role_attribute_path(self) -> str:
        """A JMESPath expression on a token: its highest role; nothing for a token without one.

        `contains` would be shorter, but finds a group inside the name of another one if the claim
        is a single text.
        """
        chosen = [
            (role, " || ".join(f"@ == '{group}'" for group in groups))
            for role, groups in (
                ("Admin", self.roles.admin),
                ("Editor", self.roles.editor),
                ("Viewer", self.roles.viewer),
            )
            if groups
        ]
        return " || ".join(
            f"(\"{self.groups_claim}\"[?{member}] && '{role}')" for role, member in chosen
        )

    @property
    def ports(self) -> tuple[int, ...]:
        """The ports of the provider that Grafana itself connects to."""
        urls = (self.token_url, self.api_url)
        return tuple(sorted({urlsplit(url).port or 443 for url in urls}))


class Exposure(Value):
    """How people reach Grafana: internally by a port-forward, or through a TLS load balancer.

    Both ranges are in CIDR notation: `source_ranges` are the networks of the people who may
    connect, `subnet_ranges` those of the load balancer, from which traffic and health checks
    arrive. `scheme` is internal (addresses of the VPC) or internet-facing. `load_balancer_class`
    names the controller that makes the load balancer. An empty domain or certificate means none.
    """

    exposure: Literal["internal", "load-balancer"] = "internal"
    source_ranges: tuple[Network, ...] = ()
    subnet_ranges: tuple[Network, ...] = ()
    certificate_arn: Annotated[
        str,
        matching(
            r"arn:aws[a-z-]*:acm:[a-z0-9-]+:[0-9]{12}:certificate/[A-Za-z0-9_-]+",
            "the ARN of a certificate",
            "arn:aws:acm:eu-west-1:000000000000:certificate/ID",
        ),
    ] = ""
    domain: DomainName = ""
    scheme: Literal["internal", "internet-facing"] = "internal"
    load_balancer_class: Literal["service.k8s.aws/nlb", "eks.amazonaws.com/nlb"] = (
        "service.k8s.aws/nlb"
    )
    oidc: Oidc | None = None

    @property
    def is_internal(self) -> bool:
        """Whether there is no load balancer."""
        return self.exposure == "internal"

    @property
    def namespace_labels(self) -> Mapping[str, str]:
        """The labels that the load balancer's controller expects on the namespace."""
        return {} if self.is_internal else {READINESS_GATES[self.load_balancer_class]: "enabled"}

    @model_validator(mode="after")
    def _load_balancer_has_all_keys(self) -> "Exposure":
        guards = ("source_ranges", "subnet_ranges", "certificate_arn", "domain")
        names = ", ".join(map(to_camel, guards))
        values = [getattr(self, guard) for guard in guards]
        if not self.is_internal and not all(values):
            raise ValueError(f"`exposure: load-balancer` needs {names}. Set all of them.")
        if self.is_internal and any(values):
            raise ValueError(f"{names} need `exposure: load-balancer`. Set it or remove them.")
        if self.is_internal and self.oidc:
            text = "the provider sends people back to `domain`. Set `exposure: load-balancer`."
            raise WrongKeysError({"oidc": text})
        return self
