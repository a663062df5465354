"""PromQL texts from a grammar: most of them valid, others with a mistake somewhere."""

import random
from collections.abc import Callable, Sequence

from hypothesis import strategies as st

from promql.functions import (
    AGGREGATIONS,
    AGGREGATIONS_BEHIND_FLAGS,
    FUNCTIONS,
    FUNCTIONS_BEHIND_FLAGS,
)
from tests.support.verdicts import examples

NAMES = (
    *("up", "http_requests_total", "job:rate5m:sum", ":a", "a:", "_", "a1", "node_load1"),
    *("sum", "by", "on", "offset", "bool", "inf", "NaN", "start", "end", "and", "OR", "unless"),
    *("atan2", "group_left", "ignoring", "without", "step", "range", "fill", "fill_left"),
    *("smoothed", "anchored", "rate", "topk", "limitk", "min", "max", "e", "e5", "x1", "é", "a.b"),
)
PLAIN = NAMES[:8]
NUMBERS = (
    *("0", "1", "2.5", ".5", "5.", "1e3", "1E-3", "1e+3", "0x1F", "0XaB", "017", "08", "1_000"),
    *("1_0.5_0", "0x_1F", "1__0", "_1", "1_", "Inf", "inf", "INF", "NaN", "nan", "iNf", "1e400"),
    *("1e-400", "0x", "0xg", "1e", "1e+", "1.2.3", "..5", "1i", "0o17", "0b101", "0B2", "1e5_0"),
    *("9223372036854775808", "0x1p4", "0x1.8p1", "1f", "5m", "1h30m", "0.5m", "1e3s", "1d1d"),
)
DURATIONS = (
    *("5m", "1h", "30s", "1d12h", "1w", "1y", "100ms", "1h30m5s", "5m1h", "1m1m", "0s", "0", "300"),
    *(
        "1.5h",
        "5M",
        "5",
        "5.5",
        "1e3",
        "0x10",
        "-5m",
        "+5m",
        "5 m",
        "1h 30m",
        "Inf",
        "NaN",
        "1ms1s",
    ),
    *("300y", "9999y", "99999999999", "5m5", "m", "1h+30m", "(5m)", "$__range", "step()", "5mm"),
)
STRINGS = (
    *('"a"', "'a'", "`a`", '""', '"a b"', r'"\n"', r'"\x41"', r'"\u00e9"', r'"\101"', r'"\q"'),
    *(r"'it\'s'", r"'\"'", r'"\'"', r"`\d`", '"é"', '"a', "'a", "`a", '"a\nb"', "`a\nb`", r'"\d+"'),
    *(
        '"k8s.pod"',
        '"a.*"',
        r'"\\d+"',
        '"a++"',
        '"[["',
        '"$pod"',
        '"(?i)a"',
        '"a{1001}"',
        r'"\xff"',
    ),
    *(r'"\U0001f600"', r'"\ud800"', r'"\x4"', '"\\', '"a"b', '"#"', "'{'", '".+"', '".*"', '"a|"'),
)
TIMES = ("1600000000", "1.6e9", "start()", "end()", "start", "0", "-1", "1e20", "inf", "nan", "5m")
OPERATORS = ("+", "-", "*", "/", "%", "^", "atan2", "==", "!=", "<", "<=", ">", ">=", "</", ">/")
SETS = ("and", "or", "unless")
OTHERS = (
    "(",
    ")",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "=",
    "=~",
    "!~",
    "@",
    "!",
    "=>",
    "<>",
    "&&",
    "$",
    ";",
)
GAPS = ("", "  ", "\n", "\t", "\r\n", " # x\n", "\n\n")
VECTOR_FUNCTIONS = tuple(name for name, one in FUNCTIONS.items() if one.returns == "vector")
UNUSUAL_FUNCTIONS = (*FUNCTIONS, *sorted(FUNCTIONS_BEHIND_FLAGS), "foo", "RATE", "absent_", *NAMES)
UNUSUAL_AGGREGATIONS = (*AGGREGATIONS, *sorted(AGGREGATIONS_BEHIND_FLAGS), "SUM", "Avg", "mean")

CHARACTERS = (
    *"()[]{}<>=!~@,:'`#-+*/%^ .0123456789abemsxINF_$",
    '"',
    "\\",
    "\n",
    "é",
    "\ufeff",
    "\x00",
)
Tokens = list[str]


