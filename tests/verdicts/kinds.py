"""The kinds of texts on which we and the servers must agree."""

import json
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

from problems import Refused
from promql.durations import parse_duration
from promql.errors import PromqlError
from promql.expressions import parse
from promql.regex import RegexError, Use, compile_regex
from tests.support.rules import rule_project
from tests.support.verdicts import Kind


def _refused_by(
    read: Callable[[str], object], error: type[ValueError]
) -> Callable[[str], str | None]:
    """Why a function refuses a text, with an error of this kind; None if it does not."""

    def refusal(text: str) -> str | None:
        try:
            read(text)
        except error as found:
            return str(found)
        return None

    return refusal


EXPRESSIONS = Kind(
    name="PromQL",
    server="prometheus",
    question=lambda text: {"kind": "expr", "text": text},
    refusal=_refused_by(parse, PromqlError),
)


DURATIONS = Kind(
    name="durations",
    server="prometheus",
    question=lambda text: {"kind": "duration", "text": text},
    refusal=_refused_by(parse_duration, ValueError),
)


def _refused_regex(use: Use) -> Callable[[str], str | None]:
    return _refused_by(lambda text: compile_regex(text, use), RegexError)


REGEXES = {
    Use.MATCHER: Kind(
        name="RE2 in matchers",
        server="prometheus",
        question=lambda text: {"kind": "regex", "text": text},
        refusal=_refused_regex(Use.MATCHER),
    ),
    Use.RELABELLING: Kind(
        name="RE2 in relabelling",
        server="prometheus",
        question=lambda text: {"kind": "regex", "use": "relabel", "text": text},
        refusal=_refused_regex(Use.RELABELLING),
    ),
    Use.ALERTMANAGER: Kind(
        name="RE2 in Alertmanager",
        server="alertmanager",
        question=lambda text: {"kind": "regex", "text": text},
        refusal=_refused_regex(Use.ALERTMANAGER),
    ),
    Use.SEARCH: Kind(
        name="RE2 in templates",
        server="prometheus",
        question=lambda text: {
            "kind": "template",
            "text": f'{{{{ reReplaceAll {json.dumps(text, ensure_ascii=False)} "" "" }}}}',
        },
        refusal=_refused_regex(Use.SEARCH),
    ),
}


@cache
def _project() -> tempfile.TemporaryDirectory[str]:
    """A sound project around the rule file that a test tries; it lasts until the tests end."""
    folder = tempfile.TemporaryDirectory()
    other = rule_project.ALERTS.replace("Hot", "Cold").replace("heat\n", "cold\n")
    page = {"docs/runbooks/Cold.md": "Close the door.\n"}
    rule_project.write(Path(folder.name), {rule_project.ALERT_FILE: other, **page})
    return folder


def _refused_rule_file(text: str) -> tuple[str, ...]:
    root = Path(_project().name)
    (root / "rules/platform").mkdir(exist_ok=True)
    (root / "rules/platform/a.yaml").write_bytes(text.encode())
    try:
        rule_project.load(root)
    except Refused as refused:
        # The page of an alert is another file.
        return tuple(one for one in refused.problems if "has no runbook" not in one)
    return ()


RULE_FILES = Kind(
    name="rule files",
    server="prometheus",
    question=lambda text: {"kind": "rulefile", "text": text},
    refusal=_refused_rule_file,
)
