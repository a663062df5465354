"""The tree of a PromQL expression."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal, NamedTuple, TypeAlias, TypeVar

from promql.functions import Function, ValueType

Span: TypeAlias = tuple[int, int]
"""(start, end) offsets in the expression's text."""
At: TypeAlias = float | Literal["start", "end"] | None
"""The time after `@`: seconds since 1970, or the start or end of the query."""
Result = TypeVar("Result")


class Matcher(NamedTuple):
    """A condition on a label."""

    name: str
    operator: Literal["=", "!=", "=~", "!~"]
    value: str


@dataclass(slots=True)
class Number:
    """A number, or a duration in seconds."""

    value: float
    span: Span = field(compare=False, repr=False)
    value_type: ClassVar[ValueType] = "scalar"
    children: ClassVar[tuple[()]] = ()


@dataclass(slots=True)
class String:
    """A string without its quotes."""

    value: str
    span: Span = field(compare=False, repr=False)
    value_type: ClassVar[ValueType] = "string"
    children: ClassVar[tuple[()]] = ()


@dataclass(slots=True)
class VectorSelector:
    """A selector of series; `offset` is in milliseconds.

    `metric` is the name that the series must have, however it is written: `up`, `{"up"}` or
    `{__name__="up"}`; `matchers` are all other conditions.
    """

    metric: str | None
    matchers: tuple[Matcher, ...]
    offset: int
    at: At
    span: Span = field(compare=False, repr=False)
    value_type: ClassVar[ValueType] = "vector"
    children: ClassVar[tuple[()]] = ()


@dataclass(slots=True)
class MatrixSelector:
    """A selector of series over a range in milliseconds."""

    selector: VectorSelector
    range: int
    span: Span = field(compare=False, repr=False)
    value_type: ClassVar[ValueType] = "matrix"
    children: tuple["Node", ...] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        self.children = (self.selector,)


@dataclass(slots=True)
class Subquery:
    """An expression over a range; times are in milliseconds.

    Without a step, Prometheus takes its evaluation interval.
    """

    expr: "Node"
    range: int
    step: int | None
    offset: int
    at: At
    span: Span = field(compare=False, repr=False)
    value_type: ClassVar[ValueType] = "matrix"
    children: tuple["Node", ...] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        self.children = (self.expr,)


@dataclass(slots=True)
class Call:
    """A call of a function."""

    function: Function
    args: tuple["Node", ...]
    span: Span = field(compare=False, repr=False)
    children: tuple["Node", ...] = field(init=False, compare=False, repr=False)

    @property
    def value_type(self) -> ValueType:
        """The type of the function's result."""
        return self.function.returns

    def __post_init__(self) -> None:
        self.children = self.args


@dataclass(slots=True)
class Aggregation:
    """An aggregation by the labels of `grouping`, or by all others if it is `without` them.

    `param` is what stands before the vector: the 3 of `topk(3, up)`.
    """

    operator: str
    expr: "Node"
    param: "Node | None"
    grouping: tuple[str, ...]
    without: bool
    span: Span = field(compare=False, repr=False)
    value_type: ClassVar[ValueType] = "vector"
    children: tuple["Node", ...] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        self.children = (self.expr,) if self.param is None else (self.param, self.expr)


class Matching(NamedTuple):
    """Which series of two vectors belong together: those whose `labels` are equal.

    `on` is False if all labels but those count. `include` are the labels that `group_left` and
    `group_right` name.
    """

    cardinality: Literal["one-to-one", "many-to-one", "one-to-many", "many-to-many"]
    on: bool
    labels: tuple[str, ...]
    include: tuple[str, ...]


@dataclass(slots=True)
class Binary:
    """A binary operation.

    `operator` is in small letters. `matching` is None if there is no `on` and no `ignoring`.
    """

    operator: str
    lhs: "Node"
    rhs: "Node"
    returns_bool: bool
    matching: Matching | None
    span: Span = field(compare=False, repr=False)
    value_type: ValueType = field(compare=False, repr=False)
    children: tuple["Node", ...] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        self.children = self.lhs, self.rhs


@dataclass(slots=True)
class Unary:
    """A sign before an expression that is no number."""

    operator: Literal["+", "-"]
    expr: "Node"
    span: Span = field(compare=False, repr=False)
    value_type: ValueType = field(compare=False, repr=False)
    children: tuple["Node", ...] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        self.children = (self.expr,)


@dataclass(slots=True)
class Paren:
    """An expression in parentheses."""

    expr: "Node"
    span: Span = field(compare=False, repr=False)
    value_type: ValueType = field(compare=False, repr=False)
    children: tuple["Node", ...] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        self.children = (self.expr,)


Node: TypeAlias = (
    Number
    | String
    | VectorSelector
    | MatrixSelector
    | Subquery
    | Call
    | Aggregation
    | Binary
    | Unary
    | Paren
)
"""Any node.

`value_type` is the type of the expression that it stands for. `children` are its operands and
arguments, in the order of the text.
"""


def nodes(tree: Node) -> list[Node]:
    """Every node of the tree, each before its children, in the order of the text."""
    found: list[Node] = []
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        found.append(node)
        if node.children:
            waiting += reversed(node.children)
    return found


def unwrapped(node: Node) -> Node:
    """The node without the parentheses around it."""
    while isinstance(node, Paren):
        node = node.expr
    return node


def main_argument(node: Call, inner: Sequence[Result], default: Result) -> Result:
    """Of one result for each argument of a call, that of its vector or range, if it has one."""
    at = node.function.main
    return default if at is None or at >= len(inner) else inner[at]


def fold(walked: Sequence[Node], combine: Callable[[Node, list[Result]], Result]) -> Result:
    """The result of `combine(node, results of its children)` for a tree; `walked` are its `nodes`.

    Works on trees of any depth, as a function that calls itself does not.
    """
    results: list[Result] = []
    for node in reversed(walked):
        inner: list[Result] = []
        if count := len(node.children):
            inner = results[: -count - 1 : -1]
            del results[-count:]
        results.append(combine(node, inner))
    return results.pop()
