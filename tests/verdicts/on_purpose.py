"""What the servers take and we refuse on purpose."""

from promql.regex import Use
from tests.support.verdicts import OnPurpose
from tests.verdicts import kinds

ON_PURPOSE = (
    OnPurpose(
        kind=kinds.EXPRESSIONS,
        says="contains the dashboard variable",
        because="In a rule, $pod in a matcher's value is what a dashboard's query left behind.",
        example='up{pod="$pod"}',
    ),
    *(
        OnPurpose(
            kind=kinds.REGEXES[use],
            says="closes a parenthesis that nothing opens",
            because="It closes the group that the server opens around it, so it means another.",
            example="a)|(b",
        )
        for use in (Use.RELABELLING, Use.ALERTMANAGER)
    ),
    *(
        OnPurpose(kind=kind, says=says, because=because, example=example)
        for kind in kinds.REGEXES.values()
        for says, because, example in (
            (
                "is no class of Unicode that each server knows",
                "Some names are known to C++ RE2, to Prometheus' copy of it or to Go's alone.",
                r"\p{LC}",
            ),
            (
                "nests too many parentheses",
                "Go's limit is the height of the syntax tree, which we do not build.",
                "(" * 101 + ")" * 101,
            ),
            (
                "is too large",
                "Two million instructions take RE2 half a second; Go's limit is three million.",
                r"\pL{1000}" * 2,
            ),
        )
    ),
)