class _Writer:
    """Writes expressions as lists of tokens, at most `depth` levels deep.

    About one choice in `odd` takes a spelling or a place that may be wrong.
    """

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._odd = chance.choice((0, 0, 30, 30, 12, 12, 5))

    def odd(self) -> bool:
        """Whether to write something unusual here."""
        return self._odd > 0 and self._chance.randrange(self._odd) == 0

    def pick(self, usual: tuple[str, ...], unusual: tuple[str, ...]) -> str:
        return self._chance.choice(unusual if self.odd() else usual)

    def expression(self, depth: int) -> Tokens:
        """Of any type; most are vectors."""
        kinds: tuple[Callable[[int], Tokens], ...] = (self.vector, self.vector, self.scalar)
        if self.odd():
            kinds = (self.matrix, self.string)
        return self._chance.choice(kinds)(depth)

    def vector(self, depth: int) -> Tokens:
        if depth <= 0 or self.odd():
            return self.selector()
        kinds: tuple[Callable[[int], Tokens], ...] = (
            *(self.call, self.call, self.aggregation, self.aggregation, self.binary, self.binary),
            *(self.parenthesis, self.unary),
        )
        return self._chance.choice(kinds)(depth - 1)

    def scalar(self, depth: int) -> Tokens:
        if depth > 0 and self._chance.randrange(3) == 0:
            operator = self.pick(OPERATORS[:7], OPERATORS + SETS)
            return [*self.scalar(depth - 1), operator, *self.scalar(depth - 1)]
        if self._chance.randrange(8) == 0:
            return ["time", "(", ")"]
        return [self.pick(NUMBERS[:8], NUMBERS)]

    def string(self, _depth: int = 0) -> Tokens:
        return [self.pick(STRINGS[:6], STRINGS)]

    def matrix(self, depth: int) -> Tokens:
        duration = self.pick(DURATIONS[:6], DURATIONS)
        if depth > 0 and self._chance.randrange(4) == 0:
            step = [self.pick(DURATIONS[:4], DURATIONS)] if self._chance.randrange(2) else []
            return [*self.vector(depth - 1), "[", duration, ":", *step, "]", *self.modifiers()]
        selector = self.selector(modified=self.odd())
        return [*selector, "[", duration, "]", *self.modifiers()]

    def modifiers(self) -> Tokens:
        tokens: Tokens = []
        while self._chance.randrange(5) == 0:
            if self._chance.randrange(2):
                sign = ["-"] if self._chance.randrange(4) == 0 else []
                tokens += [self.pick(("offset",), ("OFFSET", "offset", "off")), *sign]
                tokens += [self.pick(DURATIONS[:6], DURATIONS)]
            else:
                tokens += ["@", self.pick(TIMES[:4], TIMES)]
            if not self.odd():
                break
        return tokens

    def selector(self, *, modified: bool = True) -> Tokens:
        tokens = [] if self._chance.randrange(6) == 0 else [self.pick(PLAIN, NAMES)]
        if not tokens or self._chance.randrange(2):
            tokens += ["{", *self.matchers(required=not tokens), "}"]
        return tokens + (self.modifiers() if modified else [])

    def matchers(self, *, required: bool) -> Tokens:
        conditions: list[Tokens] = []
        if required and not self.odd():
            name = ['"k8s.pod"'] if self._chance.randrange(2) else ["job", "=", '"a"']
            conditions.append(name)
        for _ in range(self._chance.choice((0, 1, 1, 2, 3))):
            label = self.pick(("job", "pod", '"k8s.pod"', "le"), ("__name__", *NAMES, *STRINGS))
            operator = self.pick(("=", "!=", "=~", "!~"), ("==", "~", "=", "!", "<", ":"))
            conditions.append([label, operator, *self.string()])
        return self.listed(conditions, ("or",))

    def listed(
        self, items: list[Tokens], separators: tuple[str, ...] = (";",), *, last: int = 6
    ) -> Tokens:
        """The items with commas between them; in one list of `last`, a comma follows the last."""
        tokens: Tokens = []
        for item in items:
            tokens += [*item, self.pick((",",), (*separators, ",,", ""))]
        return tokens if self._chance.randrange(last) == 0 else tokens[:-1]

    def call(self, depth: int) -> Tokens:
        name = self.pick(VECTOR_FUNCTIONS, UNUSUAL_FUNCTIONS)
        function = FUNCTIONS.get(name)
        types = list(function.arguments) if function else ["vector"]
        if function and self._chance.randrange(2):
            types = types[: function.required]
        if function and function.limit is None:
            types += types[-1:] * self._chance.randrange(3)
        if self.odd():
            types = self._chance.choice((types[1:], [*types, "vector"], types[::-1]))
        written = [getattr(self, kind)(depth) for kind in types]
        return [
            name,
            "(",
            *self.listed(written, last=50),
            ")",
            *(self.modifiers() if self.odd() else []),
        ]

    def labels(self) -> Tokens:
        names = [
            [self.pick(("job", "pod", "le", '"k8s.pod"'), NAMES + STRINGS)]
            for _ in range(self._chance.choice((0, 1, 2)))
        ]
        return ["(", *self.listed(names), ")"]

    def aggregation(self, depth: int) -> Tokens:
        name = self.pick(tuple(AGGREGATIONS), UNUSUAL_AGGREGATIONS)
        grouping: Tokens = []
        if self._chance.randrange(2):
            grouping = [self.pick(("by", "without"), ("BY", "on", "by by", "ignoring"))]
            grouping += self.labels()
        parameter = AGGREGATIONS.get(name)
        if self.odd():
            parameter = self._chance.choice(("scalar", "string", "vector", None))
        written = [getattr(self, parameter)(0)] if parameter else []
        body = ["(", *self.listed([*written, self.vector(depth)], last=50), ")"]
        first = self._chance.randrange(2) == 0
        extra = grouping if self.odd() else []
        return [name, *(grouping if first else []), *body, *(extra if first else grouping)]

    def binary(self, depth: int) -> Tokens:
        operator = self._chance.choice((*OPERATORS, *SETS, *SETS))
        tokens = [operator]
        comparison = operator in ("==", "!=", "<", "<=", ">", ">=")
        if (comparison and self._chance.randrange(3) == 0) or self.odd():
            tokens.append("bool")
        scalars = operator not in SETS and self._chance.randrange(3) == 0
        if not scalars and self._chance.randrange(3) == 0:
            tokens += [self.pick(("on", "ignoring"), ("ON", "by", "on on")), *self.labels()]
            if (operator not in SETS and self._chance.randrange(2)) or self.odd():
                tokens += [self.pick(("group_left", "group_right"), ("GROUP_LEFT", "group_by"))]
                tokens += self.labels() if self._chance.randrange(2) else []
            if self.odd():
                tokens += [self._chance.choice(("fill", "fill_left", "fill_right")), "(", "0", ")"]
        sides = [
            self.vector(depth),
            self.scalar(0) if scalars or self.odd() else self.vector(depth),
        ]
        if self._chance.randrange(2):
            sides.reverse()
        return [*sides[0], *tokens, *sides[1]]

    def parenthesis(self, depth: int) -> Tokens:
        return ["(", *self.expression(depth), ")", *(self.modifiers() if self.odd() else [])]

    def unary(self, depth: int) -> Tokens:
        return [self._chance.choice(("-", "+", "- -")), *self.expression(depth)]


