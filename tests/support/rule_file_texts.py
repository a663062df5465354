"""Rule files for Prometheus: a sound one with one or more values written differently."""

from collections.abc import Iterator

from hypothesis import strategies as st

from tests.support.verdicts import examples

Fields = dict[str, str]
"""Key -> its value as YAML on one line; a key may be there twice, with `#2` after the second."""

ANY = (
    *("", "~", "null", '""', "''", "a", '"5"', "0", "-0", "5", "-1", "1.5", "1e3", ".inf", ".nan"),
    *("0x10", "0o17", "017", "1_000", "true", "yes", "No", "on", "2026-01-01", "1:30", "[]", "[a]"),
    *(
        "{}",
        "{a: b}",
        "!!str 5",
        '!!int "5"',
        "!!binary aGk=",
        "!own x",
        "&b x",
        "*nowhere",
        "'it'",
    ),
    *(
        '"\\x41"',
        '"\\q"',
        '"a',
        "a: b",
        "[a",
        "{a",
        "@a",
        "`a`",
        "%a",
        "a #b",
        "99999999999999999999",
    ),
    *(
        '"\\ud83d\\ude00"',
        '"\\uD800"',
        '"\\0"',
        "|\n      a",
        ">-\n      a",
        "é",
        "=",
        "<<",
        "? a",
        "- a",
    ),
)
DURATIONS = (
    *(
        "5m",
        "0s",
        '"5m"',
        "1d12h",
        "5m1h",
        "-5m",
        "1.5h",
        "5 m",
        " 5m",
        "300",
        "0",
        "'0'",
        "1h30m5s100ms",
    ),
    *("1y", "300y", "9999999999h", "5M", "m", "5m5m", "Inf", "1_0m"),
)
NAMES = (
    *(
        "Hot",
        '"Hot"',
        "'a b'",
        "a.b",
        "é",
        '"a\\nb"',
        "1",
        "up",
        "a:b:c",
        ":a",
        "a{b}",
        '"{a}"',
        "'{{a}}'",
    ),
    *('""', "a/b", '"\\u0000"'),
)
ENTRIES = (
    *(
        "a: ~",
        "a: 5",
        "a: true",
        "a: 1.5",
        "5: a",
        "true: a",
        "1.5: a",
        "~: a",
        "a.b: c",
        '"": a',
        "a",
    ),
    *(
        "__name__: a",
        "__a: b",
        "a: [b]",
        "a: {b: c}",
        "a: b, a: c",
        "<<: {a: b}",
        "alertname: x",
        "é: x",
    ),
    *(
        'a: "{{ $value }}"',
        'a: "{{"',
        'a: "{{ $x }}"',
        'a: "{{ foo }}"',
        '"a b": x',
        "a: 2026-01-01",
    ),
    *("a: 0x10", "a: 1_000", "a: !!binary aGk=", "a: ''", "[a]: b", "a: .nan", "a: 1e3", "a: yes"),
    *(
        "a: 017",
        'a: "\\0"',
        "a: =",
        "a: <<",
        "=: a",
        'a: "{{ define \\"x\\" }}{{ end }}"',
        "y: 1, n: 2",
    ),
    *('a: "{{ end }}"', 'a: "{{/* x */}}"', "? a : b", "a:b", "a : b", "a:  b", "a: *b", "a: &b c"),
)
EXPRESSIONS = (
    *(
        "oven_heat > 5",
        '"oven_heat > 5"',
        "5",
        "1.5",
        "0x10",
        "1_000",
        "true",
        "inf",
        ".inf",
        ".5",
        "~",
    ),
    *(
        "oven_heat[5m]",
        "rate(oven_heat)",
        "|\n      oven_heat\n      > 5",
        ">-\n      oven_heat > 5",
    ),
    *(
        "oven_heat > 5 # hot",
        "'oven_heat{a=\"b\"} > 5'",
        "oven_heat{job: a}",
        "first_over_time(oven_heat[5m])",
    ),
    *("2026-01-01", "1:30", "1e3", "017", "0o17", "+5", "-5", "1e", "infinity", "NaN", ".nan"),
)
LIMITS = (
    "0",
    "1",
    "-1",
    "1.0",
    "1.5",
    "1e3",
    "0x10",
    "017",
    "0o17",
    "1_000",
    '"5"',
    "9223372036854775808",
)
LISTS = (
    "[~]",
    "[[]]",
    "[{}]",
    "[a]",
    "{}",
    "{a: b}",
    "[{alert: Hot, expr: oven_heat > 5}]",
    "[{alert: a}]",
)

