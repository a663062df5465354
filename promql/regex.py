"""Regular expressions as Prometheus and Alertmanager read them: Go's RE2.

C++ RE2 decides; `_difference` adds what Go refuses beyond that.
"""

import re
from enum import Enum
from functools import lru_cache
from typing import Any

import re2

from problems import shorten

# RE2 gives up at about two million instructions, Go at three million.
_MEMORY = 32 << 20
# Go refuses a syntax tree higher than 1000; eight levels a parenthesis are the most it can add.
_MAX_DEPTH = 100
_MAX_KEPT = 2048
_SHOWN = 60
_TOKEN = re.compile(
    r"\\Q.*?(?:\\E|(?P<unclosed>\Z))"
    r"|(?P<brackets>\[\^?\]?(?:\[:\^?\w+:\]|\\[pPx]\{[^}]*\}|\\.|[^\]\\])*\])"
    r"|(?P<escape>\\(?:[pPx]\{[^}]*\}|.))"
    r"|\(\?P?<(?P<name>[^>]*)>|[()]"
    r"|(?P<overflow>\{(?=[^}]*\d{9})(?:0|[1-9]\d*)(?:,(?:0|[1-9]\d*)?)?\})",
    re.DOTALL,
)
_ESCAPE = re.compile(r"\\(?:[pPx]\{[^}]*\}|.)", re.DOTALL)
_ADVICE = {
    "no argument for repetition operator": r"repeats nothing. Write .* for any text, or \{0} for "
    "the character",
    "bad repetition operator": "repeats a repetition, which RE2 can't. Write one of the two",
    "invalid repetition size": "is no count. Write at most 1000 in all, the smaller number first",
    "invalid perl operator": "is not in RE2, which can't look ahead or behind. Write it without; "
    "to exclude something, use another matcher with !~",
    "invalid escape sequence": r"is no escape of RE2. Write \\ for a backslash, \z for the end; "
    "references to groups don't exist",
    "invalid character class range": "is no class or range. Write [a-z], [[:alpha:]] or \\p{{Lu}}",
    "unknown class of Unicode": "is no class of Unicode that each server knows. Write \\p{{Lu}}, "
    "\\p{{Greek}}",
    "invalid character class": "is no class. Write [a-z], [[:alpha:]] or \\p{{Lu}}",
    "missing ]": r"has no closing bracket. Add ], or write \[ for the character",
    "missing )": r"has no closing parenthesis. Add ), or write \( for the character",
    "unexpected )": r"closes a parenthesis that nothing opens. Remove it, or write \) instead",
    "trailing \\": r"ends with a single backslash. Write \\ for the character",
    "invalid named capture group": "is no name of a group. Write (?P<name>...) with letters, "
    "digits and _",
    "invalid UTF-8": "is not UTF-8. Write characters instead of bytes",
    "unclosed quotation": r"begins a quotation that never ends. Add \E",
    "too deep": "nests too many parentheses. Write fewer",
    "pattern too large - compile failed": "is too large. Repeat less",
}
"""What RE2 says -> the end of our message, where {0} is the wrong part of the pattern."""


class RegexError(ValueError):
    """The pattern is invalid. The message is one line: what is wrong, and what to write."""


class Use(Enum):
    """Where a pattern is used: the servers compile it differently in each place."""

    MATCHER = "matcher"
    """A matcher in PromQL. `.` matches a line break. All of the text must match."""
    RELABELLING = "relabelling"
    """As in a matcher, but inserted into (?s:...): relabelling and label_replace."""
    ALERTMANAGER = "alertmanager"
    """A matcher of routes, inhibitions and silences. All of the text must match."""
    SEARCH = "search"
    """The pattern as it is, found anywhere: templates' functions, blackbox_exporter."""


@lru_cache(maxsize=_MAX_KEPT)
def compile_regex(pattern: str, use: Use = Use.MATCHER) -> Any:
    """The compiled pattern, with the methods `fullmatch` and `search` of Python's.

    Raises RegexError if the server that reads it would refuse it.
    """
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MEMORY
    options.dot_nl = use in (Use.MATCHER, Use.RELABELLING)
    try:
        compiled = re2.compile(pattern, options)
    except UnicodeEncodeError:
        raise _error(pattern, "invalid UTF-8") from None
    except re2.error as error:
        reason, _, part = error.args[0].decode(errors="replace").partition(": ")
        if part.startswith(("\\p", "\\P")):
            reason = "unknown class of Unicode"
        raise _error(pattern, reason, part) from None
    if difference := _difference(pattern, use):
        raise _error(pattern, *difference)
    return compiled


def matches(pattern: str, text: str, use: Use = Use.MATCHER) -> bool:
    """Whether the pattern matches the text in this use. Raises RegexError."""
    compiled = compile_regex(pattern, use)
    found = compiled.search(text) if use is Use.SEARCH else compiled.fullmatch(text)
    return found is not None


def _error(pattern: str, reason: str, part: str = "") -> RegexError:
    advice = _ADVICE[reason].format(part)
    where = "it" if not part or part == pattern else f"`{shorten(part, _SHOWN)}`"
    return RegexError(
        f"`{shorten(pattern, _SHOWN)}` is not a regular expression: {where} {advice}."
    )


def _difference(pattern: str, use: Use) -> tuple[str, str] | None:
    """(reason, wrong part) if Go refuses the pattern, which RE2 has accepted."""
    depth = deepest = 0
    for token in _TOKEN.finditer(pattern):
        text = token[0]
        match token.lastgroup:
            case "unclosed" if use in (Use.RELABELLING, Use.ALERTMANAGER):
                return "unclosed quotation", text
            case "escape" if text == r"\C":
                return "invalid escape sequence", text
            case "name" if not re.fullmatch(r"\w+", token["name"], re.ASCII):
                return "invalid named capture group", text
            case "overflow":
                return "invalid repetition size", text
        if use is not Use.MATCHER and token.lastgroup in ("escape", "brackets"):
            for escape in _ESCAPE.findall(text):
                if "_" in escape and escape[1] in "pP":
                    return "unknown class of Unicode", escape
        depth += (text[0] == "(") - (text == ")")
        deepest = max(deepest, depth)
    return ("too deep", "") if deepest > _MAX_DEPTH else None
