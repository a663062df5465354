"""Settings of a service, read from the environment and from nowhere else."""

import socket
from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from services.shell.problems import one_line

CommaList = Annotated[
    tuple[str, ...],
    BeforeValidator(
        lambda value: (
            tuple(part.strip() for part in value.split(",") if part.strip())
            if isinstance(value, str)
            else value
        )
    ),
]
"""A setting that holds several values, separated by commas."""


class SettingsError(Exception):
    """What is wrong with the settings, in one line. `run` prints it and ends with exit code 2."""


class Settings(BaseModel):
    """The settings of a program. A field `x` of a service `psi-field` is read from `PSI_FIELD_X`.

    The fields of this class and of `ServerSettings` are common to all: their variables carry no
    prefix, such as `LOG_LEVEL`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    service: ClassVar[str]
    """Name of the service, as in the platform's settings: `psi-field`."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @classmethod
    def prefix(cls) -> str:
        """What the names of the service's own variables begin with: `PSI_FIELD_`."""
        return cls.service.replace("-", "_").upper() + "_"


class ServerSettings(Settings):
    """The settings of a program that serves HTTP.

    `port` 0 takes any free port; the first line of the log names it. `pod_name` is the pod's own
    name, in a pod that of the host. `drain_seconds` is how long a stopping service goes on serving
    after /ready has gone off, for its callers to notice.
    """

    host: str = "0.0.0.0"  # noqa: S104 - a pod is reached on its own address
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    pod_name: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,253}$")] = Field(
        default_factory=socket.gethostname
    )
    drain_seconds: Annotated[float, Field(ge=0, le=10)] = 5


M = TypeVar("M", bound=Settings)


def load_settings(model: type[M], environ: Mapping[str, str]) -> M:
    """The settings in `environ`.

    Raises SettingsError for a value that does not fit, or a variable with the service's prefix that
    is no setting of it.
    """
    variables = {name: _variable(model, name) for name in model.model_fields}
    unknown = sorted(
        name
        for name in environ
        if name.startswith(model.prefix()) and name not in variables.values()
    )
    if unknown:
        known = ", ".join(sorted(variables.values()))
        raise SettingsError(f"{unknown[0]}: no such setting. The settings are {known}.")
    found = {name: environ[key] for name, key in variables.items() if key in environ}
    try:
        return model.model_validate(found)
    except ValidationError as error:
        raise SettingsError(one_line(error, lambda name: variables.get(name, name))) from None


def _variable(model: type[Settings], field: str) -> str:
    common = field in ServerSettings.model_fields
    return field.upper() if common else model.prefix() + field.upper()
