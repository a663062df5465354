"""Property bags: conversion to Python data, secrets, unknown values, and comparison."""

from collections.abc import Iterator
from typing import Any

from google.protobuf import json_format
from google.protobuf.struct_pb2 import Struct

SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = "1b47061264138c4ac30d75fd1eb44270"
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""Markers of secrets and unknown values in Pulumi's wire format."""

Step = str | int
Path = tuple[Step, ...]


def load(bag: Struct) -> dict[str, Any]:
    """Convert a bag to Python data: secrets stay wrapped, null values in objects are dropped."""
    return _tidy(json_format.MessageToDict(bag))


def dump(values: dict[str, Any]) -> Struct:
    """The inverse of `load`."""
    return json_format.ParseDict(values, Struct())


def secret(value: Any) -> dict[str, Any]:
    """Mark a value as secret: the engine encrypts it in state and hides it in output."""
    return value if is_secret(value) else {SIGNATURE: SECRET, "value": value}


def is_secret(value: Any) -> bool:
    """Whether the value itself, not a part of it, is marked secret."""
    return isinstance(value, dict) and value.get(SIGNATURE) == SECRET


def plain(value: Any) -> Any:
    """Remove the secret marks from a value, at every depth."""
    if is_secret(value):
        return plain(value["value"])
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


def has_unknown(value: Any) -> bool:
    """Whether any part of a plain value is unknown."""
    if isinstance(value, dict):
        return any(map(has_unknown, value.values()))
    if isinstance(value, list):
        return any(map(has_unknown, value))
    return value == UNKNOWN


def differences(old: Any, new: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Compare two plain values: ADD, DELETE or UPDATE by the path of each differing leaf."""
    if isinstance(old, dict) and isinstance(new, dict):
        pairs = [(key, old.get(key), new.get(key)) for key in sorted({*old, *new})]
    elif isinstance(old, list) and isinstance(new, list):
        pairs = [(i, _at(old, i), _at(new, i)) for i in range(max(len(old), len(new)))]
    else:
        pairs = []
        if old != new or isinstance(old, bool) != isinstance(new, bool):
            yield path, "ADD" if old is None else "DELETE" if new is None else "UPDATE"
    for step, before, after in pairs:
        yield from differences(before, after, (*path, step))


def format_path(path: Path) -> str:
    """Format a path as Pulumi does: `spec.ports[0]`, `data["alerting_rules.yml"]`."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif any(mark in step for mark in '."[]'):
            escaped = step.replace('"', '\\"')
            text += f'["{escaped}"]'
        else:
            text += f".{step}" if text else step
    return text


def _at(items: list[Any], index: int) -> Any:
    return items[index] if index < len(items) else None


def _tidy(value: Any) -> Any:
    """Turn whole numbers into int: the wire format has only floats, but manifests need `9090`."""
    if isinstance(value, dict):
        return {key: _tidy(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_tidy(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value
