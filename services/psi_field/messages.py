"""What pods say to each other. All of it is validated as strictly as a step."""

from typing import Annotated

from pydantic import Field

from services.psi_field.history import WINDOW, Entry, Vector
from services.shell import Body


class Step(Body):
    """What a caller sends to /step."""

    x: Vector
    apply_guardian: bool = False


class Push(Body):
    """New entries for a peer, which takes them in and does not pass them on."""

    entries: Annotated[tuple[Entry, ...], Field(min_length=1, max_length=WINDOW)]


class Taken(Body):
    """A peer's answer to a push; `incarnation` is the peer's."""

    incarnation: str


class Window(Body):
    """A peer's whole window; `established` once it has taken the field over, or begun it."""

    incarnation: str
    established: bool
    entries: Annotated[tuple[Entry, ...], Field(max_length=WINDOW)]
