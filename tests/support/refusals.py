"""Returns the problems that the program reports for a wrong configuration or cluster."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from problems import Refused
from stacks.names import check_names
from stacks.quota import check_quota
from stacks.settings import Configuration, load_configuration
from tests.support.cluster import FakeCluster
from tests.support.recording import SECRETS, Recording, configure, record, stack_values


def read_configuration(
    values: Mapping[str, Any], secrets: Mapping[str, str] = SECRETS
) -> Configuration:
    """Load the configuration without running the program."""
    configure(values, secrets)
    return load_configuration()


def refusals(values: Mapping[str, Any], secrets: Mapping[str, str] = SECRETS) -> list[str]:
    """The reported problems of a configuration, without those of rules and dashboards."""
    shown: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pulumi.log.error", shown.append)
        patch.setattr("stacks.settings.read_files", lambda *_: None)
        try:
            found = read_configuration(values, secrets)
            check_names(found.settings, found.problems)
            check_quota(found.settings, found.problems)
            found.problems.refuse_if_any()
        except SystemExit as stop:
            assert stop.code not in (0, None)
        except Refused as refused:
            shown += refused.problems
    assert not [line for line in shown if "\n" in line]
    return shown


def changed_stack(stack: str = "node", **changes: Any) -> dict[str, Any]:
    """The configuration of a stack with these settings replaced; None removes one."""
    values = stack_values(stack)
    settings = values["vaultmesh:settings"] | changes
    values["vaultmesh:settings"] = {k: value for k, value in settings.items() if value is not None}
    return values


def cluster_refusals(
    cluster: FakeCluster | Callable[[str], bytes],
    values: Mapping[str, Any] | None = None,
    *,
    server: str = "",
    preview: bool = False,
) -> list[str]:
    """The lines that the whole program prints on this cluster, after it has declared nothing.

    `values` are the configuration, by default that of the stack `node`; `server` is the address in
    the user's kubeconfig.
    """
    from stacks.platform import build

    shown: list[str] = []
    configure(changed_stack() if values is None else values)
    declared = Recording()
    read = cluster.read if isinstance(cluster, FakeCluster) else cluster
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pulumi.log.error", shown.append)
        patch.setattr("pulumi.runtime.is_dry_run", lambda: preview)
        patch.setattr("kubectl.Kubectl.read", lambda _, path: read(path))
        patch.setattr("kubectl.Kubectl.server", lambda _: server)

        def program() -> None:
            with pytest.raises(SystemExit):
                build(load_configuration())

        declared = record(program)
    assert declared.resources == []
    assert not [line for line in shown if "\n" in line or not line.endswith((".", "?"))]
    return shown
