"""The parser of PromQL: a text becomes a tree, as the grammar of Prometheus reads it.

Unfinished parts wait on a stack of our own, so a text may nest as deeply as it likes.
"""

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from problems import did_you_mean
from promql.checks import (
    SET_OPERATORS,
    check_aggregation,
    check_binary,
    check_call,
    check_operand,
    find_function,
)
from promql.errors import PromqlError
from promql.functions import AGGREGATIONS, AGGREGATIONS_BEHIND_FLAGS, Function
from promql.lexer import WORD, Lexer
from promql.modifiers import read_modifiers
from promql.selectors import read_labels, read_selector
from promql.tree import Aggregation, Binary, Call, Matching, Node, Number, Paren, String, Unary

_PRECEDENCE = {
    "or": 1,
    "and": 2,
    "unless": 2,
    **dict.fromkeys(("==", "!=", "<", "<=", ">", ">=", "</", ">/"), 3),
    "+": 4,
    "-": 4,
    "*": 5,
    "/": 5,
    "%": 5,
    "atan2": 5,
    "^": 6,
}
_SIGN_PRECEDENCE = _PRECEDENCE["*"]
_AGGREGATIONS = AGGREGATIONS.keys() | AGGREGATIONS_BEHIND_FLAGS
_NO_METRICS = frozenset({"atan2", "bool", "group_left", "group_right", "ignoring", "on"})
"""Keywords that no metric without quotes can be called."""


@dataclass(slots=True)
class _Group:
    """An open parenthesis: of a call, of an aggregation or of neither."""

    start: int
    opening: int
    function: Function | None = None
    aggregation: str = ""
    labels: tuple[bool, tuple[str, ...]] | None = None
    args: list[Node] = field(default_factory=list)

    def close(self, lexer: Lexer) -> Node:
        """The node of the group, whose closing parenthesis comes next."""
        lexer.advance()
        if self.function:
            check_call(lexer, self.function, self.args, self.start)
            return Call(self.function, tuple(self.args), (self.start, lexer.before))
        if not self.aggregation:
            (inner,) = self.args
            return Paren(inner, (self.start, lexer.before), inner.value_type)
        labels = self.labels or _read_grouping(lexer) or (False, ())
        check_aggregation(lexer, self.aggregation, self.args, self.start)
        *parameters, inner = self.args
        parameter = parameters[0] if parameters else None
        span = (self.start, lexer.before)
        return Aggregation(self.aggregation, inner, parameter, labels[1], labels[0], span)


@dataclass(slots=True)
class _Sign:
    """A sign that waits for its operand."""

    operator: Literal["+", "-"]
    start: int
    precedence: int = _SIGN_PRECEDENCE

    def complete(self, lexer: Lexer, operand: Node) -> Node:
        """The operand with its sign."""
        span = (self.start, operand.span[1])
        if isinstance(operand, Number):
            value = -operand.value if self.operator == "-" else operand.value
            return Number(value, span)
        check_operand(lexer, self.operator, operand)
        return Unary(self.operator, operand, span, operand.value_type)


@dataclass(slots=True)
class _Infix:
    """An operator that waits for its right operand."""

    precedence: int
    operator: str
    lhs: Node
    start: int
    returns_bool: bool
    matching: Matching | None

    def complete(self, lexer: Lexer, operand: Node) -> Node:
        """The operation with its right operand."""
        lhs, operator, matching = self.lhs, self.operator, self.matching
        returns_bool = self.returns_bool
        value_type = check_binary(lexer, operator, lhs, operand, returns_bool, matching, self.start)
        if matching and not lhs.value_type == operand.value_type == "vector":
            matching = None  # Labels match nothing here, and Prometheus forgets them.
        span = (lhs.span[0], operand.span[1])
        return Binary(operator, lhs, operand, returns_bool, matching, span, value_type)


_Stack: TypeAlias = list[_Group | _Sign | _Infix]


