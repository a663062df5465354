"""What a finding is."""

from dataclasses import dataclass

WARNING, CRITICAL = "warning", "critical"


@dataclass(frozen=True)
class Finding:
    """What is wrong, in sentences; `command` helps with the action, `page` is a runbook."""

    severity: str
    what: str
    cause: str
    action: str
    page: str = ""
    command: str = ""
