"""`python -m ops cost`: the monthly cost of stacks, from what their previews would have."""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from ops.arguments import Parser
from ops.cost.use import Use, uses

PRICES = Path(__file__).with_name("prices.yaml")
PREVIEW = "pulumi preview --json --show-sames"
UNKNOWN = "no price known: fill in ops/cost/prices.yaml"


class PreviewError(ValueError):
    """A file is not a readable preview; the message, one line, says why and what to write."""


class _State(BaseModel):
    type: str
    inputs: dict[str, Any] = {}


class _Step(BaseModel):
    newState: _State | None = None  # noqa: N815 - Pulumi's name


class _Preview(BaseModel):
    steps: list[_Step]


def main(arguments: Sequence[str]) -> int:
    """Print a table of each preview. Returns 0, or 2 if one can't be read."""
    parser = Parser(prog="python -m ops cost", description=__doc__)
    parser.add_argument(
        "previews",
        nargs="+",
        type=Path,
        metavar="STACK.json",
        help=f"output of `{PREVIEW}`",
    )
    options = parser.parse_args(arguments)
    prices = read_prices()
    texts = []
    for path in options.previews:
        try:
            resources = read_resources(path)
        except PreviewError as error:
            sys.stderr.write(f"error: {error}\n")
            return 2
        texts.append("\n".join(table(path.stem, uses(resources, prices), prices)))
    texts.append(
        f"List prices of {prices['region']} in USD, without taxes and free allowances. "
        "Their dates and sources, and what is assumed, are in ops/cost/prices.yaml."
    )
    sys.stdout.write("\n\n".join(texts) + "\n")
    return 0


def read_resources(path: Path) -> list[tuple[str, Mapping[str, Any]]]:
    """(type token, inputs) of each resource that a preview would have. Raises PreviewError."""
    try:
        steps = _Preview.model_validate_json(path.read_bytes()).steps
    except OSError as error:
        raise PreviewError(
            f"{path}: can't be read: {error.strerror}. Name an output of `{PREVIEW}`."
        ) from None
    except ValidationError:
        raise PreviewError(f"{path}: is not a preview. Name an output of `{PREVIEW}`.") from None
    states = [step.newState for step in steps if step.newState]
    return [(state.type, state.inputs) for state in states]


def read_prices() -> Mapping[str, Any]:
    """The content of prices.yaml."""
    return yaml.safe_load(PRICES.read_text(encoding="utf-8"))


def table(stack: str, found: Iterable[Use], prices: Mapping[str, Any]) -> Iterator[str]:
    """The lines of a stack's table; its total leaves out what has no price."""
    sums: dict[str, float] = {}
    for use in found:
        sums[use.item] = sums.get(use.item, 0) + use.quantity
    yield f"{stack:<28}{'quantity':>14}{'USD each':>10}{'a month':>10}"
    total, unpriced = 0.0, 0
    for item, quantity in sorted(sums.items()):
        price = prices["prices"].get(item, {})
        usd, unit = price.get("usd"), price.get("unit", "resource of this type")
        if not quantity:
            continue
        if usd is None:
            unpriced += 1
            yield f"  {item:<26}{quantity:>14,.2f}{'':>10}{'?':>10}  {UNKNOWN}"
            continue
        quantity /= price.get("divisor", 1)
        total += usd * quantity
        yield f"  {item:<26}{quantity:>14,.2f}{usd:>10.4g}{usd * quantity:>10,.2f}  {unit}"
    rest = f"  without {unpriced} that have no price" if unpriced else ""
    yield f"  {'total':<26}{'':>24}{total:>10,.2f}{rest}"