def parse_tree(text: str) -> Node:
    """The tree of an expression. Raises PromqlError if Prometheus would refuse the text."""
    lexer = Lexer(text)
    if not lexer.value:
        raise PromqlError("contains no expression. Write one.")
    stack: _Stack = []
    while True:
        start = lexer.start
        node = _read_operand(lexer, stack)
        while node:
            node = read_modifiers(lexer, node, start)
            operator = lexer.value.lower()
            precedence = _PRECEDENCE.get(operator, 0)
            if stack:
                node = _complete(lexer, stack, node, precedence + (operator == "^"))
            if precedence:
                stack.append(_read_infix(lexer, operator, precedence, node))
                break
            if not stack and not operator:
                return node
            if not stack or not isinstance(group := stack[-1], _Group):
                raise _no_operator(lexer)
            group.args.append(node)
            is_call = group.function or group.aggregation
            if operator == ")":
                stack.pop()
                start, node = group.start, group.close(lexer)
            elif operator == "," and is_call:
                lexer.advance()
                break
            elif not operator:
                raise lexer.error("this parenthesis is not closed. Add ).", group.opening)
            else:
                raise _no_operator(lexer)


def _complete(lexer: Lexer, stack: _Stack, node: Node, precedence: int) -> Node:
    """The node with everything on the stack that binds at least as strongly."""
    while stack:
        waiting = stack[-1]
        if isinstance(waiting, _Group) or waiting.precedence < precedence:
            break
        node = waiting.complete(lexer, node)
        stack.pop()
    return node


def _read_operand(lexer: Lexer, stack: _Stack) -> Node | None:
    """The operand that comes next; None if it has only begun and its rest is on the stack."""
    start, value = lexer.start, lexer.value
    if lexer.kind == WORD:
        return _read_word(lexer, stack)
    if value == "(":
        stack.append(_Group(start, start))
        lexer.advance()
        return None
    if value in ("+", "-"):
        stack.append(_Sign(value, start))
        lexer.advance()
        return None
    if value == "{":
        return read_selector(lexer, None, start)
    literal = lexer.literal()
    if literal is None:
        advice = "Write a metric, a number, a function or a parenthesis."
        if value == ")" and lexer.text[: lexer.before].endswith(","):
            advice = "Remove the comma before it."
        raise lexer.unexpected(advice)
    span = (start, lexer.before)
    return String(literal, span) if isinstance(literal, str) else Number(literal, span)


def _read_word(lexer: Lexer, stack: _Stack) -> Node | None:
    """As `_read_operand`, for a word."""
    start, word = lexer.start, lexer.value
    lexer.advance()
    name = word.lower()
    if name in ("inf", "nan"):
        return Number(float(name), (start, lexer.before))
    if name in _AGGREGATIONS and (lexer.value == "(" or lexer.value.lower() in ("by", "without")):
        group = _Group(start, start, aggregation=name, labels=_read_grouping(lexer))
    elif lexer.value == "(":
        group = _Group(start, start, find_function(lexer, word, start))
    elif name in _NO_METRICS:
        raise lexer.error(f"`{word}` can't stand here. Write a metric or a number.", start)
    else:
        return read_selector(lexer, word, start)
    group.opening = lexer.start
    lexer.expect("(", "before the arguments")
    if lexer.value == ")":
        return group.close(lexer)
    stack.append(group)
    return None


def _read_grouping(lexer: Lexer) -> tuple[bool, tuple[str, ...]] | None:
    """(whether the labels are left out, the labels) of an aggregation; None without any."""
    keyword = lexer.value.lower()
    if keyword not in ("by", "without"):
        return None
    lexer.advance()
    return keyword == "without", read_labels(lexer)


def _read_infix(lexer: Lexer, operator: str, precedence: int, lhs: Node) -> _Infix:
    start = lexer.start
    lexer.advance()
    returns_bool = lexer.value.lower() == "bool"
    if returns_bool:
        lexer.advance()
    matching = None
    keyword = lexer.value.lower()
    if keyword in ("on", "ignoring"):
        lexer.advance()
        labels = read_labels(lexer)
        cardinality = "many-to-many" if operator in SET_OPERATORS else "one-to-one"
        include: tuple[str, ...] = ()
        side = lexer.value.lower()
        if side in ("group_left", "group_right"):
            lexer.advance()
            cardinality = "many-to-one" if side == "group_left" else "one-to-many"
            if lexer.value == "(":
                include = read_labels(lexer)
        matching = Matching(cardinality, keyword == "on", labels, include)
    return _Infix(precedence, operator, lhs, start, returns_bool, matching)


def _no_operator(lexer: Lexer) -> PromqlError:
    """An error about what follows an operand and is no operator."""
    if lexer.value == ")":
        return lexer.error("this parenthesis closes nothing. Remove it.")
    advice = did_you_mean(lexer.value, _PRECEDENCE, "Write an operator before it.")
    return lexer.unexpected(advice)
