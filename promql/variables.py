"""Grafana variables in the queries of dashboards."""

import re
from collections.abc import Callable, Iterator

from promql.functions import AGGREGATIONS, FUNCTIONS

VARIABLE = re.compile(
    r"\$(?P<plain>[A-Za-z_]\w*)|\$\{(?P<braced>\w+)(?:[^\w}][^}]*)?\}"
    r"|\[\[(?P<bracketed>[A-Za-z_]\w*)(?::\w+)?\]\]"
)
"""A variable in any of Grafana's three spellings: `$pod`, `${pod:regex}`, `[[pod]]`."""
_LABEL_VALUES = re.compile(r"\s*label_values\(\s*(?:(?P<series>.+),)?\s*[\w$.{}:\"]+\s*\)\s*", re.S)
_QUERY_RESULT = re.compile(r"\s*query_result\((?P<query>.+)\)\s*", re.S)
_NAMES = re.compile(r"\s*(?:metrics|label_names)\(.*\)\s*", re.S)
_NUMBER = re.compile(r"__(interval|range)_m?s|__from|__to")
_DURATION = re.compile(r"__(rate_interval|interval|range|auto)\w*")
_NO_NAMES = VARIABLE.pattern.replace("?P<plain>", "?:").replace("?P<braced>", "?:")
_NO_NAMES = _NO_NAMES.replace("?P<bracketed>", "?:")
_TOKEN = re.compile(
    r"""(?P<text>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`[^`]*`)|(?P<space>\s+|\#[^\n]*)"""
    rf"|(?P<word>(?:[A-Za-z_:0-9.]|{_NO_NAMES})+)|(?P<sign>=~|!~|[=!<>]=|.)",
    re.DOTALL,
)
_GROUPINGS = {"by", "without", "on", "ignoring", "group_left", "group_right"}
_OPERATORS = {"and", "or", "unless", "atan2", "bool", "offset", *_GROUPINGS}
_VECTOR = "vector(1)"


def replace_variables(expr: str, value_of: Callable[[str], str | None]) -> str:
    """Replace each variable with `value_of(name)`; keep it if that returns None."""

    def replacement(match: re.Match[str]) -> str:
        value = value_of(_name(match))
        return match[0] if value is None else value

    return VARIABLE.sub(replacement, expr)


def without_variables(expr: str) -> str:
    """Replace Grafana's variables, so that a PromQL parser can read the query.

    A variable in quotes becomes its name, one in a range 5m, and one elsewhere what may stand
    there: a number, a series, a label's name, a function. A metric's name with a variable becomes a
    pattern that the name matches. Of queries for a variable's values, `label_values(series, label)`
    becomes `series`, and `query_result(query)` the query.
    """
    if values := _LABEL_VALUES.fullmatch(expr):
        # label_values(label) returns all values of the label and names no metric.
        expr = values["series"] or "vector(0)"
    elif values := _QUERY_RESULT.fullmatch(expr):
        expr = values["query"]
    elif _NAMES.fullmatch(expr):
        return "vector(0)"
    return _Replacement(expr).text if VARIABLE.search(expr) else expr


def _name(match: re.Match[str]) -> str:
    return match["plain"] or match["braced"] or match["bracketed"]


