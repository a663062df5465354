"""Settings of a psi-field pod."""

from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field

from services.psi_field.peers import Target
from services.shell import CommaList, ServerSettings


def target(text: str) -> Target:
    """`name:port` as name and port. Raises ValueError for anything else."""
    name, _, port = text.rpartition(":")
    if not name or not port.isdecimal() or not 0 < int(port) < 65536:
        raise ValueError(f"{text} is not name:port")
    return name.strip("[]"), int(port)


def _checked(peers: tuple[str, ...]) -> tuple[str, ...]:
    for peer in peers:
        target(peer)
    return peers


class PsiFieldSettings(ServerSettings):
    """The variables PSI_FIELD_PEERS, PSI_FIELD_SYNC_SECONDS and PSI_FIELD_TAKEOVER_SECONDS.

    `peers`: where the pods are, as `name:port`, several with commas between them. A name stands for
    all its addresses, as that of the headless Service does; a pod finds out by itself which one is
    its own. Empty: the pod is alone.
    `sync_seconds`: pause between two comparisons with the peers.
    `takeover_seconds`: how long a starting pod looks for a peer before it begins a new field.
    """

    service: ClassVar[str] = "psi-field"

    peers: Annotated[CommaList, AfterValidator(_checked)] = ("psi-field-headless:8000",)
    sync_seconds: Annotated[float, Field(gt=0, le=300)] = 2
    takeover_seconds: Annotated[float, Field(ge=0, le=60)] = 5
