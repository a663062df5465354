"""What groups of settings have in common, and the one that every container has."""

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from components.values import Quantity


class Section(BaseModel):
    """A group of settings: frozen, camelCase in YAML, and closed to unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel)


class Resources(Section):
    """What a container asks for and may use at most; Kubernetes quantities."""

    cpu: Quantity = "50m"
    memory: Quantity = "128Mi"
    memory_limit: Quantity = "256Mi"
    ephemeral_storage: Quantity = "128Mi"
