"""Checks the templates in annotations and labels: Go templates, as Prometheus has them."""

from dataclasses import dataclass, replace

from rules.template_lexer import TemplateError, Token, actions
from rules.template_pipeline import Scope, Uses, check_pipeline, unquoted

_OPENS = {"if", "range", "with", "define", "block"}
_MAX_DEPTH = 20


@dataclass
class _Block:
    kind: str
    outer: Scope
    else_seen: bool = False


def check_template(text: str) -> Uses:
    """What a template uses; TemplateError with the reason if Prometheus could not use it."""
    return _Blocks().run(actions(text))


class _Blocks:
    def __init__(self) -> None:
        self._uses = Uses()
        self._scope = Scope()
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
        if word in _OPENS:
            self._open(word, rest)
        elif word == "else":
            self._else(rest)
        elif word == "end":
            self._close(rest)
        elif word in ("break", "continue"):
            if rest or not any(block.kind == "range" for block in self._blocks):
                raise TemplateError(f"has a {word} outside a range, or with something after it")
        elif word == "template":
            self._called.add(_quoted(word, rest))
            if rest[1:]:
                check_pipeline(rest[1:], self._scope, self._uses)
        else:
            check_pipeline(tokens, self._scope, self._uses)

    def _open(self, kind: str, rest: list[Token]) -> None:
        if len(self._blocks) >= _MAX_DEPTH:
            raise TemplateError("is nested too deeply")
        self._blocks.append(_Block(kind, self._scope))
        self._scope = replace(self._scope)
        if kind not in ("define", "block"):
            self._condition(kind, rest)
            return
        self._defined.add(_quoted(kind, rest))
        if kind == "block":
            check_pipeline(rest[1:], self._scope, self._uses)
        elif len(self._blocks) > 1 or rest[1:]:
            raise TemplateError("has a define inside a block, or with something after its name")
        self._scope = Scope(variables=("$",), dot=False, dollar=False)

    def _condition(self, kind: str, rest: list[Token]) -> None:
        check_pipeline(rest, self._scope, self._uses, in_range=kind == "range")
        if kind != "if":
            self._scope.dot = False

    def _else(self, rest: list[Token]) -> None:
        block = self._blocks[-1] if self._blocks else None
        if block is None or block.else_seen or block.kind in ("define", "block"):
            raise TemplateError("has an else that belongs to no if, range or with")
        # A variable declared in the condition is still seen here.
        self._scope.dot = block.outer.dot
        if not rest:
            block.else_seen = True
        elif rest[0].text == block.kind and block.kind in ("if", "with"):
            self._condition(block.kind, rest[1:])
        else:
            raise TemplateError(f"has something unexpected after else: {rest[0].text}")

    def _close(self, rest: list[Token]) -> None:
        if rest or not self._blocks:
            raise TemplateError("has an end that closes nothing, or with something after it")
        self._scope = self._blocks.pop().outer


def _quoted(word: str, rest: list[Token]) -> str:
    if not rest or rest[0].kind != "text":
        raise TemplateError(f"has a {word} without a quoted name")
    return unquoted(rest[0])
