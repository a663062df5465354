"""Settings of a stack that vary in what the servers' configurations are made of."""

import copy
import json
from collections.abc import Callable
from typing import Any
from zoneinfo import available_timezones

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn
from pydantic import TypeAdapter, ValidationError

from components.blackbox import Probe
from components.hours import WEEKDAYS, Window
from components.routing import Heartbeat, SlackChannel
from components.urls import FixedPath
from problems import one_line
from stacks.settings.schema import Settings
from tests.support.recording import stack_values


def refusal_by(kind: Any) -> Callable[[Any], str | None]:
    """A function that returns why a setting of this type can't have a value, None if it can."""
    adapter = TypeAdapter(kind)

    def refusal(value: Any) -> str | None:
        try:
            adapter.validate_json(json.dumps(value), by_name=False)
        except ValidationError as error:
            return one_line(error.errors()[0]["msg"])
        return None

    return refusal


def _allowed_by(kind: Any) -> Callable[[Any], bool]:
    refusal = refusal_by(kind)
    return lambda value: refusal(value) is None


STACK = "staging"
PATH_PARTS = (
    *"ab0/?#&=:;@!$'()*+,[]{}<>|^`~\\\"é",
    *(
        "%",
        "%2",
        "%20",
        "%zz",
        "{{",
        "}}",
        "{{ .x }}",
        "\x01",
        "\x7f",
        "\x85",
        " ",
        "//",
        "..",
        "世",
    ),
)
NAMES = st.sampled_from(
    (
        *("a", "business-hours", "x-1", "warning", "critical", "heartbeat", "webhook", "null"),
        *("true", "on", "no", "e-1", "all-channels", "a-closed-for-840m", "z" * 63),
    )
)
UNITS = ("ms", "s", "m", "h", "d", "w", "y")
DURATIONS = st.one_of(
    st.sampled_from(("0d5s", "0y0w0d0h1m0s0ms", "292y", "1h30m", "1d12h", "1m1ms", "60000ms")),
    st.builds("{}{}".format, st.integers(0, 400), st.sampled_from(UNITS)),
)
HEARTBEATS = st.fixed_dictionaries({"timeout": DURATIONS, "outside": st.booleans()}).filter(
    _allowed_by(Heartbeat)
)
CLOCKS = st.one_of(
    st.sampled_from(("00:00", "24:00", "12:00", "23:59")),
    st.builds("{:02}:{:02}".format, st.integers(0, 23), st.integers(0, 59)),
)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=8)
PATHS = st.lists(st.sampled_from(PATH_PARTS), max_size=6).map(lambda parts: "/" + "".join(parts))
SLACK = st.one_of(st.just("#alerts"), st.builds("#{}".format, TEXTS), st.just("C012ABCDEF"))
WINDOWS = st.fixed_dictionaries(
    {"timeZone": st.sampled_from(sorted(available_timezones())), "from": CLOCKS, "to": CLOCKS},
    optional={"weekdays": st.lists(st.sampled_from(WEEKDAYS), min_size=1, max_size=7)},
).filter(_allowed_by(Window))
SIGNS = st.text(".*+?()[]{}\\|^$-&~# \n\t\x00\x0b\"'", min_size=1, max_size=8)
PROBES = st.fixed_dictionaries(
    {"workload": st.just("psi-field"), "path": PATHS},
    optional={
        "headers": st.dictionaries(
            st.sampled_from(("Host", "X-Id", "Accept-Encoding", "Content-Length", "TE")),
            st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=8),
        ),
        "expect": st.fixed_dictionaries(
            {},
            optional={
                "statuses": st.lists(st.integers(100, 599), min_size=1, max_size=3),
                "contains": st.one_of(TEXTS, SIGNS),
            },
        ),
    },
)
VALUES = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), TEXTS)
PROBES_OF_A_STACK = st.one_of(
    PROBES,
    st.builds(
        lambda probe, body: {**probe, "method": "POST", "body": body},
        PROBES,
        st.dictionaries(TEXTS, VALUES, max_size=3),
    ),
).filter(_allowed_by(Probe))


@st.composite
def _routes(draw: DrawFn, hours: list[str]) -> list[dict[str, str]]:
    channels = draw(
        st.lists(st.sampled_from(("pagerduty", "slack", "webhook")), min_size=1, unique=True)
    )
    during = st.sampled_from([None, *hours])
    found = [{"channel": one, "during": draw(during)} for one in channels]
    return [
        {key: value for key, value in one.items() if value and one["channel"] != "webhook"}
        or {"channel": one["channel"]}
        for one in found
    ]


@st.composite
def _alertmanager(draw: DrawFn) -> dict[str, Any]:
    hours = draw(st.dictionaries(NAMES, WINDOWS, max_size=3))
    idle = draw(st.dictionaries(NAMES, WINDOWS, max_size=2))
    return {
        "routes": {
            "warning": draw(_routes(list(hours))),
            "critical": draw(_routes(list(hours))),
        },
        "hours": hours,
        "idleWindows": [{"name": f"idle-{name}"[:63], **window} for name, window in idle.items()],
        "heartbeat": draw(HEARTBEATS),
        "webhook": {"workload": "harbinger", "path": draw(PATHS.filter(_allowed_by(FixedPath)))},
        "slackChannel": draw(SLACK.filter(_allowed_by(SlackChannel))),
        "pagerdutyRegion": draw(st.sampled_from(("us", "eu"))),
    }


@st.composite
def stacks(draw: DrawFn) -> str:
    """The settings of a whole stack, as JSON; about half of them are refused."""
    values = copy.deepcopy(stack_values(STACK)["vaultmesh:settings"])
    values["alertmanager"] = draw(_alertmanager())
    values["environment"], values["namespace"] = draw(NAMES), draw(NAMES)
    values["prometheus"]["retention"] = draw(DURATIONS)
    values["prometheus"]["storage"] = f"{draw(st.integers(1, 10**5))}Gi"
    values["synthetics"] = {
        "interval": draw(st.sampled_from(("30s", "60000ms", "0d1m", "2m"))),
        "timeout": draw(st.sampled_from(("5s", "0d5s", "1s1ms", "28999ms", "0y0w0h0m2s"))),
        "probes": draw(st.dictionaries(NAMES, PROBES_OF_A_STACK, max_size=3)),
    }
    return json.dumps(values)


def settings_of(text: str) -> Settings | None:
    """The settings in a JSON text; None if preview would refuse them."""
    try:
        return Settings.model_validate_json(text, by_name=False)
    except ValidationError:
        return None
