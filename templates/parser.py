"""Parses templates as Go 1.26's text/template/parse does (parse.go)."""

import re
from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import NamedTuple

from problems import did_you_mean
from templates.lexer import END, TemplateError, Token, find_action, read_action
from templates.literals import read_character, read_number, unquote
from templates.tree import (
    Block,
    Call,
    Chain,
    Command,
    Constant,
    Dot,
    Element,
    Field,
    Function,
    Leave,
    Operand,
    Pipeline,
    Template,
    Text,
    Variable,
    written,
)

_MAX_DEPTH = 60
"""Of blocks and parentheses. Go has no such limit for blocks, and 10,000 for parentheses."""
_PLAIN = re.compile(r"[ \t\r\n]*+(\$[A-Za-z_]\w*+)((?:\.[A-Za-z_]\w*+)*+)[ \t\r\n]*+\}\}", re.ASCII)
"""The usual action, which is read at once: a variable, perhaps with fields."""
_OPERANDS = frozenset(
    ("text", "char", "number", "bool", "nil", "dot", "field", "variable", "word", "(")
)


class _Stop(NamedTuple):
    """What ends a list of nodes: `end` or `else`, and the keyword behind `else`."""

    kind: str
    position: int
    then: str = ""


def parse(
    text: str,
    functions: Collection[str],
    *,
    name: str = "",
    variables: Collection[str] = (),
    hints: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, Template]:
    """Name -> template, for each that the text defines and for the text itself, which is `name`.

    `variables` are those, besides `$`, that the text may use outside its definitions; `hints` says
    what to write instead of names that do not exist. Raises TemplateError if Go would not parse it.
    """
    return _Parser(text, functions, variables, hints).parse(name)


def _named(keyword: str) -> str:
    return f"an {keyword}" if keyword == "if" else f"a {keyword}"


