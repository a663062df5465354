"""Judges that answer with the servers' own code, and how our verdicts compare with theirs."""

import json
import subprocess
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.strategies import SearchStrategy

from tests.support.programs import tool

Server = Literal["prometheus", "alertmanager", "kubernetes"]
Question = Mapping[str, Any]
SHOWN = 20
"""So many differences a failure shows, the shortest first."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """A judge's answer: `error` is the server's reason if it refuses; `more` depends on the
    kind of the question."""

    valid: bool
    error: str
    more: Mapping[str, Any]

    @classmethod
    def of(cls, line: str) -> "Verdict":
        """The verdict of a line that a judge has written."""
        more = json.loads(line)
        return cls(valid=more.pop("valid"), error=more.pop("error"), more=more)


class Judge:
    """A running program that answers questions; `toolchain/go/*/*-verdicts` says which kinds."""

    def __init__(self, server: Server) -> None:
        self._program = subprocess.Popen(
            [tool(f"{server}-verdicts")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, questions: Iterable[Question]) -> list[Verdict]:
        """The verdicts on the questions, in order; thousands take a second."""
        lines = [json.dumps(question) for question in questions]
        written, read = self._program.stdin, self._program.stdout
        assert written and read

        def write() -> None:
            written.writelines(f"{line}\n" for line in lines)
            written.flush()

        # Both pipes are short: who only writes waits for a judge that waits for its reader.
        writer = threading.Thread(target=write)
        writer.start()
        verdicts = [Verdict.of(read.readline()) for _ in lines]
        writer.join()
        return verdicts

    def stop(self) -> None:
        """End the program, which ends when its input does."""
        self._program.communicate(timeout=10)


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of text that a server and we judge.

    `refusal` gives our reason to refuse a text, or all reasons, or None if we accept it. `accepts`
    tells from the judge's verdict whether the server takes the text.
    """

    name: str
    server: Server
    question: Callable[[Any], Question]
    refusal: Callable[[Any], str | tuple[str, ...] | None]
    accepts: Callable[[Verdict], bool] = lambda verdict: verdict.valid

    def reasons(self, text: Any) -> tuple[str, ...]:
        """Our reasons to refuse the text; none if we accept it."""
        given = self.refusal(text) or ()
        return (given,) if isinstance(given, str) else given


@dataclass(frozen=True, kw_only=True)
class OnPurpose:
    """Texts that a server takes and we refuse, each for a reason that holds the words `says`.

    `example` is one of them.
    """

    kind: Kind
    says: str
    because: str
    example: Any


@dataclass
class Tally:
    """How many texts of a kind were tried, and what became of them."""

    tried: int = 0
    agreed: int = 0
    on_purpose: int = 0

    def add(self, other: "Tally") -> None:
        """Add another tally of the same kind."""
        self.tried += other.tried
        self.agreed += other.agreed
        self.on_purpose += other.on_purpose


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Compares our verdicts with the servers'; `record` gets the tally of each comparison."""

    ask: Callable[[Server, Iterable[Question]], list[Verdict]]
    on_purpose: Iterable[OnPurpose]
    record: Callable[[Kind, Tally], None]

    def __call__(self, kind: Kind, texts: Iterable[Any]) -> None:
        """Fail with the texts on which the verdicts differ, but for those refused on purpose."""
        distinct = list(dict.fromkeys(texts))
        verdicts = self.ask(kind.server, map(kind.question, distinct))
        allowed = [one.says for one in self.on_purpose if one.kind is kind]
        tally = Tally(tried=len(distinct))
        wrong: list[str] = []
        for text, verdict in zip(distinct, verdicts, strict=True):
            reasons = kind.reasons(text)
            ours = [one for one in reasons if not any(words in one for words in allowed)]
            if kind.accepts(verdict) != bool(reasons):
                tally.agreed += 1
            elif reasons and not ours:
                tally.on_purpose += 1
            else:
                theirs = verdict.error or "yes"
                wrong.append(f"{text!r}: {kind.server}: {theirs}; we: {' '.join(ours) or 'yes'}")
        self.record(kind, tally)
        wrong.sort(key=len)
        counted = f"{len(wrong)} of {len(distinct)} verdicts on {kind.name} differ:"
        assert not wrong, "\n".join([counted, *wrong[:SHOWN]])


def examples(strategy: SearchStrategy[Any], number: int) -> list[Any]:
    """Distinct examples of the strategy, at most `number`; the same ones in each run of
    the same tests."""
    found: dict[Any, None] = {}

    @settings(
        max_examples=number,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(strategy)
    def collect(example: Any) -> None:
        found[example] = None

    collect()
    return list(found)


PROPERTY = "verdicts"
"""The name by which a test's report carries its tallies, from pytest's workers too."""


def summary(reports: Iterable[pytest.TestReport]) -> list[str]:
    """Lines with what all tests have tried of each kind."""
    total: dict[str, Tally] = {}
    for report in reports:
        for name, value in report.user_properties:
            if name == PROPERTY:
                kind, *counts = json.loads(str(value))
                total.setdefault(kind, Tally()).add(Tally(*counts))
    return [
        f"{kind:<28}{one.tried:>8} tried{one.agreed:>8} agreed{one.on_purpose:>8} refused on "
        f"purpose{one.tried - one.agreed - one.on_purpose:>6} differ"
        for kind, one in sorted(total.items())
    ]
