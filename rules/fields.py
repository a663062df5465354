"""The kinds of text that rule files hold: durations and names, as Prometheus defines them."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from promql.durations import parse_duration


def _duration(text: str) -> str:
    parse_duration(text)
    return text


def _interval(text: str) -> str:
    if parse_duration(text) == 0:
        raise ValueError("an interval of 0 evaluates nothing. Write one such as 30s.")
    return text


def _name(pattern: str, advice: str) -> AfterValidator:
    def check(text: str) -> str:
        if not re.fullmatch(pattern, text, re.ASCII):
            raise ValueError(f"`{text}` is not a valid name. {advice}")
        return text

    return AfterValidator(check)


_WORD = r"[A-Za-z_]\w*"
Text = Annotated[str, Field(min_length=1)]
Duration = Annotated[str, AfterValidator(_duration)]
Interval = Annotated[str, AfterValidator(_interval)]
AlertName = Annotated[str, _name(_WORD, "Use letters, digits and _ only.")]
LabelName = Annotated[str, _name(r"(?!__)" + _WORD, "Use letters, digits and _; not __ in front.")]
MetricName = Annotated[
    str, _name(_WORD, "Use letters, digits and _; colons are for recorded ones.")
]
RecordName = Annotated[
    str, _name(r"[A-Za-z_]\w*(:\w+)+", "Write level:metric:operation, such as psi:density:avg.")
]
SloName = Annotated[
    str, _name(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", "Use lower-case letters, digits and - only.")
]
