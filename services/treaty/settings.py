"""The settings of the treaty service."""

from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field

from services.fields import http_url
from services.shell import ServerSettings
from services.treaty.downstream import LOOPBACK


def _downstream(text: str) -> str:
    return text if text == LOOPBACK else http_url(text)


class TreatySettings(ServerSettings):
    """Read from TREATY_NAME, TREATY_DOWNSTREAM and so on.

    `name` is the value of the label `treaty`. `downstream` is the URL that requests are posted to,
    or `loopback`: the service answers them itself. A request may take `timeout_seconds`; at most
    `max_concurrent` are under way at a time. The rates are those of `window_seconds`.
    """

    service: ClassVar[str] = "aurora-treaty"

    name: Annotated[str, Field(min_length=1, max_length=128)] = "AURORA-AKASH-001"
    downstream: Annotated[str, AfterValidator(_downstream)] = LOOPBACK
    timeout_seconds: Annotated[float, Field(gt=0, le=60)] = 2
    max_concurrent: Annotated[int, Field(ge=1, le=1000)] = 64
    window_seconds: Annotated[float, Field(ge=1, le=86400)] = 300

    @classmethod
    def prefix(cls) -> str:
        """The workload carries the platform's name, its variables need not."""
        return "TREATY_"
