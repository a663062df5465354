"""How many series the stack `node` has on a real Kubernetes node, beside what is computed."""

import time
from collections.abc import Iterator

from bench.parts.effect_node import run_on_node
from bench.parts.size import compare_loads, read_load
from bench.results import Row
from toolchain.node.command import STACK

SETTLED_SECONDS = 210
"""From `up` until every rule is evaluated, the slowest after two minutes, and some are again."""
WINDOW_SECONDS = 90


def measure(*, smoke: bool) -> Iterator[Row]:
    """Run the stack for minutes, then compare. A smoke run does not wait for all rules."""
    with run_on_node() as (_, _, servers):
        time.sleep(WINDOW_SECONDS if smoke else SETTLED_SECONDS)
        yield from compare_loads(STACK, "on a real node", read_load(servers[0], WINDOW_SECONDS))
