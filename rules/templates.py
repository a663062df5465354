"""Checks Go templates in annotations and labels, with the functions that Prometheus defines.

`parse_actions` splits a template into actions and tokens, `check_template` follows the blocks, and
`_check_pipeline` checks the functions, variables and fields of one pipeline.
"""

import ast
import re
from dataclasses import dataclass, field, replace

from problems import did_you_mean

_ACTION_START = re.compile(r"\{\{(?:-\s)?")
_COMMENT = re.compile(r"/\*(?:(?!\*/).)*\*/(?:\s-)?\}\}", re.DOTALL)
_ACTION_END = re.compile(r"\s*(?:\s-)?\}\}")
_SPACE = re.compile(r"\s+")
_ESCAPE = r"\\(?:[abfnrtv\\'\"]|[0-7]{3}|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8})"
_TOKEN = re.compile(
    rf"""
      (?P<text>"(?:{_ESCAPE}|[^"\\\n])*"|`[^`]*`)
    | (?P<char>'(?:{_ESCAPE}|[^'\\\n])')
    | (?P<number>[-+]?(?:0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+
          |0[0-7_]+(?![.\d])|(?:(?!0\d)\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][-+]?\d+)?)i?(?![\w.]))
    | (?P<field>\.[^\W\d]\w*)(?![$"'`])
    | (?P<variable>\$\w*)(?![$"'`=])
    | (?P<word>[^\W\d]\w*)(?![$"'`])
    | (?P<dot>\.(?!\w))
    | (?P<sign>:=|[=|(),])
    """,
    re.VERBOSE,
)
# An action that lacks a brace. Prometheus would print it unchanged.
_SINGLE_BRACES = re.compile(r"(?<!\{)\{\s*[$.]\w[^{}]*\}\}?(?!\})|\{\{\s*[$.]\w[^{}]*\}(?!\})")
# Prometheus' functions (template/template.go), except `tmpl`, which only console pages have.
_PROMETHEUS = """args externalURL first graphLink humanize humanize1024 humanizeDuration
    humanizePercentage humanizeTimestamp label match now parseDuration pathPrefix query
    reReplaceAll safeHtml sortByLabel stripDomain stripPort strvalue tableLink title toDuration
    toLower toTime toUpper urlQueryEscape value"""
GO_FUNCTIONS = """and call eq ge gt html index js le len lt ne not or print printf println slice
    urlquery"""
_FUNCTIONS = frozenset(f"{_PROMETHEUS} {GO_FUNCTIONS}".split())
_CONSTANTS = {"true", "false", "nil"}
_ROOT_FIELDS = {".Labels", ".ExternalLabels", ".ExternalURL", ".Value"}
_LITERALS = {"text", "char", "number"}
OPENS = {"if", "range", "with", "define", "block"}
_MAX_DEPTH = 20


class TemplateError(ValueError):
    """The template is invalid. The message is one line: the reason, and what to do."""

    def __init__(self, reason: str, advice: str = "Correct it.") -> None:
        super().__init__(f"{reason}. {advice}")


@dataclass(frozen=True)
class Token:
    """One token of an action; `spaced` says that white space precedes it."""

    kind: str
    text: str
    spaced: bool


def parse_actions(template: str) -> list[list[Token]]:
    """The tokens of each action, without comments; raises TemplateError for invalid syntax."""
    if single := _SINGLE_BRACES.search(template):
        raise TemplateError(f"has unbalanced braces: {single[0]}")
    found = []
    position = 0
    while start := _ACTION_START.search(template, position):
        if comment := _COMMENT.match(template, start.end()):
            position = comment.end()
            continue
        tokens, position = _action(template, start.end())
        found.append(tokens)
    return found


def _action(template: str, position: int) -> tuple[list[Token], int]:
    tokens: list[Token] = []
    spaced = True
    while position < len(template):
        if end := _ACTION_END.match(template, position):
            return tokens, end.end()
        if space := _SPACE.match(template, position):
            spaced, position = True, space.end()
            continue
        match = _TOKEN.match(template, position)
        if not match or not match.lastgroup:
            raise TemplateError(
                f"has something unexpected in an action: {template[position:][:20]}"
            )
        tokens.append(Token(match.lastgroup, match[0], spaced))
        spaced, position = False, match.end()
    raise TemplateError("has an action that is not closed: }} is missing")


