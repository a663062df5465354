"""Runs the program of the stack `local` until its first resource, as `python -m` in a new process.

Prints the CPU seconds of each phase, and `peak_bytes`, as JSON.
"""

import gc
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
CLONE = Path(__file__).resolve().parent.parent


def main() -> None:
    """Time the phases in the order of a run."""
    gc.disable()
    started = {"start of the interpreter": time.process_time()}

    def timed(name: str, function: Callable[[], T]) -> T:
        begun = time.process_time()
        result = function()
        started[name] = time.process_time() - begun
        return result

    timed("all imports, without the classes of pulumi_kubernetes", _import)
    _configure()
    # Functions that are only imported now, in the order in which the program calls them.
    from bench.parts.preview_phases import COMPOSING
    from bench.process_memory import PEAK, memory_bytes
    from stacks import content, files
    from stacks.settings import load_configuration

    inner: dict[str, float] = {}
    for module, name, label in (
        (files, "load_rulebook", "of which rules: read, parse and check"),
        (files, "all_dashboards", "of which dashboards: build and check"),
        (content, "read_files", "of which all files: rules, dashboards and their queries"),
    ):
        setattr(module, name, _added(inner, label, getattr(module, name)))

    def compose() -> Any:
        return content.compose_content(load_configuration())

    timed(COMPOSING, compose)
    started |= inner
    timed("classes of pulumi_kubernetes, loaded when the first is used", load_classes)
    peak = memory_bytes(Path("/proc/self/status").read_text(encoding="utf-8"), PEAK)
    json.dump({**started, "peak_bytes": peak}, sys.stdout)


def _added(found: dict[str, float], label: str, function: Callable[..., T]) -> Callable[..., T]:
    """The function, which adds its CPU time to what was found."""

    def timed(*args: Any, **options: Any) -> T:
        begun = time.process_time()
        result = function(*args, **options)
        found[label] = time.process_time() - begun
        return result

    return timed


def _import() -> None:
    import stacks.outputs
    import stacks.platform
    import stacks.settings  # noqa: F401


def load_classes() -> None:
    """Load the modules of pulumi_kubernetes that components import; they load when first used."""
    components = [module for name, module in sys.modules.items() if name.startswith("components.")]
    for imported in [value for module in components for value in vars(module).values()]:
        if getattr(imported, "__name__", "").startswith("pulumi_kubernetes."):
            hasattr(imported, "__all__")  # To ask for any attribute loads it.


def _configure() -> None:
    """Give the program local's configuration and made-up secrets, as Pulumi's host does."""
    import pulumi
    import yaml

    from stacks.secrets import MADE_UP, SECRETS

    project = yaml.safe_load((CLONE / "Pulumi.yaml").read_text(encoding="utf-8"))
    stack = yaml.safe_load((CLONE / "Pulumi.local.yaml").read_text(encoding="utf-8"))
    name = project["name"]
    values = {
        f"{name}:{key}": declared["default"]
        for key, declared in project["config"].items()
        if "default" in declared
    }
    values |= stack["config"]
    texts = {
        key: value if isinstance(value, str) else json.dumps(value) for key, value in values.items()
    }
    secrets = {f"{name}:{key}": MADE_UP for key in SECRETS}
    pulumi.runtime.set_all_config(texts | secrets, list(secrets))


if __name__ == "__main__":
    main()
