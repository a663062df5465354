"""The nodes of a parsed template, as in text/template/parse."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from templates.literals import Number


@dataclass(slots=True)
class Node:
    """Anything in a template; `position` is where it begins in the text."""

    position: int


@dataclass(slots=True)
class Constant(Node):
    """Quoted text, a number, a truth value, or None for `nil`; `source` is how it is written."""

    value: str | Number | bool | None
    source: str


@dataclass(slots=True)
class Dot(Node):
    """`.`."""


@dataclass(slots=True)
class Field(Node):
    """`.A.B`: fields of `.`."""

    names: tuple[str, ...]


@dataclass(slots=True)
class Variable(Node):
    """`$x.A.B`; `name` has the dollar sign."""

    name: str
    names: tuple[str, ...]


@dataclass(slots=True)
class Function(Node):
    """The name of a function."""

    name: str


@dataclass(slots=True)
class Command(Node):
    """An operand, or a function, method or field with its arguments."""

    operands: "list[Operand]"


@dataclass(slots=True)
class Pipeline(Node):
    """Commands, and the variables that it declares or, if `assigns`, sets."""

    variables: list[str]
    assigns: bool
    commands: list[Command]


@dataclass(slots=True)
class Chain(Node):
    """`(...).A.B`: fields of a pipeline's or a function's result."""

    of: "Pipeline | Function"
    names: tuple[str, ...]


Operand: TypeAlias = Constant | Dot | Field | Variable | Function | Pipeline | Chain


@dataclass(slots=True)
class Text(Node):
    """Text with more than white space, noted only where it comes first in its list."""


@dataclass(slots=True)
class Block(Node):
    """`if`, `with` or `range` with its two lists of nodes; `end` is where its `end` stands."""

    kind: str
    pipeline: Pipeline
    body: "list[Element]"
    otherwise: "list[Element]"
    end: int


@dataclass(slots=True)
class Call(Node):
    """`template "name" pipeline`."""

    name: str
    pipeline: Pipeline | None


@dataclass(slots=True)
class Leave(Node):
    """`break` or `continue`."""

    kind: str


Element: TypeAlias = Text | Pipeline | Block | Call | Leave


@dataclass(slots=True)
class Template(Node):
    """A named list of nodes; `calls` are all calls of templates in it."""

    name: str
    body: list[Element]
    calls: list[Call]


def written(node: Operand | Command, names: int | None = None) -> str:
    """The node as it could be written in a template, with at most so many names of fields."""
    match node:
        case Constant():
            return node.source
        case Dot():
            return "."
        case Field():
            return "".join(f".{name}" for name in node.names[:names])
        case Variable():
            return "".join([node.name, *(f".{name}" for name in node.names[:names])])
        case Function():
            return node.name
        case Command():
            return _joined(node.operands)
        case Pipeline():
            return f"({' | '.join(_joined(command.operands) for command in node.commands)})"
        case Chain():
            return "".join([written(node.of), *(f".{name}" for name in node.names[:names])])


def _joined(operands: Sequence[Operand]) -> str:
    return " ".join(written(operand) for operand in operands)