LABELS, ANNOTATIONS = "severity: warning", "summary: Hot, description: The oven is hot."
GROUP: Fields = {"name": "heat", "labels": f"{{{LABELS}}}"}
ALERT: Fields = {
    "alert": "Hot",
    "expr": "oven_heat > 5",
    "labels": f"{{{LABELS}}}",
    "annotations": f"{{{ANNOTATIONS}}}",
}
RECORD: Fields = {"record": "oven:heat:sum", "expr": "sum by (job) (oven_heat)"}
VALUES = {
    **dict.fromkeys(("name", "alert", "record"), NAMES),
    **dict.fromkeys(("interval", "query_offset", "for", "keep_firing_for"), DURATIONS),
    "labels": tuple(f"{{{LABELS}, {entry}}}" for entry in ENTRIES),
    "annotations": tuple(f"{{{ANNOTATIONS}, {entry}}}" for entry in ENTRIES),
    "expr": EXPRESSIONS,
    "limit": LIMITS,
    **dict.fromkeys(("rules", "groups"), LISTS),
}
GROUP_KEYS = ("name", "interval", "query_offset", "limit", "labels", "rules")
RULE_KEYS = ("alert", "record", "expr", "for", "keep_firing_for", "labels", "annotations")
UNKNOWN = ("severity", "Expr", "partial_response_strategy", "source_tenants", '""', "~", "<<", "5")

Change = tuple[str, str, str | None]
"""Where (file, group, alert or record), the key, and its new value; None removes the key."""


def changes() -> Iterator[Change]:
    """Every change of one value."""
    places = {"file": ("groups",), "group": GROUP_KEYS, "alert": RULE_KEYS, "record": RULE_KEYS}
    for place, keys in places.items():
        for key in keys:
            yield place, key, None
            for value in (*ANY, *VALUES[key]):
                yield place, key, value
            yield place, f"{key}#2", VALUES[key][0]
        for key in UNKNOWN:
            for value in ("a", "~", "{a: b}"):
                yield place, key, value


def _lines(fields: Fields, changed: list[tuple[str, str | None]], indent: str) -> Iterator[str]:
    written: dict[str, str | None] = {**fields}
    written.update(changed)
    for key, value in written.items():
        if value is not None:
            yield f"{indent}{key.partition('#')[0]}: {value}"


def _item(fields: Fields, changed: list[tuple[str, str | None]], indent: str) -> str:
    text = "\n".join(_lines(fields, changed, f"{indent}  "))
    return f"{indent}- {text.lstrip()}" if text else f"{indent}- {{}}"


def file_with(*changed: Change) -> str:
    """The sound file with these changes."""
    of = {
        place: [(key, value) for where, key, value in changed if where == place]
        for place in ("file", "group", "alert", "record")
    }
    rules = "\n".join(
        _item(fields, of[place], "  ") for place, fields in (("alert", ALERT), ("record", RECORD))
    )
    group = _item(GROUP, [("rules", f"\n{rules}"), *of["group"]], "")
    return "\n".join(_lines({"groups": f"\n{group}"}, of["file"], "")) + "\n"


def files(number: int) -> list[str]:
    """The sound file in other forms, with each change alone, and `number` files with several."""
    sound, every = file_with(), list(changes())
    forms = [
        *(
            "",
            "\n",
            "# nothing\n",
            "---\n",
            "...\n",
            "~\n",
            "[]\n",
            "{}\n",
            "a\n",
            "5\n",
            "groups\n",
        ),
        *(
            f"---\n{sound}",
            f"{sound}---\n",
            f"{sound}---\na: b\n",
            f"{sound}...\n",
            f"{sound}---\n{sound}",
        ),
        *(
            f"\ufeff{sound}",
            f"%YAML 1.1\n---\n{sound}",
            f"%YAML 1.2\n---\n{sound}",
            f"%TAG ! x\n---\n{sound}",
        ),
        *(
            sound.replace("\n", "\r\n"),
            sound.replace("\n", "\r"),
            sound.replace("  ", "\t"),
            f" {sound}",
        ),
        *(
            f"{sound}{sound}",
            f"{sound}\n\n# end",
            sound.strip(),
            sound.replace("groups", '"groups"'),
        ),
        *(
            sound.replace("Hot", "Ho\u2028t"),
            sound.replace("Hot", "Ho\x85t"),
            sound.replace("Hot", "Ho\x07t"),
        ),
        *(
            sound.replace("heat\n", "heat \t\n"),
            sound.replace("heat", "&h heat", 1),
            f"x: &a b\n{sound}",
        ),
    ]
    several = st.randoms(use_true_random=True).map(
        lambda chance: file_with(*chance.sample(every, chance.choice((2, 2, 3))))
    )
    texts = [*forms, *map(file_with, every), *examples(several, number)]
    return list(dict.fromkeys(texts))
