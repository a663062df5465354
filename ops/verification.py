"""The result of `make verify`, which it leaves in the cluster for the status report.

It is a ConfigMap beside the stack's own, which belongs to no stack: the next verification replaces
it, and it goes with the namespace.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

CONFIG_MAP = "verification"


@dataclass(frozen=True, kw_only=True)
class Verification:
    """How the last verification ended: of `checks`, how many were red, at `time`."""

    checks: int
    red: int
    time: datetime

    def manifest(self) -> dict[str, Any]:
        """The ConfigMap that holds it."""
        data = {"checks": str(self.checks), "red": str(self.red), "time": self.time.isoformat()}
        metadata = {"name": CONFIG_MAP}
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}

    @classmethod
    def read(cls, data: Mapping[str, str]) -> "Verification":
        """Read what `manifest` has written. Raises KeyError and ValueError."""
        time = datetime.fromisoformat(data["time"])
        if time.tzinfo is None:
            raise ValueError("the time has no zone")
        return cls(checks=int(data["checks"]), red=int(data["red"]), time=time)
