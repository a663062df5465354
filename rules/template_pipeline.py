"""Checks one pipeline of a Go template: its functions, variables and fields."""

import ast
from dataclasses import dataclass, field
from difflib import get_close_matches

from rules.template_lexer import TemplateError, Token

# Of Prometheus (template/template.go), without `tmpl`, which only its console pages have.
_PROMETHEUS = """args externalURL first graphLink humanize humanize1024 humanizeDuration
    humanizePercentage humanizeTimestamp label match now parseDuration pathPrefix query
    reReplaceAll safeHtml sortByLabel stripDomain stripPort strvalue tableLink title toDuration
    toLower toTime toUpper urlQueryEscape value"""
_GO = "and call eq ge gt html index js le len lt ne not or print printf println slice urlquery"
_FUNCTIONS = frozenset((_PROMETHEUS + " " + _GO).split())
_CONSTANTS = {"true", "false", "nil"}
_ROOT_FIELDS = {".Labels", ".ExternalLabels", ".ExternalURL", ".Value"}
_LITERALS = {"text", "char", "number"}
_MAX_DEPTH = 20


@dataclass
class Uses:
    """What a template uses of its alert: the names of labels, and literal queries."""

    labels: set[str] = field(default_factory=set)
    queries: list[str] = field(default_factory=list)


@dataclass
class Scope:
    """What a pipeline can see. Prometheus defines the variables in front of every template.

    `dot` and `dollar` say whether `.` and `$` are the alert's data there.
    """

    variables: tuple[str, ...] = ("$", "$labels", "$externalLabels", "$externalURL", "$value")
    dot: bool = True
    dollar: bool = True


def check_pipeline(
    tokens: list[Token], scope: Scope, uses: Uses, *, in_range: bool = False, depth: int = 0
) -> None:
    """Check a pipeline, adding what it declares to the scope; TemplateError if it breaks."""
    if depth > _MAX_DEPTH:
        raise TemplateError("is nested too deeply")
    tokens = _declared(tokens, scope, in_range=in_range)
    start = level = 0
    for at, token in enumerate([*tokens, Token("sign", "|", spaced=True)]):
        if token.kind == "sign":
            level += (token.text == "(") - (token.text == ")")
            if token.text == "|" and level <= 0:
                _command(tokens[start:at], scope, uses, first=start == 0, depth=depth)
                start = at + 1
    if level:
        raise TemplateError("has unbalanced parentheses")


def unquoted(token: Token) -> str:
    """The value of a text token."""
    if token.text.startswith("`"):
        return token.text[1:-1]
    try:
        return ast.literal_eval(token.text)
    except (SyntaxError, ValueError):
        raise TemplateError(f"has text that can't be read: {token.text}") from None


def _declared(tokens: list[Token], scope: Scope, *, in_range: bool) -> list[Token]:
    shape = [token.text if token.kind == "sign" else token.kind for token in tokens[:4]]
    count, sign = 0, ""
    if shape[:1] == ["variable"] and shape[1:2] in ([":="], ["="]):
        count, sign = 1, shape[1]
    elif in_range and shape in (["variable", ",", "variable", s] for s in (":=", "=")):
        count, sign = 2, shape[3]
    for token in tokens[: 2 * count : 2]:
        if sign == ":=":
            scope.variables += (token.text,)
        else:
            _known_variable(token.text, scope)
    return tokens[2 * count :]


def _command(tokens: list[Token], scope: Scope, uses: Uses, *, first: bool, depth: int) -> None:
    if not tokens:
        raise TemplateError("has nothing where a value should stand")
    operands = _operands(tokens)
    head = operands[0][0]
    fixed = head.kind in _LITERALS or head.text in _CONSTANTS
    if (
        head.text == "nil"
        or (fixed and len(operands) > 1)
        or (not first and (fixed or head.kind == "dot"))
    ):
        raise TemplateError(f"uses {head.text} as if it were a function")
    for operand in operands:
        _operand(operand, scope, uses, depth)
    match [[token.text for token in operand] for operand in operands]:
        case [["query"], [_], *_] if operands[1][0].kind == "text":
            uses.queries.append(unquoted(operands[1][0]))
        case [["index"], ["$labels"], [_], *_] if operands[2][0].kind == "text":
            uses.labels.add(unquoted(operands[2][0]))


def _operands(tokens: list[Token]) -> list[list[Token]]:
    """Split a command at the white space outside its parentheses."""
    operands: list[list[Token]] = []
    level = 0
    for token in tokens:
        starts = not operands or (level == 0 and token.spaced and token.text != ")")
        if starts:
            operands.append([])
        elif level == 0 and token.kind != "field":
            raise TemplateError(f"has something unexpected in an action: {token.text}")
        operands[-1].append(token)
        if token.kind == "sign":
            level += (token.text == "(") - (token.text == ")")
    return operands


def _operand(tokens: list[Token], scope: Scope, uses: Uses, depth: int) -> None:
    head, chain = tokens[0], tokens[1:]
    if head.text == "(" and head.kind == "sign":
        end = max(at for at, token in enumerate(tokens) if token.text == ")")
        check_pipeline(tokens[1:end], scope, uses, depth=depth + 1)
        chain = tokens[end + 1 :]
    elif head.kind == "sign":
        raise TemplateError(f"has something unexpected in an action: {head.text}")
    elif head.kind == "word" and head.text not in _CONSTANTS and head.text not in _FUNCTIONS:
        near = get_close_matches(head.text, _FUNCTIONS, n=1)
        advice = f", did you mean {near[0]}?" if near else ""
        raise TemplateError(f"uses the unknown function {head.text}{advice}")
    elif head.kind == "variable":
        _known_variable(head.text, scope)
    if chain and (head.kind in _LITERALS or head.kind == "dot" or head.text in _CONSTANTS):
        raise TemplateError(f"has something unexpected after {head.text}: {chain[0].text}")
    _fields(head, [token.text for token in chain], scope, uses)


def _fields(head: Token, chain: list[str], scope: Scope, uses: Uses) -> None:
    """Note the label that `$labels.x`, `.Labels.x` or `$.Labels.x` names."""
    if head.kind == "field" and scope.dot:
        chain = [head.text, *chain]
    elif not (head.text == "$" and scope.dollar):
        if head.text == "$labels" and chain:
            uses.labels.add(chain[0][1:])
        return
    if chain and chain[0] not in _ROOT_FIELDS:
        raise TemplateError(f"uses {chain[0]}, which an alert does not have")
    if chain[:1] == [".Labels"] and chain[1:]:
        uses.labels.add(chain[1][1:])


def _known_variable(name: str, scope: Scope) -> None:
    if name not in scope.variables:
        raise TemplateError(f"uses the undefined variable {name}")