def _mutated(tokens: Tokens, chance: random.Random) -> Tokens:
    """The tokens with one deleted, repeated, replaced or exchanged with the next."""
    place = chance.randrange(len(tokens))
    before, token, after = tokens[:place], tokens[place], tokens[place + 1 :]
    pool = (*OPERATORS, *SETS, *OTHERS, *OTHERS, *NAMES, *NUMBERS, *DURATIONS, *STRINGS)
    changed = chance.choice(
        ([], [token, token], [chance.choice(pool)], [chance.choice(pool), token])
    )
    if after and chance.randrange(5) == 0:
        return [*before, after[0], token, *after[1:]]
    return [*before, *changed, *after]


def _joined(tokens: Tokens, chance: random.Random) -> str:
    """The tokens with blanks between them, or in one text of four with other gaps or none."""
    if chance.randrange(4):
        return " ".join(tokens)
    return "".join(f"{token}{chance.choice((*GAPS, ' ', ' ', ' '))}" for token in tokens)


def _text(chance: random.Random) -> str:
    tokens = _Writer(chance).expression(chance.choice((0, 1, 1, 2, 2, 2, 3)))
    if chance.randrange(3) == 0:
        for _ in range(chance.choice((1, 1, 2))):
            tokens = _mutated(tokens or [""], chance)
    return _joined(tokens, chance)


def _damaged(text: str, chance: random.Random) -> str:
    """The text with a character deleted, inserted or replaced."""
    place = chance.randrange(len(text))
    inserted = chance.choice(("", *CHARACTERS))
    return text[:place] + inserted + text[place + chance.randrange(2) :]


def written(number: int) -> list[str]:
    """Texts from the grammar; about half are valid. At most `number`, the same in each run."""
    return _each(_text, number)


def damaged(texts: Sequence[str], number: int) -> list[str]:
    """Some of the texts with a changed character. At most `number`, the same in each run."""
    whole = [text for text in texts if text]
    return _each(lambda chance: _damaged(chance.choice(whole), chance), number)


def _each(write: Callable[[random.Random], str], number: int) -> list[str]:
    # Hypothesis takes longer for a source of chance than the grammar for a text.
    batches = st.randoms(use_true_random=True).map(
        lambda chance: [write(chance) for _ in range(50)]
    )
    found = [text for batch in examples(batches.map(tuple), number // 50) for text in batch]
    return list(dict.fromkeys(found))
