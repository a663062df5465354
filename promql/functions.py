"""The functions and aggregations that the pinned Prometheus takes with its default flags."""

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

ValueType: TypeAlias = Literal["scalar", "vector", "matrix", "string"]
"""The type of an expression's value; a vector is an instant vector, a matrix a range vector."""


@dataclass(frozen=True, slots=True)
class Function:
    """A function: the types of its arguments and of its result.

    `required` arguments must be given and `limit` may be given, None if any number may: the last
    type is also that of all arguments that follow it. `main` is the position of the only argument
    that is a vector or range, if there is one.
    """

    name: str
    arguments: tuple[ValueType, ...]
    required: int
    limit: int | None
    returns: ValueType
    main: int | None = field(repr=False)

    def type_of_argument(self, index: int) -> ValueType:
        """The type of the argument at `index`, counted from 0."""
        return self.arguments[min(index, len(self.arguments) - 1)]


def _functions(
    arguments: tuple[ValueType, ...],
    names: str,
    *,
    optional: int = 0,
    has_more: bool = False,
    returns: ValueType = "vector",
) -> dict[str, Function]:
    """Functions that differ in their names alone."""
    required = len(arguments) - optional
    limit = None if has_more else len(arguments)
    series = (at for at, kind in enumerate(arguments) if kind in ("vector", "matrix"))
    main = next(series, None)
    return {
        name: Function(name, arguments, required, limit, returns, main) for name in names.split()
    }


FUNCTIONS: dict[str, Function] = {
    **_functions(
        ("vector",),
        "abs absent acos acosh asin asinh atan atanh ceil cos cosh deg exp floor histogram_avg"
        " histogram_count histogram_stddev histogram_stdvar histogram_sum ln log10 log2 rad sgn sin"
        " sinh sort sort_desc sqrt tan tanh timestamp",
    ),
    **_functions(
        ("matrix",),
        "absent_over_time avg_over_time changes count_over_time delta deriv idelta increase irate"
        " last_over_time max_over_time min_over_time present_over_time rate resets"
        " stddev_over_time stdvar_over_time sum_over_time",
    ),
    **_functions(
        ("vector",),
        "day_of_month day_of_week day_of_year days_in_month hour minute month year",
        optional=1,
    ),
    **_functions(("vector", "scalar"), "clamp_max clamp_min"),
    **_functions(("vector", "scalar"), "round", optional=1),
    **_functions(("vector", "scalar", "scalar"), "clamp"),
    **_functions(("scalar", "vector"), "histogram_quantile"),
    **_functions(("scalar", "scalar", "vector"), "histogram_fraction"),
    **_functions(("matrix", "scalar"), "predict_linear"),
    **_functions(("scalar", "matrix"), "quantile_over_time"),
    **_functions(("vector", "string", "string", "string", "string"), "label_replace"),
    **_functions(("vector", "string", "string", "string"), "label_join", optional=1, has_more=True),
    **_functions(("scalar",), "vector"),
    **_functions(("vector",), "scalar", returns="scalar"),
    **_functions((), "pi time", returns="scalar"),
}
"""By name. Names are written in small letters only."""

AGGREGATIONS: dict[str, ValueType | None] = {
    **dict.fromkeys(["avg", "count", "group", "max", "min", "stddev", "stdvar", "sum"]),
    "bottomk": "scalar",
    "count_values": "string",
    "quantile": "scalar",
    "topk": "scalar",
}
"""The type of each aggregation's parameter, which stands before its vector; None without one."""

FUNCTIONS_BEHIND_FLAGS = frozenset(
    [
        "double_exponential_smoothing",
        "end",
        "first_over_time",
        "histogram_quantiles",
        "info",
        "mad_over_time",
        "max_of",
        "min_of",
        "range",
        "sort_by_label",
        "sort_by_label_desc",
        "start",
        "step",
        "ts_of_first_over_time",
        "ts_of_last_over_time",
        "ts_of_max_over_time",
        "ts_of_min_over_time",
    ]
)
"""Functions that Prometheus takes only with `--enable-feature=promql-experimental-functions`."""

AGGREGATIONS_BEHIND_FLAGS = frozenset({"limit_ratio", "limitk"})
"""Aggregations that Prometheus takes only with the same flag."""
