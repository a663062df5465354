"""What Alertmanager sends: its webhook payload, version 4."""

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, ConfigDict, Field

from services.shell import Body

MAX_NAME = 256

AlertName = Annotated[str, Field(min_length=1, max_length=MAX_NAME)]
Status = Literal["firing", "resolved"]


class _Message(Body):
    """Only what is used is described and checked; a newer Alertmanager may send more."""

    model_config = ConfigDict(extra="ignore")


class Alert(_Message):
    """One alert of a notification; `endsAt` has a meaning only once it is resolved."""

    status: Status
    labels: dict[str, str]
    annotations: dict[str, str] = Field(default_factory=dict)
    starts_at: AwareDatetime = Field(alias="startsAt")
    ends_at: AwareDatetime = Field(alias="endsAt")
    fingerprint: str

    @property
    def name(self) -> str:
        """The alert's name; empty where it has none, or one that is too long.

        Alertmanager never sends again what is refused, so such an alert must not cost the others.
        """
        name = self.labels.get("alertname", "")
        return name if len(name) <= MAX_NAME else ""


class Notification(_Message):
    """One notification: the alerts of one group, for one receiver."""

    version: Literal["4"]
    receiver: str
    alerts: Annotated[list[Alert], Field(min_length=1)]


def event(alert: Alert, receiver: str, received: str) -> dict[str, Any]:
    """The event that an alert of a notification becomes; times are ISO 8601."""
    return {
        "received": received,
        "receiver": receiver,
        "alertname": alert.name,
        "status": alert.status,
        "labels": alert.labels,
        "annotations": alert.annotations,
        "starts_at": alert.starts_at.isoformat(),
        "ends_at": alert.ends_at.isoformat() if alert.status == "resolved" else None,
        "fingerprint": alert.fingerprint,
    }
