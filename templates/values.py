"""What a template computes with: Go's types, and values of which all, some or nothing is known."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeAlias

Kind: TypeAlias = Literal[
    "bool",
    "int",
    "uint",
    "float",
    "complex",
    "string",
    "map",
    "list",
    "struct",
    "pointer",
    "nothing",
    "nil",
    "any",
    "one of",
]


@dataclass(frozen=True, slots=True, eq=False)
class Type:
    """A type of Go: its name there, its kind, and what messages call its values.

    `element` is what a list, a map or a pointer holds. The kind "nothing" is that of a value that
    does not exist, "nil" that of a missing element of type `any`, "any" that of a parameter that
    takes everything, and "one of" that of a value whose alternatives are its `known`.
    """

    name: str
    kind: Kind
    says: str
    element: "Value | None" = None
    fields: "Mapping[str, Value]" = field(default_factory=dict)
    methods: "Mapping[str, Signature]" = field(default_factory=dict)
    comparable: bool = True


class Value(NamedTuple):
    """A value; `known` is the constant that it is, or UNKNOWN.

    Of a list it is the (shortest, longest) length, where None is any; of the map that `args`
    returns, its items; of a value with alternatives, these.
    """

    type: Type
    known: object = None


UNKNOWN = None
Check: TypeAlias = "Callable[[Sequence[Value], Run], Value | None]"


@dataclass(slots=True)
class Uses:
    """The names of the labels that a template uses, and the queries that it runs."""

    labels: set[str] = field(default_factory=set)
    queries: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Run:
    """What is known while a template runs.

    `conditions` is how many conditions that may be false enclose the current place, and `guards`
    how many of them ask for a length or a position, of which `sizes` counts the questions.
    """

    uses: Uses = field(default_factory=Uses)
    conditions: int = 0
    guards: int = 0
    sizes: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Signature:
    """A function or method.

    `more` is the type of any further arguments. `check` returns the result if it depends on the
    arguments, and raises WrongCallError if they make the call fail. `fails` says why every call
    does.
    """

    name: str
    parameters: tuple[Type, ...]
    result: Value
    more: Type | None = None
    check: "Check | None" = None
    fails: str = ""


class WrongCallError(ValueError):
    """A call would fail: the reason, which follows the name of a template, and the advice."""

    def __init__(self, reason: str, advice: str = "Correct it.") -> None:
        super().__init__(reason)
        self.reason, self.advice = reason, advice
        self.in_some_cases = False


def for_each(value: Value, compute: "Callable[[Value], Value]") -> Value:
    """What `compute` returns for whatever the value may be."""
    ways = alternatives(value)
    try:
        return either([compute(one) for one in ways])
    except WrongCallError as error:
        error.in_some_cases |= len(ways) > 1
        raise


BOOL = Type("bool", "bool", "true or false")
INT = Type("int", "int", "a whole number")
INT64 = Type("int64", "int", "a whole number")
BYTE = Type("uint8", "uint", "a byte")
FLOAT = Type("float64", "float", "a floating-point number")
COMPLEX = Type("complex128", "complex", "a complex number")
TEXT = Type("string", "string", "text")
ADDRESS = Type("string", "string", "a URL")
"""Prometheus' own URL, or a part of it, which is never a number."""
HTML = Type("template.HTML", "string", "HTML")
URL = Type("template.URL", "string", "a URL")
ANY = Type("any", "any", "any value")
VALUE = Type("reflect.Value", "any", "any value")
"""The parameters of Go's own functions, which also take what is no value."""
_NOTHING = Type("<no value>", "nothing", "no value")
_NIL = Type("<nil>", "nil", "nil")
_ONE_OF = Type("", "one of", "one of several values")
NOTHING, NIL = Value(_NOTHING), Value(_NIL)
TEXTS = Type("[]string", "list", "a list of texts", Value(TEXT))
BYTES = Type("[]uint8", "list", "a list of bytes", Value(BYTE))
LABELS = Type("map[string]string", "map", "labels", Value(TEXT))
"""The labels of the alert whose template runs; what is read of them is noted in `Uses`."""
STRINGS = Type("map[string]string", "map", "labels", Value(TEXT))
ITEMS = Type("map[string]interface {}", "map", "what args returns")


def either(values: Iterable[Value]) -> Value:
    """The value that is one of these."""
    found: list[Value] = []
    for value in values:
        for one in alternatives(value):
            for at, other in enumerate(found):
                if other.type is one.type:
                    found[at] = Value(one.type, _common(one, other))
                    break
            else:
                found.append(one)
    return found[0] if len(found) == 1 else Value(_ONE_OF, tuple(found))


def _common(one: Value, other: Value) -> object:
    if one.known == other.known:
        return one.known
    if one.type.kind == "list" and one.known and other.known:
        (low, high), (least, most) = length(one), length(other)
        return min(low, least), None if high is None or most is None else max(high, most)
    return UNKNOWN


def alternatives(value: Value) -> Sequence[Value]:
    """What the value may be."""
    if value.type is _ONE_OF and isinstance(value.known, tuple):
        return value.known
    return (value,)


def length(value: Value) -> tuple[int, int | None]:
    """The (shortest, longest) length of a list; None is any."""
    return value.known if isinstance(value.known, tuple) else (0, None)


def truth(value: Value) -> bool | None:
    """Whether `if` takes the value for true; None if that is unknown."""
    kind, known = value.type.kind, value.known
    if kind == "one of":
        found = {truth(one) for one in alternatives(value)}
        return found.pop() if len(found) == 1 else None
    if kind in ("struct", "pointer"):
        return True
    if kind in ("nothing", "nil"):
        return False
    if kind == "list":
        low, high = length(value)
        return True if low else False if high == 0 else None
    return None if known is UNKNOWN else bool(known)


def with_truth(value: Value, wanted: bool) -> Value:
    """The value without the alternatives that `if` never takes for that."""
    kept = [one for one in alternatives(value) if truth(one) in (wanted, None)]
    return either(kept) if kept else value


def pointed(value: Value) -> Value:
    """What the value points to, or the value itself."""
    while value.type.kind == "pointer" and value.type.element:
        value = value.type.element
    return value


def signatures(
    text: str, types: Mapping[str, Type], checks: Mapping[str, Check] | None = None
) -> dict[str, Signature]:
    """Name -> signature, for lines such as `label(string, *sample) string`, as Go writes them.

    `...` precedes the type of any further arguments. Instead of a result, a line may say after
    `!` why every call fails.
    """
    found = {}
    for line in text.strip().splitlines():
        name, _, rest = line.strip().partition("(")
        inside, _, result = rest.partition(")")
        names = [word.strip() for word in inside.split(",") if word.strip()]
        more = types[names.pop()[3:]] if names and names[-1].startswith("...") else None
        fails = result.strip().removeprefix("!") if result.strip().startswith("!") else ""
        found[name] = Signature(
            name,
            tuple(types[word] for word in names),
            NOTHING if fails else Value(types[result.strip()]),
            more,
            (checks or {}).get(name),
            fails,
        )
    return found
