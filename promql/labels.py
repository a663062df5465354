"""The labels that the result of a PromQL expression can carry."""

from collections.abc import Callable

import promql_parser as pp

from promql.expressions import Expression, Selector

Labels = frozenset[str] | None
"""Names of the labels that a result can carry; None if unknown."""

_KEEPS_SERIES = {"topk", "bottomk", "limitk", "limit_ratio"}
_NO_LABELS = {"scalar", "vector", "time", "pi"}
_EMPTY: frozenset[str] = frozenset()


def result_labels(expression: Expression, labels_of: Callable[[str], Labels]) -> Labels:
    """The labels of an expression's result; `labels_of` returns those of a metric."""

    def labels_at(node: pp.Expr) -> Labels:
        match node:
            case pp.VectorSelector():
                metric = Selector.of(node).metric
                return labels_of(metric) if metric else None
            case pp.MatrixSelector():
                return labels_at(node.vector_selector)
            case pp.ParenExpr() | pp.UnaryExpr() | pp.SubqueryExpr():
                return labels_at(node.expr)
            case pp.AggregateExpr():
                return _aggregate(node, labels_at(node.expr))
            case pp.BinaryExpr():
                return _binary(node, labels_at(node.lhs), labels_at(node.rhs))
            case pp.Call():
                return _call(node, labels_at)
            case _:
                return _EMPTY

    return labels_at(expression.tree)


def _aggregate(node: pp.AggregateExpr, inner: Labels) -> Labels:
    if str(node.op) in _KEEPS_SERIES:
        return inner
    kept: Labels = _EMPTY
    if node.modifier is not None:
        named = frozenset(node.modifier.labels)
        if node.modifier.type == pp.AggModifierType.Without:
            kept = None if inner is None else inner - named
        else:
            kept = named if inner is None else named & inner
    if str(node.op) == "count_values" and isinstance(node.param, pp.StringLiteral):
        return None if kept is None else kept | {node.param.val}
    return kept


def _binary(node: pp.BinaryExpr, left: Labels, right: Labels) -> Labels:
    operator, modifier = str(node.op), node.modifier
    if _is_scalar(node.lhs):
        return right
    if _is_scalar(node.rhs) or operator in ("and", "unless"):
        return left
    if operator == "or":
        return None if left is None or right is None else left | right
    if modifier is None:
        return left
    extra = frozenset(modifier.group_labels or ())
    if modifier.card == pp.VectorMatchCardinality.ManyToOne:
        return None if left is None else left | extra
    if modifier.card == pp.VectorMatchCardinality.OneToMany:
        return None if right is None else right | extra
    if modifier.matching is None:
        return left
    named = frozenset(modifier.matching.labels)
    if modifier.matching.type == pp.LabelModifierType.Include:
        return named if left is None else named & left
    return None if left is None else left - named


def _call(node: pp.Call, labels_at: Callable[[pp.Expr], Labels]) -> Labels:
    name = node.func.name
    if name in _NO_LABELS:
        return _EMPTY
    if name in ("absent", "absent_over_time"):
        return _absent(node.args[0])
    if name == "info":
        return None
    series = [argument for argument in node.args if not _is_scalar(argument)]
    kept = labels_at(series[0]) if series else _EMPTY
    if kept is None:
        return None
    if name in ("label_replace", "label_join"):
        target = node.args[1]
        return kept | {target.val} if isinstance(target, pp.StringLiteral) else None
    if name == "histogram_quantile":
        return kept - {"le"}
    if name == "histogram_quantiles":
        target = node.args[1]
        return (kept - {"le"}) | {target.val} if isinstance(target, pp.StringLiteral) else None
    return kept


def _absent(argument: pp.Expr) -> Labels:
    while isinstance(argument, pp.ParenExpr):
        argument = argument.expr
    if isinstance(argument, pp.MatrixSelector):
        argument = argument.vector_selector
    if not isinstance(argument, pp.VectorSelector):
        return _EMPTY
    selector = Selector.of(argument)
    if selector.has_alternatives:
        return _EMPTY
    named = [matcher.name for matcher in selector.matchers]
    return frozenset(
        matcher.name
        for matcher in selector.matchers
        if matcher.op == pp.MatchOp.Equal
        and matcher.name != "__name__"
        and named.count(matcher.name) == 1
    )


def _is_scalar(node: pp.Expr) -> bool:
    match node:
        case pp.ParenExpr() | pp.UnaryExpr():
            return _is_scalar(node.expr)
        case pp.BinaryExpr():
            return _is_scalar(node.lhs) and _is_scalar(node.rhs)
        case pp.Call():
            return node.func.return_type == pp.ValueType.Scalar
        case _:
            return isinstance(node, pp.NumberLiteral | pp.StringLiteral)
