"""Returns the problems that the program reports for a wrong configuration."""

from collections.abc import Mapping
from typing import Any

import pytest

from problems import Refused
from stacks.settings import Configuration, load_configuration
from tests.support.recording import SECRETS, configure


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
            read_configuration(values, secrets).problems.refuse_if_any()
        except SystemExit as stop:
            assert stop.code not in (0, None)
        except Refused as refused:
            shown += refused.problems
    assert not [line for line in shown if "\n" in line]
    return shown
