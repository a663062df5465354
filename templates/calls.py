"""Which value goes into which parameter, field or method (exec.go)."""

from problems import did_you_mean
from templates.literals import Number
from templates.tree import Chain, Command, Constant, Field, Operand, Variable, written
from templates.values import (
    ANY,
    BOOL,
    COMPLEX,
    FLOAT,
    INT,
    NIL,
    NOTHING,
    TEXT,
    VALUE,
    Signature,
    Type,
    Value,
    WrongCallError,
    either,
    for_each,
    pointed,
)

_NILLABLE = frozenset(("map", "list", "pointer", "any"))


def constant(node: Constant) -> Value:
    """The value of a constant where any type will do."""
    value = node.value
    if isinstance(value, bool):
        return Value(BOOL, value)
    if isinstance(value, str):
        return Value(TEXT, value)
    if value is None:
        return NOTHING
    if not value.ideal:
        raise WrongCallError(
            f"has the number {node.source}, which is too large", "Write a fraction."
        )
    if value.ideal == "complex":
        return Value(COMPLEX, value.value)
    if value.ideal == "float":
        return Value(FLOAT, value.value.real)
    return Value(INT, value.value)


def constant_as(node: Constant, wanted: Type, of: str) -> Value:
    """The value of a constant that is an argument of the type, in a call of the function `of`."""
    value = node.value
    if wanted.kind == "any":
        if value is None:
            return NIL if wanted is ANY else NOTHING
        return constant(node)
    if value is None and wanted.kind in _NILLABLE:
        return _zero(wanted, of)
    if isinstance(value, str) and wanted.kind == "string":
        return Value(wanted, value)
    if isinstance(value, bool) and wanted.kind == "bool":
        return Value(wanted, value)
    if isinstance(value, Number) and (
        (wanted.kind == "int" and value.is_int)
        or (wanted.kind == "uint" and value.is_uint)
        or (wanted.kind == "float" and value.is_float)
    ):
        return Value(wanted, value.value.real)
    raise _wrong(of, wanted, node.source)


def as_argument(value: Value, wanted: Type, of: str, node: Operand | Command | None) -> Value:
    """The value as an argument of the type, in a call of the function `of`."""
    if wanted.kind == "any":
        return value if value.type is not NOTHING.type or wanted is VALUE else NIL
    if value.type.kind == "one of":
        return for_each(value, lambda one: as_argument(one, wanted, of, node))
    given = value.type
    if given.name == wanted.name:
        return value
    if value.type is NOTHING.type and wanted.kind in _NILLABLE:
        return _zero(wanted, of)
    if given.kind == "pointer" and given.element and given.element.type.name == wanted.name:
        return given.element
    raise _wrong(of, wanted, f"{given.says}: {written(node)}" if node else given.says)


def _zero(wanted: Type, of: str) -> Value:
    if wanted.kind == "pointer":
        raise WrongCallError(f"gives {of} nil", f"Give it {wanted.says}.")
    return Value(wanted, (0, 0))


def _wrong(of: str, wanted: Type, given: str) -> WrongCallError:
    return WrongCallError(f"gives {of} {given}", f"Give it {wanted.says}.")


def item_of(items: Value, name: object) -> Value:
    """The value of that name in what `args` returned."""
    known = dict(items.known) if isinstance(items.known, tuple) else {}
    if isinstance(name, str):
        return known.get(name, NIL)
    return either([*known.values(), NIL])


def check_count(signature: Signature, given: int) -> None:
    """Refuse a call with too few or too many arguments, or of a function that can't be called."""
    fixed = len(signature.parameters)
    if given < fixed or (given > fixed and not signature.more):
        wanted = [one.says for one in signature.parameters]
        least = "at least " if signature.more else ""
        advice = f"Give it {least}{fixed}: {'; '.join(wanted)}." if fixed else "Give it none."
        raise WrongCallError(
            f"gives {signature.name} {given} argument{'s' if given != 1 else ''}", advice
        )
    if signature.fails:
        raise WrongCallError(
            f"calls {signature.name}, which no template can: {signature.fails}", "Remove it."
        )


def read_field(value: Value, node: Field | Variable | Chain, at: int) -> Value | Signature:
    """The field, the element or the method of one value that the name at `at` means."""
    name = node.names[at]
    if value.type is NOTHING.type:
        return NOTHING
    if value.type is NIL.type:
        raise WrongCallError(f"reads .{name} of what may be missing", "Check it with `if` before.")
    of = pointed(value).type
    if name in of.methods:
        return of.methods[name]
    if name in of.fields:
        return of.fields[name]
    if of.kind == "map":
        return of.element or item_of(pointed(value), name)
    known = [*of.fields, *of.methods]
    has = f"has {', '.join(f'.{one}' for one in known)}" if known else "has no fields"
    source = written(node, at)
    reason = f"reads .{name}{f' of {source}' if source else ''}, but {of.says} {has}"
    raise WrongCallError(
        reason, did_you_mean(name, known, "Correct it." if known else "Remove it.")
    )