@dataclass
class Uses:
    """The names of the labels that a template uses, and the queries that it runs."""

    labels: set[str] = field(default_factory=set)
    queries: list[str] = field(default_factory=list)


@dataclass
class _Scope:
    """The variables that a pipeline may use, and whether `.` and `$` refer to the alert's data.

    Prometheus prepends definitions of the default variables to every template.
    """

    variables: tuple[str, ...] = ("$", "$labels", "$externalLabels", "$externalURL", "$value")
    dot: bool = True
    dollar: bool = True


def check_template(text: str) -> Uses:
    """The labels and queries of a template; raises TemplateError if Prometheus would reject it."""
    return _Blocks().run(parse_actions(text))


@dataclass
class _Block:
    kind: str
    outer: _Scope
    else_seen: bool = False


class _Blocks:
    """Follows the blocks of a template and the scope inside each."""

    def __init__(self) -> None:
        self._uses = Uses()
        self._scope = _Scope()
        self._blocks: list[_Block] = []
        self._defined: set[str] = set()
        self._called: set[str] = set()

    def run(self, found: list[list[Token]]) -> Uses:
        for tokens in found:
            self._action(tokens)
        if self._blocks:
            raise TemplateError(f"has a {self._blocks[-1].kind} without its end")
        if missing := self._called - self._defined:
            raise TemplateError(f'calls the template "{min(missing)}", which it does not define')
        return self._uses

    def _action(self, tokens: list[Token]) -> None:
        if not tokens:
            raise TemplateError("has an empty action: {{ }}")
        word = tokens[0].text if tokens[0].kind == "word" else ""
        rest = tokens[1:]
        if word in OPENS:
            self._open(word, rest)
        elif word == "else":
            self._else(rest)
        elif word == "end":
            self._close(rest)
        elif word in ("break", "continue"):
            if rest or not any(block.kind == "range" for block in self._blocks):
                raise TemplateError(f"has a {word} outside a range, or with something after it")
        elif word == "template":
            self._called.add(_quoted_name(word, rest))
            if rest[1:]:
                _check_pipeline(rest[1:], self._scope, self._uses)
        else:
            _check_pipeline(tokens, self._scope, self._uses)

    def _open(self, kind: str, rest: list[Token]) -> None:
        if len(self._blocks) >= _MAX_DEPTH:
            raise TemplateError("is nested too deeply")
        self._blocks.append(_Block(kind, self._scope))
        self._scope = replace(self._scope)
        if kind not in ("define", "block"):
            self._check_condition(kind, rest)
            return
        self._defined.add(_quoted_name(kind, rest))
        if kind == "block":
            _check_pipeline(rest[1:], self._scope, self._uses)
        elif len(self._blocks) > 1 or rest[1:]:
            raise TemplateError("has a define inside a block, or with something after its name")
        self._scope = _Scope(variables=("$",), dot=False, dollar=False)

    def _check_condition(self, kind: str, rest: list[Token]) -> None:
        _check_pipeline(rest, self._scope, self._uses, in_range=kind == "range")
        if kind != "if":
            self._scope.dot = False

    def _else(self, rest: list[Token]) -> None:
        block = self._blocks[-1] if self._blocks else None
        if block is None or block.else_seen or block.kind in ("define", "block"):
            raise TemplateError("has an else that belongs to no if, range or with")
        # A variable that the condition declares is still visible here, but `.` is reset.
        self._scope.dot = block.outer.dot
        if not rest:
            block.else_seen = True
        elif rest[0].text == block.kind and block.kind in ("if", "with"):
            self._check_condition(block.kind, rest[1:])
        else:
            raise TemplateError(f"has something unexpected after else: {rest[0].text}")

    def _close(self, rest: list[Token]) -> None:
        if rest or not self._blocks:
            raise TemplateError("has an end that closes nothing, or with something after it")
        self._scope = self._blocks.pop().outer


def _quoted_name(word: str, rest: list[Token]) -> str:
    if not rest or rest[0].kind != "text":
        raise TemplateError(f"has a {word} without a quoted name")
    return _text_value(rest[0])


