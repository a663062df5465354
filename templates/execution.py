"""Runs a template on values of which not all is known, and finds what would fail (exec.go).

Where a condition is not known, both ways are taken: an error in either is one of the template.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from problems import did_you_mean
from templates.evaluation import Evaluator, Scope
from templates.lexer import TemplateError
from templates.moments import DURATION
from templates.tree import (
    Block,
    Call,
    Command,
    Element,
    Leave,
    Pipeline,
    Template,
    Text,
    Variable,
    written,
)
from templates.values import (
    INT,
    INT64,
    NOTHING,
    TEXT,
    Signature,
    Uses,
    Value,
    alternatives,
    either,
    length,
    pointed,
    truth,
    with_truth,
)

_MAX_DEPTH = 40
_MOST_NODES = 100_000
"""So many are walked. Each range in a range doubles them: it is walked until it settles."""
_MOST_STEPS = 10_000
"""Of ranges that count, in one another. The servers would count on for hours."""
Values = Sequence[Value]


@dataclass(slots=True)
class _Loop:
    """A range; `size` is how many variables there are outside it.

    `left` and `continued` are what these are wherever a `break` or `continue` is reached.
    """

    size: int
    left: list[Values] = field(default_factory=list)
    continued: list[Values] = field(default_factory=list)


class Execution:
    """Runs templates that can call each other, with the same functions."""

    def __init__(
        self,
        templates: Mapping[str, Template],
        functions: Mapping[str, Signature],
        given: Mapping[str, Template] = MappingProxyType({}),
    ) -> None:
        """`given` stand for templates of the server, whose errors are those of their callers."""
        self._templates = templates
        self._given = given
        self._evaluator = Evaluator(functions, Scope([], []))
        self._loops: list[_Loop] = []
        self._steps = 1
        self._walked = 0
        self._done: set[tuple[str, Value, bool]] = set()
        self._active: dict[tuple[str, Value, bool], int] = {}

    def run(self, name: str, data: Value, variables: Mapping[str, Value] | None = None) -> Uses:
        """The labels and queries that the template uses; raises TemplateError if it would fail."""
        given = variables or {}
        self._evaluator.scope = Scope(["$", *given], [data, *given.values()])
        self._enter(self._templates[name], data)
        return self._evaluator.run.uses

    def _enter(self, template: Template, dot: Value) -> None:
        try:
            self._walk(template.body, dot)
        except TemplateError as error:
            error.template = error.template or template.name
            error.in_some_cases |= self._evaluator.run.conditions > 0
            raise

    def _walk(self, nodes: Sequence[Element], dot: Value) -> bool:
        """Whether what follows the nodes can be reached."""
        self._walked += len(nodes)
        if self._walked > _MOST_NODES:
            raise TemplateError("takes too long to check", nodes[0].position, "Split it.")
        for node in nodes:
            match node:
                case Pipeline():
                    self._evaluator.pipeline(dot, node)
                case Block():
                    walk = self._range if node.kind == "range" else self._choose
                    if not walk(dot, node):
                        return False
                case Call():
                    self._call_template(dot, node)
                case Leave():
                    loop = self._loops[-1]
                    ways = loop.left if node.kind == "break" else loop.continued
                    ways.append(self._evaluator.scope.values[: loop.size])
                    return False
                case Text():
                    pass
        return True

    def _walk_in(
        self, scope: Scope, nodes: Sequence[Element], dot: Value, size: int
    ) -> list[Values]:
        """What the first `size` variables are behind the nodes; nothing if that is not reached."""
        self._evaluator.scope = scope
        return [self._evaluator.scope.values[:size]] if self._walk(nodes, dot) else []

    def _join(self, scope: Scope, ways: Sequence[Values]) -> bool:
        """Go on with what the variables are on any of these ways; False if there is none."""
        if ways:
            values = [either(values) for values in zip(*ways, strict=True)]
            self._evaluator.scope = Scope(scope.names[: len(values)], values)
        return bool(ways)

    def _choose(self, dot: Value, node: Block) -> bool:
        """Walk an `if` or `with`."""
        run, size = self._evaluator.run, len(self._evaluator.scope.values)
        outer = run.conditions, run.guards, run.sizes
        value = self._evaluator.pipeline(dot, node.pipeline)
        scope = self._evaluator.scope
        known = truth(value)
        if known is None:
            run.conditions += 1
            run.guards += run.sizes > outer[2]
        ways: list[Values] = []
        if known is not False:
            inside = with_truth(value, True) if node.kind == "with" else dot
            ways += self._walk_in(_narrowed(scope, node.pipeline, True), node.body, inside, size)
        if not known:
            ways += self._walk_in(_narrowed(scope, node.pipeline, False), node.otherwise, dot, size)
        run.conditions, run.guards, _ = outer
        return self._join(scope, ways)

    def _range(self, dot: Value, node: Block) -> bool:
        run, size = self._evaluator.run, len(self._evaluator.scope.values)
        outer = run.conditions, run.guards, run.sizes
        value = self._evaluator.pipeline(dot, node.pipeline)
        scope = self._evaluator.scope
        collections = [pointed(one) for one in alternatives(value)]
        pairs = [pair for one in collections if (pair := _pair(one, node))]
        steps = self._steps
        self._steps *= max(map(_count, collections))
        if self._steps > _MOST_STEPS:
            reason = f"counts further than {_MOST_STEPS} in its ranges"
            raise TemplateError(reason, node.position, "Count less.")
        # Nothing counts to a negative number, which is true all the same.
        is_certain = len(pairs) == len(collections) and all(map(truth, collections))
        if not is_certain:
            run.conditions += 1
            run.guards += run.sizes > outer[2]
        ways: list[Values] = []
        if pairs:
            index, element = (either(part) for part in zip(*pairs, strict=True))
            ways += self._iterate(scope, node, index, element, size)
        self._steps = steps
        if not is_certain:
            ways += self._walk_in(scope.copy(), node.otherwise, dot, size)
        run.conditions, run.guards, _ = outer
        return self._join(scope, ways)

    def _iterate(
        self, scope: Scope, node: Block, index: Value, element: Value, size: int
    ) -> list[Values]:
        """What the variables outside the range may be after at least one iteration."""
        while True:
            current = scope.copy()
            names = node.pipeline.variables
            given = (index, element) if len(names) > 1 else (element,)
            for back, (name, value) in enumerate(zip(names, given, strict=False), -len(names)):
                assigned = node.pipeline.assigns
                at = current.find(name, node.pipeline.position) if assigned else back
                current.values[at] = value
            loop = _Loop(size)
            self._loops.append(loop)
            ends = self._walk_in(current, node.body, element, size) + loop.continued
            self._loops.pop()
            outside = scope.values[:size]
            again = [either(values) for values in zip(outside, *ends, strict=True)]
            if again == outside:
                return [*ends, *loop.left]
            scope = Scope(scope.names, again + scope.values[size:])

    def _call_template(self, dot: Value, node: Call) -> None:
        template = self._given.get(node.name) or self._templates.get(node.name)
        if not template:
            raise missing_template(node, self._templates)
        data = self._evaluator.pipeline(dot, node.pipeline) if node.pipeline else NOTHING
        run, scope, loops = self._evaluator.run, self._evaluator.scope, self._loops
        for one in alternatives(data):
            key = node.name, one, run.guards > 0
            if self._active.get(key) == run.conditions:
                reason = f"calls the template {node.name} in itself without end"
                raise TemplateError(reason, node.position, "End it with a condition.")
            if key in self._done or key in self._active:
                continue
            if len(self._active) >= _MAX_DEPTH:
                reason = "calls templates in templates too deeply"
                raise TemplateError(reason, node.position, "Call fewer.")
            self._evaluator.scope, self._loops = Scope(["$"], [one]), []
            self._active[key] = run.conditions
            try:
                self._enter(template, one)
            except TemplateError as error:
                if node.name not in self._given:
                    raise
                # Of templates that call one another, the innermost says what is wrong.
                reason = error.reason
                if not reason.startswith("gives the template"):
                    reason = f"gives the template {node.name} what does not fit: it {reason}"
                raise TemplateError(reason, node.position, "Give it what it reads.") from None
            del self._active[key]
            self._done.add(key)
        self._evaluator.scope, self._loops = scope, loops


def _narrowed(scope: Scope, pipeline: Pipeline, way: bool) -> Scope:
    """The scope where the variables that are the whole condition went that way."""
    found = scope.copy()
    names = pipeline.variables
    match pipeline.commands:
        case [Command(operands=[Variable(name=name, names=())])]:
            names = [*names, name]
    for name in names:
        at = found.find(name, pipeline.position)
        found.values[at] = with_truth(found.values[at], way)
    return found


def _pair(collection: Value, node: Block) -> tuple[Value, Value] | None:
    """The (index, element) of an iteration over the value; None if there is certainly none."""
    of = collection.type
    if of.kind in ("nothing", "nil"):
        return None
    if of.kind in ("int", "uint"):
        if len(node.pipeline.variables) > 1:
            reason = "counts with two variables in a range"
            raise TemplateError(reason, node.position, "Declare one.")
        known = collection.known
        return None if isinstance(known, int) and known <= 0 else (NOTHING, Value(of))
    if of.kind == "list" and of.element:
        return None if length(collection) == (0, 0) else (Value(INT), of.element)
    if of.kind == "map":
        if isinstance(collection.known, tuple):
            items = [value for _, value in collection.known]
            return (Value(TEXT), either(items)) if items else None
        return Value(TEXT), of.element or NOTHING
    reason = f"has a range over {of.says}: {written(node.pipeline)}"
    raise TemplateError(reason, node.pipeline.position, "Give it a list, a map or a whole number.")


def _count(collection: Value) -> int:
    """How far a range over the value counts; 1 if it does not, or not far."""
    if collection.type in (INT64, DURATION):
        return _MOST_STEPS + 1
    known = collection.known
    return max(known, 1) if collection.type.kind == "int" and isinstance(known, int) else 1


def missing_template(node: Call, known: Iterable[str]) -> TemplateError:
    """The error of a call of a template that is not defined."""
    advice = did_you_mean(node.name, known, "Define it.")
    reason = f"calls the template {node.name}, which does not exist"
    return TemplateError(reason, node.position, advice)
