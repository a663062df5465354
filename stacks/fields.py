"""The kinds of value that settings are made of."""

import ipaddress
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

DnsLabel = Annotated[str, StringConstraints(pattern=r"^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$")]
Quantity = Annotated[str, StringConstraints(pattern=r"^[0-9]+(\.[0-9]+)?(m|Ki|Mi|Gi|Ti)?$")]
Gibibytes = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]*Gi$")]
Duration = Annotated[str, StringConstraints(pattern=r"^([0-9]+(ms|[smhdwy]))+$")]
Image = Annotated[
    str, StringConstraints(pattern=r"^[^\s:@]+(:\d+/[^\s:@]+)?(:[\w.-]+|@sha256:[0-9a-f]{64})$")
]
Schedule = Annotated[str, StringConstraints(pattern=r"^(\S+ ){4}\S+$")]
VariableName = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]*$")]
Port = Annotated[int, Field(ge=1024, le=65535)]
HttpsUrl = Annotated[str, StringConstraints(pattern=r"^https://[^\s/]+(/\S*[^\s/])?$")]


def _narrow(network: str) -> str:
    """An IP network that is narrower than the whole Internet; ValueError otherwise."""
    if ipaddress.ip_network(network).prefixlen == 0:
        raise ValueError(f"{network} is the whole Internet; name the networks that are meant")
    return network


Network = Annotated[str, AfterValidator(_narrow)]
