"""The metrics that the workloads promise, and which rules use each of them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import promql_parser as pp
import yaml

from ops.prometheus_api import Rule

INVENTORY = Path(__file__).parents[2] / "rules" / "metrics.yaml"
MAX_LENGTH = 4096
"""Characters of an expression that is parsed: the parser recurses."""


class InventoryError(Exception):
    """The inventory can't be read; the message says why, on one line."""


@dataclass(frozen=True)
class Metric:
    """A metric of the inventory; `labels` are its own, on top of those of every target."""

    name: str
    type: str
    unit: str
    workload: str
    labels: tuple[str, ...]


def read_inventory(path: Path = INVENTORY) -> list[Metric]:
    """The metrics under `metrics`; raises InventoryError."""
    try:
        listed = yaml.safe_load(path.read_text(encoding="utf-8"))["metrics"]
        return [
            Metric(
                name=entry["name"],
                type=entry["type"],
                unit=entry["unit"],
                workload=entry["workload"],
                labels=tuple(entry["labels"]),
            )
            for entry in listed
        ]
    except (OSError, UnicodeDecodeError, yaml.YAMLError, KeyError, TypeError) as error:
        kind = type(error).__name__
        raise InventoryError(
            f"{path}: is not the inventory of metrics ({kind}): restore it"
        ) from None


class Uses:
    """Which rules use a series, by the expressions that are loaded."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._used = {(rule.type, rule.name, rule.query): series_in(rule.query) for rule in rules}

    def records(self, name: str) -> list[str]:
        """The recording rules whose expression selects the series itself."""
        return sorted({rule for rule in self._users("recording", {name}) if rule != name})

    def alerts(self, name: str) -> list[str]:
        """The alerts that look at the series, or at something that is recorded from it."""
        reached, waiting = {name}, [name]
        while waiting:
            for record in self._users("recording", {waiting.pop()}):
                if record not in reached:
                    reached.add(record)
                    waiting.append(record)
        return sorted(set(self._users("alerting", reached)))

    def _users(self, type_: str, names: set[str]) -> Iterator[str]:
        for (kind, rule, _), used in self._used.items():
            if kind == type_ and used & names:
                yield rule


def series_in(expression: str) -> set[str]:
    """The names of the series that an expression selects; none if it can't be parsed."""
    if len(expression) > MAX_LENGTH:
        return set()
    try:
        tree = pp.parse(expression)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException:  # A panic of the parser is no Exception.
        return set()
    found, waiting = set(), [tree]
    while waiting:
        match waiting.pop():
            case pp.VectorSelector() as selector:
                named = [m.value for m in selector.matchers.matchers if m.name == "__name__"]
                found |= set(named) | ({selector.name} if selector.name else set())
            case pp.BinaryExpr() as node:
                waiting += [node.lhs, node.rhs]
            case pp.AggregateExpr() as node:
                waiting += [node.expr] + ([node.param] if node.param is not None else [])
            case pp.Call() as node:
                waiting += node.args
            case pp.ParenExpr() | pp.UnaryExpr() | pp.SubqueryExpr() as node:
                waiting.append(node.expr)
            case pp.MatrixSelector() as node:
                waiting.append(node.vector_selector)
    return found
