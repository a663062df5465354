"""The settings of the feeder."""

from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field

from services.feeder.pods import Address, parse_address
from services.shell import CommaList, Settings


class FeederSettings(Settings):
    """Read from FEEDER_TARGET and so on.

    `target`: where the pods are, `host:port`, several with commas between them; a name stands for
    all its addresses. At least `min_pods` must be fed. A pod that is not there yet, or not ready,
    is tried again for `timeout_seconds`. A feeding is the same, and counts once, within each
    `period_seconds` of the clock.
    """

    service: ClassVar[str] = "feeder"

    target: Annotated[
        CommaList, Field(min_length=1), AfterValidator(lambda texts: tuple(map(_checked, texts)))
    ] = ("psi-field-headless:8000",)
    min_pods: Annotated[int, Field(ge=1, le=1000)] = 1
    timeout_seconds: Annotated[float, Field(gt=0, le=300)] = 20
    period_seconds: Annotated[int, Field(ge=1, le=86400)] = 60
    apply_guardian: bool = False

    def addresses(self) -> tuple[Address, ...]:
        """`target`, each split into host and port."""
        return tuple(map(parse_address, self.target))


def _checked(text: str) -> str:
    parse_address(text)
    return text
