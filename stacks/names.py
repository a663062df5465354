"""The names of the objects that the settings choose: no two objects of a kind have the same one."""

from collections.abc import Iterator
from dataclasses import dataclass

from components import alertmanager, prometheus
from components.kit import headless_name
from components.network import policy_name
from problems import Problems
from stacks.connections import departures, edges
from stacks.servers import SERVERS
from stacks.settings.schema import Settings

LONGEST_SERVICE = 63
"""A Service's name is a DNS label."""


@dataclass(frozen=True, kw_only=True)
class Named:
    """An object of the namespace; `maker` says what makes it, and `key` which setting.

    `key` is None if no setting does, but the platform itself.
    """

    kind: str
    name: str
    maker: str
    key: str | None


def named_objects(settings: Settings) -> Iterator[Named]:
    """The ServiceAccount, Services and policies of everything that runs; policies are unique.

    Whoever has a ServiceAccount of a name has the pods, the Secret and the controller of that name.
    """
    programs = {"workloads": settings.workloads, "cronJobs": settings.cron_jobs}
    keys = {name: f"{section}.{name}" for section, found in programs.items() for name in found}
    for server in SERVERS:
        yield Named(kind="ServiceAccount", name=server.name, maker=server.name, key=None)
        yield Named(kind="Service", name=server.name, maker=server.name, key=None)
    for name in (prometheus.NAME, alertmanager.NAME):
        yield Named(kind="Service", name=headless_name(name), maker=name, key=None)
    for section, found in programs.items():
        for name in found:
            key = f"{section}.{name}"
            yield Named(kind="ServiceAccount", name=name, maker=key, key=key)
    for name, workload in settings.workloads.items():
        key = f"workloads.{name}"
        yield Named(kind="Service", name=name, maker=key, key=key)
        if workload.headless:
            key = f"{key}.headless"
            yield Named(kind="Service", name=headless_name(name), maker=key, key=key)
    pairs = {(edge.source, edge.target) for edge in edges(settings)}
    pairs |= {(departure.source, departure.destination) for departure in departures(settings)}
    for source, target in sorted(pairs):
        name, maker = policy_name(source, target), f"{source} to {target}"
        yield Named(kind="NetworkPolicy", name=name, maker=maker, key=keys.get(source))


def check_names(settings: Settings, problems: Problems) -> None:
    """Report each setting that makes an object which something else makes too."""
    makers: dict[tuple[str, str], Named] = {}
    for found in named_objects(settings):
        first = makers.setdefault((found.kind, found.name), found)
        if found.kind == "Service" and len(found.name) > LONGEST_SERVICE:
            text = f"its Service `{found.name}` has a name of more than {LONGEST_SERVICE} letters"
            problems.add(f"vaultmesh:settings.{found.key}", 0, f"{text}. Shorten the name.")
        if first.maker != found.maker:
            owner = f"vaultmesh:settings.{first.key}" if first.key else "the platform itself"
            problems.add(
                f"vaultmesh:settings.{found.key}",
                0,
                f"the {found.kind} `{found.name}` belongs to {owner}. Choose another name.",
            )
