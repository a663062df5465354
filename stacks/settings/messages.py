"""Messages for invalid values: "what is wrong. What to write instead."."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from components.values import EMPTY, WrongKeysError
from problems import did_you_mean

Path = Sequence[int | str]


def explain(
    model: type[BaseModel], error: ValidationError, *, file: str
) -> Iterator[tuple[Path, str]]:
    """(path, message) for each wrong key; messages tell to set missing keys in `file`.

    A missing key is left out where a misspelled key beside it explains why it is missing.
    """
    details = error.errors(include_url=False)
    unknown = [detail["loc"] for detail in details if detail["type"] == "extra_forbidden"]
    for detail in details:
        path = [step for step in detail["loc"] if step != "[key]"]
        original = detail.get("ctx", {}).get("error")
        match detail["type"]:
            case "extra_forbidden":
                known = _keys_beside(model, detail["loc"])
                yield path, unknown_key_message(str(path[-1]), known)
            case "missing" if _is_misspelled(detail["loc"], unknown):
                pass
            case "missing":
                yield path, f"missing. Set it in {file}."
            case "value_error" if isinstance(original, WrongKeysError):
                for key, text in original.found.items():
                    yield [*path, *key.split(".")], text
            case "value_error":
                yield path, str(original)
            case kind:
                yield (
                    path,
                    _mismatch_message(kind, detail["input"], detail.get("ctx", {}), detail["msg"]),
                )


def _is_misspelled(missing: Path, unknown: Sequence[Path]) -> bool:
    """Whether one of the unknown keys beside a missing key is close to it."""
    *parent, key = missing
    beside = (other[-1] for other in unknown if list(other[:-1]) == parent)
    return any(did_you_mean(str(other), [str(key)]) for other in beside)


def unknown_key_message(key: str, known: Sequence[str]) -> str:
    """The message for a key that is not one of `known`."""
    return f"unknown key. {did_you_mean(key, known, 'Remove it or correct it.')}"


def _mismatch_message(kind: str, value: Any, context: dict[str, Any], message: str) -> str:
    """The message for a value of a wrong type or size; the parameters are pydantic's details."""
    shown = f"`{value if isinstance(value, str) else json.dumps(value, default=str)}`"
    match kind:
        case "string_type":
            return f"{shown} is not text. Put it in quotes."
        case "int_type" | "int_parsing" | "int_from_float":
            return f"{shown} is not a whole number. Write one such as 2."
        case "float_type" | "float_parsing":
            return f"{shown} is not a number. Write one such as 0.5."
        case "bool_type" | "bool_parsing":
            return f"{shown} is neither true nor false. Write one of them."
        case "greater_than":
            return f"{shown} is too small. Write more than {context['gt']:g}."
        case "greater_than_equal":
            return f"{shown} is too small. Write {context['ge']:g} or more."
        case "less_than_equal":
            return f"{shown} is too large. Write {context['le']} or less."
        case "too_short":
            return EMPTY
        case "string_too_short":
            return "empty. Write some text."
        case "literal_error":
            return f"{shown} is not allowed here. Write {context['expected']}."
        case "tuple_type":
            return f"{shown} is not a list. Write [a, b]."
        case "dict_type" | "model_type":
            return f"{shown} is not a mapping. Write `key: value` lines below the key."
        case _:
            return f"{shown} does not fit: {message[0].lower()}{message[1:]}. Correct it."


def _keys_beside(model: type[BaseModel], location: Path) -> list[str]:
    """The allowed keys of the mapping that holds the key at `location`."""
    schema: Any = model.model_json_schema(by_alias=True)
    definitions = schema.get("$defs", {})
    for step in location[:-1]:
        others = schema.get("items", schema.get("additionalProperties", {}))
        schema = schema.get("properties", {}).get(step, others)
        optional = [option for option in schema.get("anyOf", ()) if "$ref" in option]
        reference = schema.get("$ref") or (optional[0]["$ref"] if optional else None)
        if reference:
            schema = definitions[reference.rsplit("/", 1)[-1]]
    return list(schema.get("properties", {}))
