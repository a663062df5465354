"""What a stack sets in a service's environment is what that service takes."""

from importlib import import_module
from typing import Any

import pytest

from services.shell import ServerSettings, Settings, load_settings
from tests.support.recording import STACKS, stack_values


def started() -> dict[str, tuple[str, dict[str, str]]]:
    """`stack workload` -> its module and its environment, for every stack."""
    found: dict[str, tuple[str, dict[str, str]]] = {}
    for stack in STACKS:
        settings = stack_values(stack)["vaultmesh:settings"]
        runs: dict[str, Any] = {**settings["workloads"], **settings.get("cronJobs", {})}
        for name, run in runs.items():
            found[f"{stack} {name}"] = (run["command"][2], run.get("environment", {}))
    return found


@pytest.mark.parametrize("name", started())
def test_a_service_takes_the_environment_that_a_stack_gives_it(name: str) -> None:
    module, environment = started()[name]
    settings = import_module(f"{module}.settings")
    (model,) = (
        kind
        for kind in vars(settings).values()
        if isinstance(kind, type)
        and issubclass(kind, Settings)
        and kind not in (Settings, ServerSettings)
    )
    common = {field.upper() for field in ServerSettings.model_fields}
    for variable in environment:
        assert variable in common or variable.startswith(model.prefix()), f"{name}: {variable}"
    load_settings(model, environment)