class _Parser:
    def __init__(
        self,
        text: str,
        functions: Collection[str],
        variables: Collection[str],
        hints: Mapping[str, str],
    ) -> None:
        self._text = text
        self._functions = functions
        self._given = variables
        self._hints = hints
        self._variables = ["$", *variables]
        self._position = 0
        self._tokens: list[Token] = []
        self._at = 0
        self._depth = 0
        self._ranges = 0
        self._calls: list[Call] = []
        self._found: dict[str, Template] = {}

    def parse(self, name: str) -> dict[str, Template]:
        body, stop = self._list("", 0)
        if stop:
            raise TemplateError(
                f"has an {stop.kind} that belongs to no block", stop.position, "Remove it."
            )
        if self._given:
            # Their definitions precede the text.
            body.insert(0, Text(0))
        self._add(Template(0, name, body, self._calls))
        return self._found

    def _add(self, template: Template) -> None:
        known = self._found.get(template.name)
        if not known or not known.body:
            self._found[template.name] = template
        elif template.body:
            raise TemplateError(
                f"defines the template {template.name} twice", template.position, "Keep one."
            )

    def _list(self, opener: str, position: int) -> tuple[list[Element], _Stop | None]:
        """The nodes up to an `end` or `else`, or, without an opener, to the end of the text."""
        found: list[Element] = []
        while True:
            start = self._position
            has_text, begin = find_action(self._text, start)
            if has_text and not found:
                found.append(Text(start))
            if begin < 0:
                break
            if plain := _PLAIN.match(self._text, begin):
                name, names = plain.groups()
                if name in self._variables:
                    variable = Variable(begin, name, tuple(names.split(".")[1:]))
                    found.append(Pipeline(begin, [], False, [Command(begin, [variable])]))
                    self._position = plain.end()
                    continue
            self._tokens, self._at = read_action(self._text, begin), 0
            last = self._tokens[-1]
            self._position = last.position + len(last.text)
            node = self._action(inside=bool(opener))
            if isinstance(node, _Stop):
                return found, node
            if node:
                found.append(node)
        if opener:
            raise TemplateError(f"has {_named(opener)} without its end", position, "Add {{ end }}.")
        return found, None

    def _action(self, *, inside: bool) -> Element | _Stop | None:
        """The node of an action; None for a `define`, which is in `_found`."""
        token = self._tokens[0]
        match token.kind:
            case "if" | "with" | "range":
                self._at = 1
                return self._block(token)
            case "end" | "else":
                return self._stop(token)
            case "template":
                self._at = 1
                return self._call(token)
            case "block":
                self._at = 1
                call = self._call(token, in_block=True)
                self._define(call.name, token)
                return call
            case "define" if not inside:
                self._at = 1
                name = self._name(token)
                self._expect_end("define")
                self._define(name, token)
                return None
            case "define":
                raise TemplateError("has a define inside a block", token.position, "Move it out.")
            case "break" | "continue":
                self._at = 1
                self._expect_end(token.kind)
                if not self._ranges:
                    raise TemplateError(
                        f"has a {token.kind} outside a range", token.position, "Remove it."
                    )
                return Leave(token.position, token.kind)
        return self._pipeline("action", END)

    def _stop(self, token: Token) -> _Stop:
        self._at = 1
        then = self._tokens[1].kind
        if token.kind == "else" and then in ("if", "with"):
            return _Stop("else", token.position, then)
        self._expect_end(token.kind)
        return _Stop(token.kind, token.position)

    def _expect_end(self, keyword: str) -> None:
        token = self._tokens[self._at]
        if token.kind != END:
            raise TemplateError(
                f"has something unexpected after {keyword}: {token.text}", token.position
            )

    def _deepen(self, position: int) -> None:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise TemplateError("is nested too deeply", position, "Split it.")

    def _block(self, token: Token) -> Block:
        kind, mark = token.kind, len(self._variables)
        self._deepen(token.position)
        pipeline = self._pipeline(kind, END)
        self._ranges += kind == "range"
        body, stop = self._list(kind, token.position)
        self._ranges -= kind == "range"
        otherwise: list[Element] = []
        if stop and stop.kind == "else":
            if stop.then and stop.then == kind:
                self._at += 1
                otherwise = [self._block(self._tokens[1])]
                stop = None
            elif stop.then:
                raise TemplateError(
                    f"has an else {stop.then} in {_named(kind)}",
                    stop.position,
                    f"Write {{{{ else }}}}{{{{ {stop.then} ... }}}}...{{{{ end }}}}.",
                )
            else:
                otherwise, stop = self._list(kind, token.position)
            if stop and stop.kind == "else":
                raise TemplateError(f"has two else in one {kind}", stop.position, "Keep one.")
        del self._variables[mark:]
        self._depth -= 1
        end = stop.position if stop else self._position
        return Block(token.position, kind, pipeline, body, otherwise, end)

    def _call(self, token: Token, *, in_block: bool = False) -> Call:
        name = self._name(token)
        pipeline = None
        if in_block or self._tokens[self._at].kind != END:
            pipeline = self._pipeline(token.kind, END)
        call = Call(token.position, name, pipeline)
        self._calls.append(call)
        return call

    def _name(self, keyword: Token) -> str:
        token = self._tokens[self._at]
        if token.kind != "text":
            raise TemplateError(
                f"has a {keyword.text} without a name in quotes",
                keyword.position,
                f'Write {keyword.text} "name".',
            )
        self._at += 1
        return self._unquoted(token)

    def _define(self, name: str, token: Token) -> None:
        outer = self._variables, self._ranges, self._calls
        self._variables, self._ranges, self._calls = ["$"], 0, []
        self._deepen(token.position)
        try:
            body, stop = self._list(token.kind, token.position)
            if stop and stop.kind == "else":
                reason = "has an else that belongs to no if, range or with"
                raise TemplateError(reason, stop.position, "Remove it.")
        except TemplateError as error:
            error.template = error.template or name
            raise
        self._add(Template(token.position, name, body, self._calls))
        self._variables, self._ranges, self._calls = outer
        self._depth -= 1

    def _pipeline(self, context: str, end: str) -> Pipeline:
        """The pipeline that begins at the current token and runs up to the token `end`."""
        tokens = self._tokens
        pipeline = Pipeline(tokens[self._at].position, [], False, [])
        self._declare(pipeline, context)
        while (token := tokens[self._at]).kind != end:
            if token.kind not in _OPERANDS:
                raise self._unexpected(token, context)
            pipeline.commands.append(self._command())
        self._at += 1
        if not pipeline.commands:
            where = (
                "an empty action: {{ }}" if context == "action" else f"no value in its {context}"
            )
            raise TemplateError(f"has {where}", pipeline.position, "Write a value, or remove it.")
        for command in pipeline.commands[1:]:
            first = command.operands[0]
            if isinstance(first, Constant | Dot):
                raise TemplateError(
                    f"uses {written(first)} as if it were a function", first.position
                )
        return pipeline

    def _declare(self, pipeline: Pipeline, context: str) -> None:
        tokens = self._tokens
        while (token := tokens[self._at]).kind == "variable":
            after = tokens[self._at + 1]
            if after.kind not in ("=", ":=", ","):
                return
            self._at += 2
            pipeline.variables.append(token.text)
            self._variables.append(token.text)
            if after.kind != ",":
                pipeline.assigns = after.kind == "="
                return
            if context != "range" or len(pipeline.variables) > 1:
                raise TemplateError("declares too many variables", token.position)
            if tokens[self._at].kind not in ("variable", END, ")"):
                raise TemplateError("declares what is no variable", tokens[self._at].position)

    def _command(self) -> Command:
        operands: list[Operand] = []
        tokens = self._tokens
        command = Command(tokens[self._at].position, operands)
        while operand := self._operand():
            operands.append(operand)
            if not tokens[self._at].spaced:
                break
        token = tokens[self._at]
        if token.kind == "|":
            self._at += 1
        elif token.kind not in (END, ")"):
            raise self._unexpected(token, written(command))
        return command

    def _unexpected(self, token: Token, after: str) -> TemplateError:
        if token.kind == END:
            return TemplateError("has a ( without its ) in an action", token.position, "Close it.")
        if token.kind == "|":
            return TemplateError("lacks a value before |", token.position, "Write one.")
        return TemplateError(
            f"has something unexpected in an action, after {after}: {token.text}", token.position
        )

    def _operand(self) -> Operand | None:
        node = self._term()
        if node is None:
            return None
        names: list[str] = []
        while (token := self._tokens[self._at]).kind == "field" and not token.spaced:
            names.append(token.text[1:])
            self._at += 1
        if not names:
            return node
        match node:
            case Field() | Variable():
                node.names += tuple(names)
                return node
            case Function() | Pipeline():
                return Chain(node.position, node, tuple(names))
        raise TemplateError(
            f"has something unexpected after {written(node)}: .{names[0]}", node.position
        )

    def _term(self) -> Operand | None:
        token = self._tokens[self._at]
        kind, text, position, _ = token
        if kind not in _OPERANDS:
            return None
        self._at += 1
        match kind:
            case "variable":
                if text not in self._variables:
                    raise self._undefined(token)
                return Variable(position, text, ())
            case "field":
                return Field(position, (text[1:],))
            case "word":
                if text not in self._functions:
                    known = sorted(self._functions)
                    advice = self._hints.get(text) or did_you_mean(text, known, "Correct it.")
                    raise TemplateError(f"uses the unknown function {text}", position, advice)
                return Function(position, text)
            case "dot":
                return Dot(position)
            case "(":
                self._deepen(position)
                pipeline = self._pipeline("parentheses", ")")
                self._depth -= 1
                return pipeline
            case "nil":
                return Constant(position, None, text)
            case "bool":
                return Constant(position, text == "true", text)
            case "text":
                return Constant(position, self._unquoted(token), text)
        try:
            number = read_character(text) if kind == "char" else read_number(text)
        except ValueError:
            what = "character" if kind == "char" else "number"
            raise TemplateError(f"has a {what} that Go can't read: {text}", position) from None
        return Constant(position, number, text)

    def _undefined(self, token: Token) -> TemplateError:
        known = [name for name in self._variables if name != "$"]
        otherwise = "Declare it with := before."
        if token.text in self._given:
            otherwise = "Give the template what it needs, and write . for it."
        advice = self._hints.get(token.text) or did_you_mean(token.text, known, otherwise)
        reason = f"uses the undefined variable {token.text}"
        return TemplateError(reason, token.position, advice)

    def _unquoted(self, token: Token) -> str:
        try:
            return unquote(token.text)
        except ValueError as error:
            raise TemplateError(
                f"has text that Go can't read, for its {error}: {token.text}",
                token.position,
                "Double each backslash, or write the text in backticks.",
            ) from None
