"""What the servers take and we refuse on purpose."""

import json

from promql.regex import Use
from tests.support.rule_file_texts import file_with
from tests.support.verdicts import OnPurpose
from tests.verdicts import evaluations, kinds, kubernetes, template_kinds
from tests.verdicts.configuration_kinds import (
    ALERTMANAGER_YML,
    PROMETHEUS_YML,
    SLACK_CHANNELS,
    WEBHOOK_PATHS,
)

_RULE_FILES = (
    ("the alert always fires", "Nobody needs it.", file_with(("alert", "expr", "5"))),
    ("never returns anything", "Nobody would notice.", file_with(("alert", "expr", "up > 1"))),
    (
        "Remove `bool`",
        "The alert fires whatever the comparison says.",
        file_with(("alert", "expr", "oven_heat > bool 5")),
    ),
    (
        "a fixed time",
        "Retention deletes it, sooner or later.",
        file_with(("alert", "expr", "oven_heat @ 1609746000 > 5")),
    ),
    (
        "in the future alone",
        "There are no samples yet.",
        file_with(("alert", "expr", "oven_heat offset -1h > 5")),
    ),
    (
        "returns samples over a range",
        "The server loads it, and fails at each evaluation.",
        file_with(("alert", "expr", "'oven_heat[5m]'")),
    ),
    (
        "is a string. Write an expression",
        "The server loads it, and fails at each evaluation.",
        file_with(("alert", "expr", "'\"a\"'")),
    ),
    ("has no summary", "Each alert has one.", file_with(("alert", "annotations", None))),
    ("has no description", "Each alert has one.", file_with(("alert", "annotations", None))),
    (
        "no rule records",
        "It is misspelled, or nobody knows it.",
        file_with(("record", "expr", "a")),
    ),
    ("has no label a", "It is misspelled.", file_with(("record", "expr", "'oven_heat{a=\"b\"}'"))),
    ("is exported", "The two would be one series.", file_with(("record", "record", "up"))),
    (
        "the template in",
        "In a group's label it fails later.",
        file_with(("group", "labels", '{a: "{{"}')),
    ),
    (
        "is missing",
        "A file or group without rules does nothing.",
        file_with(("group", "rules", "~")),
    ),
    (
        "is empty",
        "A file or group without rules does nothing.",
        file_with(("group", "rules", "[]")),
    ),
    ("must be a list", "A file without rules does nothing.", file_with(("file", "groups", "~"))),
    ("must be a mapping", "An empty group does nothing.", file_with(("file", "groups", "[~]"))),
    (
        "must be an integer",
        "Prometheus drops the fraction.",
        file_with(("group", "limit", "1.5")),
    ),
    ("this key is not text", "It is a slip.", file_with(("group", "labels", "{~: a}"))),
    (
        "the merge key <<",
        "YAML with references is hard to read.",
        file_with(("group", "name", "<<")),
    ),
    ("the tag !", "It says nothing that quotes can't.", file_with(("group", "name", "!own x"))),
    ("the anchor &", "YAML with references is hard to read.", file_with(("group", "name", "&b x"))),
    (
        "a second YAML document",
        "Prometheus reads the first alone.",
        f"{file_with()}---\n{file_with()}",
    ),
    ("expected <document start>", "Its first line is indented by mistake.", f" {file_with()}"),
)
ON_PURPOSE = (
    *template_kinds.ON_PURPOSE,
    *(
        OnPurpose(kind=kinds.RULE_FILES, says=says, because=because, example=example)
        for says, because, example in _RULE_FILES
    ),
    *kubernetes.ON_PURPOSE,
    OnPurpose(
        kind=evaluations.RECORDS,
        says="Write a share from 0 to 1",
        because="The server returns infinity with a warning that nobody reads: it is a mistake.",
        example="quantile(95, up)",
    ),
    OnPurpose(
        kind=kinds.EXPRESSIONS,
        says="contains the dashboard variable",
        because="In a rule, $pod in a matcher's value is what a dashboard's query left behind.",
        example='up{pod="$pod"}',
    ),
    OnPurpose(
        kind=kinds.EXPRESSIONS,
        says="it is not UTF-8",
        because="Labels are UTF-8, so the bytes match nothing; Prometheus compiles no plain text.",
        example=r'up{pod=~"\xff"}',
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
    OnPurpose(
        kind=PROMETHEUS_YML,
        says="is missing. Add it",
        because="The program always writes it.",
        example="global: {}",
    ),
    OnPurpose(
        kind=PROMETHEUS_YML,
        says="is zero. Write a duration",
        because="The server takes its default.",
        example="global: {scrape_interval: 0s}",
    ),
    OnPurpose(
        kind=ALERTMANAGER_YML,
        says="is missing. Add it",
        because="The program always writes it.",
        example="{route: {receiver: a}, receivers: [{name: a}]}",
    ),
    OnPurpose(
        kind=ALERTMANAGER_YML,
        says="`` is not a",
        because="An empty matcher or time zone means nothing.",
        example='{route: {receiver: a, routes: [{matchers: [""]}]}, receivers: [{name: a}]}',
    ),
    OnPurpose(
        kind=ALERTMANAGER_YML,
        says="an escape that JSON lacks",
        because="The server takes it with a warning, for as long as it has its old parser.",
        example=json.dumps(
            {
                "route": {"receiver": "a", "routes": [{"matchers": [r'a="\q"']}]},
                "receivers": [{"name": "a"}],
            }
        ),
    ),
    OnPurpose(
        kind=WEBHOOK_PATHS,
        says="holds a blank",
        because="Go sends %20 in its place, so the settings can say so.",
        example="/a b",
    ),
    OnPurpose(
        kind=WEBHOOK_PATHS,
        says="has a part from # on that is never sent",
        because="Whoever writes it expects the receiver to see it.",
        example="/a#b",
    ),
    OnPurpose(
        kind=WEBHOOK_PATHS,
        says="begins a template",
        because="Only an execution for a real alert shows whether a template makes a URL.",
        example="/{{ .Status }}",
    ),
    OnPurpose(
        kind=SLACK_CHANNELS,
        says="is not a channel or user of Slack",
        because="A channel is fixed. Slack has none with blanks or control characters in its name.",
        example="#{{ .Status }}",
    ),
)
