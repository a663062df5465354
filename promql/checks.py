"""The checks of calls, aggregations and operations: names, numbers of arguments and types."""

from problems import did_you_mean
from promql.errors import PromqlError
from promql.functions import (
    AGGREGATIONS,
    AGGREGATIONS_BEHIND_FLAGS,
    FUNCTIONS,
    FUNCTIONS_BEHIND_FLAGS,
    Function,
    ValueType,
)
from promql.lexer import Lexer
from promql.tree import Matching, Node

COMPARISONS = frozenset({"==", "!=", "<", "<=", ">", ">="})
SET_OPERATORS = frozenset({"and", "or", "unless"})
_FILLS = frozenset({"fill", "fill_left", "fill_right"})
SHOWN_TYPES: dict[ValueType, str] = {
    "scalar": "a scalar",
    "vector": "an instant vector",
    "matrix": "a range vector",
    "string": "a string",
}
"""What messages call each type."""
_CONVERSIONS: dict[tuple[ValueType, ValueType], str] = {
    ("matrix", "vector"): "Write a range such as [5m] after a selector, [5m:] after anything else.",
    ("vector", "matrix"): "Put the range into a function such as rate().",
    ("scalar", "matrix"): "Put the range into a function such as rate().",
    ("scalar", "vector"): "Write a number, or scalar(...) for a single series.",
    ("vector", "scalar"): "Write a selector, or vector(...) for a number.",
}
"""(wanted, found) types -> the advice; `_WANTED` has it for all others."""
_WANTED: dict[ValueType, str] = {
    "scalar": "Write a number.",
    "vector": "Write a selector.",
    "matrix": "Write a selector with a range such as [5m].",
    "string": "Write a text in quotes.",
}
_FLAG = "not enabled on this server: Prometheus takes it with a feature flag alone"


def find_function(lexer: Lexer, name: str, at: int) -> Function:
    """The function of a name. Raises PromqlError if the server does not know or enable it."""
    if function := FUNCTIONS.get(name):
        return function
    if name in FUNCTIONS_BEHIND_FLAGS or name.lower() in _FILLS:
        raise lexer.error(f"{name}() is {_FLAG}. Write the expression without it.", at)
    if name.lower() in FUNCTIONS:
        raise lexer.error(f"there is no function {name}. Write {name.lower()}.", at)
    advice = did_you_mean(name, [*FUNCTIONS, *AGGREGATIONS], "Write one that Prometheus has.")
    raise lexer.error(f"there is no function {name}. {advice}", at)


def check_aggregation(lexer: Lexer, name: str, args: list[Node], at: int) -> None:
    """Refuse an aggregation whose arguments are not what it takes."""
    if name in AGGREGATIONS_BEHIND_FLAGS:
        raise lexer.error(f"{name}() is {_FLAG}. Write the expression without it.", at)
    wanted: list[ValueType] = ["vector"]
    if parameter := AGGREGATIONS[name]:
        wanted.insert(0, parameter)
    if len(args) != len(wanted):
        raise _wrong_number(lexer, name, len(wanted), len(wanted), len(args), at)
    for index, (arg, value_type) in enumerate(zip(args, wanted, strict=True)):
        _check_type(lexer, name, index, arg, value_type)


def check_call(lexer: Lexer, function: Function, args: list[Node], at: int) -> None:
    """Refuse a call whose arguments are not what the function takes."""
    required, limit = function.required, function.limit
    if len(args) < required or (limit is not None and len(args) > limit):
        raise _wrong_number(lexer, function.name, required, limit, len(args), at)
    for index, arg in enumerate(args):
        _check_type(lexer, function.name, index, arg, function.type_of_argument(index))


def check_binary(
    lexer: Lexer,
    operator: str,
    lhs: Node,
    rhs: Node,
    returns_bool: bool,
    matching: Matching | None,
    at: int,
) -> ValueType:
    """The type of an operation's value. Raises PromqlError if its operands don't fit."""
    for operand in (lhs, rhs):
        check_operand(lexer, operator, operand)
    if returns_bool and operator not in COMPARISONS:
        raise lexer.error(f"`{operator}` is no comparison. Remove `bool`.", at)
    if matching and matching.on and (both := set(matching.labels) & set(matching.include)):
        reason = f"the label {min(both)} stands in `on` and in `group_left` or `group_right`."
        raise lexer.error(f"{reason} Remove it from one of them.", at)
    are_vectors = lhs.value_type == rhs.value_type == "vector"
    if are_vectors:
        if operator in SET_OPERATORS and matching and matching.cardinality != "many-to-many":
            reason = f"`{operator}` takes no `group_left` or `group_right`. Remove it."
            raise lexer.error(reason, at)
        return "vector"
    if operator in SET_OPERATORS:
        reason = f"`{operator}` takes instant vectors, not a scalar. Write vector(...) around it."
        raise lexer.error(reason, at)
    if matching and matching.labels:
        reason = "only two instant vectors can be matched by labels."
        raise lexer.error(f"{reason} Remove `on` or `ignoring`.", at)
    if lhs.value_type == rhs.value_type:
        if operator in COMPARISONS and not returns_bool:
            raise lexer.error(f"two scalars are compared. Write `{operator} bool`.", at)
        return "scalar"
    return "vector"


def check_operand(lexer: Lexer, operator: str, operand: Node) -> None:
    """Refuse an operator or a sign before or after a range or a string."""
    found = operand.value_type
    if found not in ("scalar", "vector"):
        advice = _CONVERSIONS.get(("vector", found), "Write a number or a selector.")
        reason = f"`{operator}` takes scalars and instant vectors, not {SHOWN_TYPES[found]}."
        raise lexer.error(f"{reason} {advice}", operand.span[0])


def _check_type(lexer: Lexer, name: str, index: int, arg: Node, wanted: ValueType) -> None:
    found = arg.value_type
    if found != wanted:
        takes = f"{SHOWN_TYPES[wanted]} as argument {index + 1}"
        reason = f"{name}() takes {takes}, not {SHOWN_TYPES[found]}."
        advice = _CONVERSIONS.get((wanted, found), _WANTED[wanted])
        raise lexer.error(f"{reason} {advice}", arg.span[0])


def _wrong_number(
    lexer: Lexer, name: str, required: int, limit: int | None, found: int, at: int
) -> PromqlError:
    wanted = required if found < required else limit
    bound = "" if required == limit else "at least " if found < required else "at most "
    arguments = "argument" if wanted == 1 else "arguments"
    advice = f"Write {bound}{wanted or 'none'}."
    return lexer.error(
        f"{name}() takes {bound}{wanted or 'no'} {arguments}, not {found}. {advice}", at
    )
