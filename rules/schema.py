"""The schema of rule files, as Prometheus defines it, and its error messages."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, TypeGuard, TypeVar, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo

from problems import Problems, did_you_mean
from promql.durations import parse_duration
from rules.reader import Place, Steps

_ModelT = TypeVar("_ModelT", bound=BaseModel)


def _duration(text: str) -> str:
    parse_duration(text)
    return text


def _zero(text: str) -> str:
    if parse_duration(text):
        raise ValueError("a recording rule does not wait. Remove it, or make the rule an alert.")
    return text


def _no_annotations(annotations: dict[str, str]) -> dict[str, str]:
    if annotations:
        raise ValueError("nobody would read those of a recording rule. Remove them.")
    return annotations


def _label_name(text: str) -> str:
    if text == "__name__":
        raise ValueError("`__name__` is the name of the series, not a label to set. Remove it.")
    return text


def _record_name(text: str) -> str:
    if "{" in text or "}" in text:
        raise ValueError(
            f"`{text}` is not a valid name. Put the selector into `expr`, and name the result"
            " level:metric:operation, such as psi:density:avg."
        )
    return text


def name_matching(pattern: str, advice: str) -> AfterValidator:
    """A validator of names that match a pattern."""

    def check(text: str) -> str:
        if not re.fullmatch(pattern, text, re.ASCII):
            raise ValueError(f"`{text}` is not a valid name. {advice}")
        return text

    return AfterValidator(check)


_WORD = r"[A-Za-z_]\w*"
Text = Annotated[str, Field(min_length=1)]
Duration = Annotated[str, AfterValidator(_duration)]
Zero = Annotated[str, AfterValidator(_zero)]
RuleLabelName = Annotated[Text, AfterValidator(_label_name)]
"""Prometheus takes any text as a label's name."""
RecordName = Annotated[Text, AfterValidator(_record_name)]
LabelName = Annotated[
    str, name_matching(r"(?!__)" + _WORD, "Use letters, digits and _; not __ in front.")
]
MetricName = Annotated[
    str, name_matching(_WORD, "Use letters, digits and _; colons are for recorded series.")
]
MetricType = Literal["gauge", "counter", "histogram", "summary"]


class Strict(BaseModel):
    """Refuses unknown fields and converts no value.

    `unsupported` maps fields that the format has, but that are refused, to what to write instead.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
    unsupported: ClassVar[Mapping[str, str]] = {}


class AlertFields(Strict):
    """The fields of an alerting rule, as its file states them."""

    alert: Text
    expr: Text
    for_: Duration = Field("0s", alias="for")
    keep_firing_for: Duration = "0s"
    labels: dict[RuleLabelName, str] = {}
    annotations: dict[Text, str] = {}


class RecordFields(Strict):
    """The fields of a recording rule, as its file states them.

    As in Prometheus, those that only alerts have may be there, but say nothing.
    """

    record: RecordName
    expr: Text
    for_: Zero = Field("0s", alias="for")
    keep_firing_for: Zero = "0s"
    labels: dict[RuleLabelName, str] = {}
    annotations: Annotated[dict[Text, str], AfterValidator(_no_annotations)] = {}


class Group(Strict):
    """A rule group; its rules are validated one by one, so that every problem is found.

    As in Prometheus, an interval of 0 is the server's own, and a limit below 1 limits nothing.
    """

    name: Text
    interval: Duration | None = None
    query_offset: Duration | None = None
    limit: Annotated[int, Field(ge=-(1 << 63), lt=1 << 63)] | None = None
    labels: dict[RuleLabelName, str] = {}
    rules: Annotated[list[Any], Field(min_length=1)]


class RuleFile(Strict):
    """A rule file; its groups are validated one by one."""

    groups: Annotated[list[Any], Field(min_length=1)]


def validate(
    model: type[_ModelT], data: object, place: Place, problems: Problems
) -> _ModelT | None:
    """`data` as an instance of `model`; if it is invalid, reports every problem, returns None."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        explained: set[str] = set()
        # Missing fields come last: a misspelled field explains why the right one is missing.
        details = error.errors(include_url=False)
        for detail in sorted(details, key=lambda detail: detail["type"] == "missing"):
            where = tuple(step for step in detail["loc"] if step != "[key]")
            if detail["type"] == "missing" and f"`{where[-1]}`" in explained:
                continue
            advice = ""
            if detail["type"] == "extra_forbidden":
                advice = _advice(_model_of(model, where), str(where[-1]))
                explained.add(advice.partition("Did you mean ")[2].removesuffix("?"))
            place.at(*where).report(problems, _explain(detail, where, advice))
    return None


def fields_of(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """The model's fields by their names in files."""
    return {info.alias or name: info for name, info in model.model_fields.items()}


def _model_of(model: type[BaseModel], where: Steps) -> type[BaseModel]:
    """The model that holds the last step of `where`."""
    for step in where[:-1]:
        fields = fields_of(model)
        inner = fields[step].annotation if step in fields else None
        # An optional field is a union with None.
        models = [one for one in (inner, *get_args(inner)) if _is_model(one)]
        if not models:
            break
        model = models[0]
    return model


def _is_model(annotation: object) -> TypeGuard[type[BaseModel]]:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _advice(model: type[BaseModel], field: str) -> str:
    """Why the model refuses a field, and what to write instead."""
    if issubclass(model, Strict) and field in model.unsupported:
        return f"is not supported. {model.unsupported[field]}"
    fields = [info.alias or name for name, info in model.model_fields.items()]
    advice = did_you_mean(field, fields, f"Use one of: {', '.join(fields)}.")
    return f"is an unknown field. {advice}"


def _explain(detail: Any, where: Steps, advice: str) -> str:
    kind = detail["type"]
    name = f"`{'.'.join(str(step) for step in where)}`" if where else "this value"
    match kind:
        case "missing":
            return f"{name} is missing. Add it."
        case "extra_forbidden":
            return f"{name} {advice}"
        case "value_error":
            return f"{name}: {detail['ctx']['error']}"
        case "string_type":
            return f"{name} must be text. Put it in quotes."
        case "list_type":
            return f"{name} must be a list. Write each item after `- `."
        case "model_type" | "dict_type":
            return f"{name} must be a mapping. Write `key: value`."
        case "too_short" | "string_too_short":
            return f"{name} is empty. Fill it in or remove it."
        case "int_type" | "int_from_float":
            return f"{name} must be an integer. Correct it."
        case "literal_error":
            return f"{name} must be {detail['ctx']['expected']}. Correct it."
        case _:
            message = detail["msg"].removeprefix("Input ").removesuffix("instance").strip()
            return f"{name} {message}. Correct it."