def _check_pipeline(
    tokens: list[Token], scope: _Scope, uses: Uses, *, in_range: bool = False, depth: int = 0
) -> None:
    """Check a pipeline and add the variables that it declares to the scope."""
    if depth > _MAX_DEPTH:
        raise TemplateError("is nested too deeply")
    tokens = _declare_variables(tokens, scope, in_range=in_range)
    start = level = 0
    for at, token in enumerate([*tokens, Token("sign", "|", spaced=True)]):
        if token.kind == "sign":
            level += (token.text == "(") - (token.text == ")")
            if token.text == "|" and level <= 0:
                _check_command(tokens[start:at], scope, uses, first=start == 0, depth=depth)
                start = at + 1
    if level:
        raise TemplateError("has unbalanced parentheses")


def _text_value(token: Token) -> str:
    """The value of a text token."""
    if token.text.startswith("`"):
        return token.text[1:-1]
    try:
        return ast.literal_eval(token.text)
    except (SyntaxError, ValueError):
        raise TemplateError(f"has text that can't be read: {token.text}") from None


def _declare_variables(tokens: list[Token], scope: _Scope, *, in_range: bool) -> list[Token]:
    """Add the variables that a pipeline declares to the scope; returns the remaining tokens."""
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
            _check_variable(token.text, scope)
    return tokens[2 * count :]


def _check_command(
    tokens: list[Token], scope: _Scope, uses: Uses, *, first: bool, depth: int
) -> None:
    if not tokens:
        raise TemplateError("lacks a value in an action")
    operands = _split_operands(tokens)
    head = operands[0][0]
    fixed = head.kind in _LITERALS or head.text in _CONSTANTS
    if (
        head.text == "nil"
        or (fixed and len(operands) > 1)
        or (not first and (fixed or head.kind == "dot"))
    ):
        raise TemplateError(f"uses {head.text} as if it were a function")
    for operand in operands:
        _check_operand(operand, scope, uses, depth)
    match [[token.text for token in operand] for operand in operands]:
        case [["query"], [_], *_] if operands[1][0].kind == "text":
            uses.queries.append(_text_value(operands[1][0]))
        case [["index"], ["$labels"], [_], *_] if operands[2][0].kind == "text":
            uses.labels.add(_text_value(operands[2][0]))


def _split_operands(tokens: list[Token]) -> list[list[Token]]:
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


def _check_operand(tokens: list[Token], scope: _Scope, uses: Uses, depth: int) -> None:
    head, chain = tokens[0], tokens[1:]
    if head.text == "(" and head.kind == "sign":
        end = max(at for at, token in enumerate(tokens) if token.text == ")")
        _check_pipeline(tokens[1:end], scope, uses, depth=depth + 1)
        chain = tokens[end + 1 :]
    elif head.kind == "sign":
        raise TemplateError(f"has something unexpected in an action: {head.text}")
    elif head.kind == "word" and head.text not in _CONSTANTS and head.text not in _FUNCTIONS:
        advice = did_you_mean(head.text, sorted(_FUNCTIONS), "Correct it.")
        raise TemplateError(f"uses the unknown function {head.text}", advice)
    elif head.kind == "variable":
        _check_variable(head.text, scope)
    if chain and (head.kind in _LITERALS or head.kind == "dot" or head.text in _CONSTANTS):
        raise TemplateError(f"has something unexpected after {head.text}: {chain[0].text}")
    _check_fields(head, [token.text for token in chain], scope, uses)


def _check_fields(head: Token, chain: list[str], scope: _Scope, uses: Uses) -> None:
    """Record the label of `$labels.x`, `.Labels.x` or `$.Labels.x` in `uses`."""
    if head.kind == "field" and scope.dot:
        chain = [head.text, *chain]
    elif not (head.text == "$" and scope.dollar):
        if head.text == "$labels" and chain:
            uses.labels.add(chain[0][1:])
        return
    if chain and chain[0] not in _ROOT_FIELDS:
        raise TemplateError(f"uses {chain[0]}, which no alert has")
    if chain[:1] == [".Labels"] and chain[1:]:
        uses.labels.add(chain[1][1:])


def _check_variable(name: str, scope: _Scope) -> None:
    if name not in scope.variables:
        raise TemplateError(f"uses the undefined variable {name}")
