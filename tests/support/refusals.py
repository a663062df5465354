"""Which lines a wrong configuration is refused with."""

from collections.abc import Mapping
from typing import Any

import pytest

from problems import Refused
from stacks.settings import Configuration, load_configuration
from tests.support.recording import SECRETS, configure


def read_configuration(
    values: Mapping[str, Any], secrets: Mapping[str, str] = SECRETS
) -> Configuration:
    """The program's configuration, without a running program around it."""
    configure(values, secrets)
    return load_configuration()


def refusals(values: Mapping[str, Any], secrets: Mapping[str, str] = SECRETS) -> list[str]:
    """The lines for a configuration by itself, without those for rules and dashboards."""
    shown: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pulumi.log.error", shown.append)
        patch.setattr("stacks.settings.read_files", lambda *_: None)
        try:
            read_configuration(values, secrets).problems.refuse_if_any()
        except SystemExit as stop:
            assert stop.code not in (0, None)
        except Refused as refused:
            shown += refused.problems
    assert not [line for line in shown if "\n" in line]
    return shown
