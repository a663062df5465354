"""Knows the time zones of the IANA database."""

from functools import cache
from importlib.resources import files


@cache
def time_zones() -> set[str]:
    """The names of the IANA database, which do not depend on this machine."""
    return {*files("tzdata").joinpath("zones").read_text(encoding="utf-8").split()}
