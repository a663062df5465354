"""The values of pipelines, as text/template evaluates them (exec.go)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice, product

from templates.builtins import AND, OR
from templates.calls import as_argument, check_count, constant, constant_as, read_field
from templates.lexer import TemplateError
from templates.tree import (
    Chain,
    Command,
    Constant,
    Dot,
    Field,
    Function,
    Operand,
    Pipeline,
    Variable,
    written,
)
from templates.values import (
    LABELS,
    NIL,
    NOTHING,
    VALUE,
    Run,
    Signature,
    Type,
    Value,
    WrongCallError,
    alternatives,
    either,
    for_each,
    truth,
    with_truth,
)

_MOST_WAYS = 32
"""So many combinations of what arguments may be are tried."""


@dataclass(slots=True)
class Scope:
    """The variables that can be seen, innermost last."""

    names: list[str]
    values: list[Value]

    def find(self, name: str, position: int) -> int:
        """Where the innermost variable of that name is."""
        for at in range(len(self.names) - 1, -1, -1):
            if self.names[at] == name:
                return at
        reason = f"uses the variable {name}, which is not declared on every way to it"
        raise TemplateError(reason, position, "Declare it with := before.")

    def copy(self) -> "Scope":
        """The same variables, apart."""
        return Scope(self.names[:], self.values[:])


@dataclass(frozen=True, slots=True)
class _Arguments:
    """The arguments of a call: operands, and the value of the command before the `|`."""

    nodes: Sequence[Operand] = ()
    final: Value | None = None
    before: Command | None = None

    def __len__(self) -> int:
        return len(self.nodes) + (self.final is not None)


_NONE = _Arguments()


@dataclass(slots=True)
class Evaluator:
    """Evaluates pipelines with these functions, in the current scope."""

    functions: Mapping[str, Signature]
    scope: Scope
    run: Run = field(default_factory=Run)

    def pipeline(self, dot: Value, pipeline: Pipeline) -> Value:
        """The value of a pipeline; it declares or sets the pipeline's variables."""
        value = before = None
        for command in pipeline.commands:
            operands = command.operands
            given = _NONE
            if before or len(operands) > 1:
                given = _Arguments(operands[1:], value, before)
            try:
                value = self._operand(dot, operands[0], given, command)
            except WrongCallError as error:
                raise TemplateError(
                    error.reason,
                    command.position,
                    error.advice,
                    in_some_cases=error.in_some_cases,
                ) from None
            # A missing element of the type `any` is no value from here on.
            if value.type.kind == "nil":
                value = NOTHING
            elif value.type.kind == "one of":
                value = either(NOTHING if one == NIL else one for one in alternatives(value))
            before = command
        value = value or NOTHING
        for name in pipeline.variables:
            if pipeline.assigns:
                self.scope.values[self.scope.find(name, pipeline.position)] = value
            else:
                self.scope.names.append(name)
                self.scope.values.append(value)
        return value

    def _operand(
        self, dot: Value, node: Operand, given: _Arguments, of: Command | Operand
    ) -> Value:
        """The value of the first operand of a command, with the others and `final` as arguments."""
        match node:
            case Variable():
                value = self.scope.values[self.scope.find(node.name, node.position)]
                if node.names:
                    return self._fields(dot, value, node, given)
            case Field():
                return self._fields(dot, dot, node, given)
            case Function():
                return self._call(dot, self.functions[node.name], given, of)
            case Chain():
                value = self._operand(dot, node.of, _NONE, node.of)
                return self._fields(dot, value, node, given)
            case Constant(value=None):
                raise WrongCallError("has nil where a value must be", "Remove it.")
            case Constant():
                value = constant(node)
            case Dot():
                value = dot
            case Pipeline():
                value = NOTHING
        if given:
            reason = f"uses {written(node)} as if it were a function"
            raise WrongCallError(reason, "Remove what stands behind it, or write a function.")
        return self.pipeline(dot, node) if isinstance(node, Pipeline) else value

    def _fields(
        self, dot: Value, value: Value, node: Field | Variable | Chain, given: _Arguments
    ) -> Value:
        """The value of `.A.B.C`; the last may be a method, which gets the arguments."""
        last = len(node.names) - 1
        for at in range(last + 1):
            arguments = given if at == last else _NONE
            if value.type.kind == "one of":
                read = partial(self._field, dot, node, at, arguments)
                value = for_each(value, read)
            else:
                value = self._field(dot, node, at, arguments, value)
        return value

    def _field(
        self, dot: Value, node: Field | Variable | Chain, at: int, given: _Arguments, value: Value
    ) -> Value:
        found = read_field(value, node, at)
        if isinstance(found, Signature):
            return self._call(dot, found, given, node)
        if given:
            reason = f"gives arguments to .{node.names[at]}, which is a field"
            raise WrongCallError(reason, "Remove them.")
        if value.type is LABELS:
            self.run.uses.labels.add(node.names[at])
        return found

    def _call(
        self, dot: Value, signature: Signature, given: _Arguments, of: Command | Operand
    ) -> Value:
        check_count(signature, len(given))
        if signature is AND or signature is OR:
            return self._logic(dot, given, signature is OR)
        name, fixed, more = signature.name, signature.parameters, signature.more or VALUE
        values = [
            self._argument(dot, node, fixed[at] if at < len(fixed) else more, name)
            for at, node in enumerate(given.nodes)
        ]
        if given.final:
            wanted = fixed[len(values)] if len(values) < len(fixed) else more
            values.append(as_argument(given.final, wanted, name, given.before))
        if not signature.check:
            return signature.result
        ways = [*islice(product(*(alternatives(value) for value in values)), _MOST_WAYS)]
        try:
            return either(signature.check(one, self.run) or signature.result for one in ways)
        except WrongCallError as error:
            error.reason += f": {written(of)}"
            error.in_some_cases |= len(ways) > 1
            raise

    def _argument(self, dot: Value, node: Operand, wanted: Type, of: str) -> Value:
        if isinstance(node, Constant):
            return constant_as(node, wanted, of)
        return as_argument(self._operand(dot, node, _NONE, node), wanted, of, node)

    def _logic(self, dot: Value, given: _Arguments, is_or: bool) -> Value:
        """`and` and `or`, which evaluate no argument behind the one that decides."""
        run = self.run
        outer = run.conditions, run.guards
        results: list[Value] = []
        for at in range(len(given)):
            sizes = run.sizes
            is_final = at == len(given.nodes)
            value = given.final if is_final else self._argument(dot, given.nodes[at], VALUE, "")
            value = value or NOTHING
            known = truth(value)
            if at == len(given) - 1 or known is is_or:
                results.append(value)
                break
            if known is None:
                results.append(with_truth(value, is_or))
                run.conditions += 1
                run.guards += run.sizes > sizes
        run.conditions, run.guards = outer
        return either(results)
