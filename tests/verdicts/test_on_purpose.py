"""Each refusal on purpose is one: the server takes its example, and we refuse it for that."""

import pytest

from tests.support.verdicts import Comparison, OnPurpose
from tests.verdicts.on_purpose import ON_PURPOSE


@pytest.mark.parametrize("one", ON_PURPOSE, ids=lambda one: one.says)
def test_the_server_takes_the_example_and_we_refuse_it(one: OnPurpose, compare: Comparison) -> None:
    [verdict] = compare.ask(one.kind.server, [one.kind.question(one.example)])
    assert one.kind.accepts(verdict), f"{verdict.error}. Remove the entry."
    reasons = one.kind.reasons(one.example)
    assert any(one.says in reason for reason in reasons), "Remove or correct the entry."
