"""Pydantic's complaints as one line for the person who has to mend the input."""

from collections.abc import Callable

from pydantic import ValidationError

_LONGEST = 300


def one_line(error: ValidationError, name: Callable[[str], str] = str) -> str:
    """The first complaint as `field: reason`, and how many more there are; never the input itself.

    `name` turns the first part of the field's path into the name that the reader knows it by.
    """
    first, *others = error.errors(include_url=False, include_context=False, include_input=False)
    head, *rest = [str(part) for part in first["loc"]] or [""]
    place = ".".join([name(head), *rest]) if head else ""
    text = f"{place}: {first['msg']}" if place else first["msg"]
    if len(text) > _LONGEST:
        text = f"{text[:_LONGEST]}..."
    text = " ".join(text.split())
    return f"{text} (and {len(others)} more)" if others else text
