"""What a stack's alertmanager.yml holds: its receivers and routes by name."""

from typing import Any

from tests.support.recording import SECRETS, Recording, run_values, stack_values

BEAT, OUTSIDE = "heartbeat", "heartbeat-outside"
"""The receivers of the heartbeat."""


def receivers(platform: Any) -> dict[str, dict[str, Any]]:
    return {receiver["name"]: receiver for receiver in platform.config("alertmanager")["receivers"]}


def routes(platform: Any) -> dict[str, list[dict[str, Any]]]:
    """Receiver -> its routes."""
    found: dict[str, list[dict[str, Any]]] = {}
    for route in platform.config("alertmanager")["route"]["routes"]:
        found.setdefault(route["receiver"], []).append(route)
    return found


def program(stack: str, secrets: dict[str, str] = SECRETS, **alertmanager: Any) -> Recording:
    """The resources of a stack with some of Alertmanager's settings replaced."""
    values = stack_values(stack)
    values["vaultmesh:settings"]["alertmanager"].update(alertmanager)
    return run_values(values, secrets)