class _Replacement:
    """Replaces the variables of a query from left to right; `text` is the result."""

    def __init__(self, expr: str) -> None:
        self._tokens = list(_TOKEN.finditer(expr))
        self._out: list[str] = []
        self._open: list[tuple[str, str, int]] = []
        """For each open bracket: the bracket, the word before it and how many commas followed."""
        self._grouped = ""
        """The aggregation whose `by` or `without` was the last."""
        for position, token in enumerate(self._tokens):
            self._out.append(self._replace(position, token))
        self.text = "".join(self._out)

    def _replace(self, position: int, token: re.Match[str]) -> str:
        text = token[0]
        if token["text"]:
            return self._quoted(position, text)
        if token["word"]:
            return self._word(position, text) if VARIABLE.search(text) else text
        if text in "([{":
            before = self._before(position)
            self._open.append((text, self._grouped if before == ")" else before, 0))
            if before in ("by", "without"):
                self._grouped = self._before(self._significant(position, -1))
        elif text in ")]}" and self._open:
            self._open.pop()
        elif text == "," and self._open:
            bracket, word, commas = self._open.pop()
            self._open.append((bracket, word, commas + 1))
        return text

    def _quoted(self, position: int, text: str) -> str:
        """A string. The name of a metric or alert is not known, so any will do."""
        if not VARIABLE.search(text):
            return text
        operators = {"=": "=~", "!=": "!~"}
        before = self._significant(position, -1)
        label = self._significant(before, -1)
        if self._inside("{") and label >= 0 and self._text(label) in ("__name__", "alertname"):
            operator = self._text(before)
            self._out[before] = operators.get(operator, operator)
            return replace_variables(text, lambda _: ".+")
        return replace_variables(text, lambda name: name)

    def _word(self, position: int, text: str) -> str:
        whole = VARIABLE.fullmatch(text)
        before, after = self._before(position), self._after(position)
        if self._inside("[") or before == "offset" or (before == "-" and self._is_offset(position)):
            return _duration(text)
        if before == "@":
            return "300"
        if self._inside("{"):
            return self._without_matcher(position)
        if self._inside("(") and self._open[-1][1] in _GROUPINGS:
            return replace_variables(text, lambda name: name)
        if after == "(" or after in ("by", "without"):
            if self._ends_operand(before):
                return "+"
            return self._function(position)
        if whole and (value := _builtin(_name(whole))):
            return value
        if self._ends_operand(before):
            # An operator, or the rest of an expression such as `> 5`.
            return "+" if after and after not in ")]}," else ""
        if re.fullmatch(r"[\d.]+", VARIABLE.sub("", text)):
            return VARIABLE.sub("5", text)
        if not whole or after in ("{", "["):
            return self._metric(position, text)
        return "1" if self._is_number() else _VECTOR

    def _without_matcher(self, position: int) -> str:
        """Leave out a matcher whose label is a variable, or that is one as a whole."""
        while (position := self._significant(position, 1)) < len(self._tokens):
            text = self._text(position)
            if text == "}":
                break
            self._tokens[position] = _sign(" ")
            if text == ",":
                break
        is_alone = self._out[-1] == "{" and not re.fullmatch(r"[\w:]+", self._open[-1][1])
        return '__name__=~".+",' if is_alone else ""

    def _metric(self, position: int, text: str) -> str:
        """A selector of all metrics whose names the variables may complete."""
        pattern = replace_variables(text, lambda _: ".+")
        selector = f'{{__name__=~"{pattern}"'
        brace = self._significant(position, 1)
        if brace < len(self._tokens) and self._text(brace) == "{":
            self._tokens[brace] = _sign(",")
            self._open.append(("{", "", 0))
            return selector
        return selector + "}"

    def _function(self, position: int) -> str:
        """A function or aggregation with as many arguments as this one, of their types."""
        arguments = list(self._arguments(position))
        is_range = bool(arguments) and arguments[-1].rstrip().endswith("]")
        if len(arguments) > 1:
            return "quantile_over_time" if is_range else "topk"
        if arguments and not arguments[0].strip():
            return "time"
        return "rate" if is_range else "sum"

    def _arguments(self, position: int) -> Iterator[str]:
        """The texts of the arguments of a function or aggregation, whose `by` may come first."""
        rest = [self._text(later) for later in range(position + 1, len(self._tokens))]
        if self._after(position) in ("by", "without"):
            rest = rest[rest.index(")") + 1 :] if ")" in rest else rest
        depth, argument = 0, ""
        for text in rest:
            depth += (text in "([{") - (text in ")]}")
            if depth == 0 and text == ")":
                break
            if depth == 1 and text == ",":
                yield argument
                argument = ""
            elif not (depth == 1 and text == "(" and not argument):
                argument += text
        yield argument

    def _is_number(self) -> bool:
        """Whether the argument at this place is a number and no series."""
        if not self._open or self._open[-1][0] != "(":
            return False
        _, word, commas = self._open[-1]
        if function := FUNCTIONS.get(word):
            return function.type_of_argument(commas) == "scalar"
        return AGGREGATIONS.get(word.lower()) is not None and commas == 0

    def _inside(self, bracket: str) -> bool:
        return bool(self._open) and self._open[-1][0] == bracket

    def _is_offset(self, position: int) -> bool:
        return self._before(self._significant(position, -1)) == "offset"

    def _ends_operand(self, before: str) -> bool:
        return before in (")", "]", "}") or (
            bool(re.fullmatch(r"[\w:.]+", before)) and before.lower() not in _OPERATORS
        )

    def _before(self, position: int) -> str:
        found = self._significant(position, -1)
        return self._text(found) if found >= 0 else ""

    def _after(self, position: int) -> str:
        found = self._significant(position, 1)
        return self._text(found) if found < len(self._tokens) else ""

    def _significant(self, position: int, step: int) -> int:
        """The position of the next token, in a direction, that is no space; outside at the end."""
        position += step
        while 0 <= position < len(self._tokens) and self._tokens[position]["space"]:
            position += step
        return position

    def _text(self, position: int) -> str:
        return self._out[position] if position < len(self._out) else self._tokens[position][0]


def _sign(text: str) -> re.Match[str]:
    found = re.fullmatch(r"(?P<text>(?!))?(?P<word>(?!))?(?P<space>(?!))?(?P<sign>.+)", text)
    assert found  # noqa: S101
    return found


def _builtin(name: str) -> str | None:
    """What stands for one of Grafana's own variables."""
    if _NUMBER.fullmatch(name):
        return "300"
    return "5m" if _DURATION.fullmatch(name) else None


def _duration(text: str) -> str:
    """Words in a range with each variable replaced: `$a` is 5m, `${a}m` 5m, `5$unit` 5m."""
    return re.sub(rf"(?:{_NO_NAMES}|[^:])+", lambda word: _one_duration(word[0]), text)


def _one_duration(text: str) -> str:
    if whole := VARIABLE.fullmatch(text):
        return _builtin(_name(whole)) or "5m"
    replaced = ""
    last = 0
    for variable in VARIABLE.finditer(text):
        replaced += text[last : variable.start()]
        number = "300" if _NUMBER.fullmatch(_name(variable)) else "5"
        replaced += "m" if replaced[-1:].isdigit() else number
        last = variable.end()
    return replaced + text[last:]
