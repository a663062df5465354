"""Reads a process's memory from the text of `/proc/PID/status`."""

PEAK = "VmHWM"
"""The largest resident set of this program so far. Unlike that of getrusage, it leaves out what the
process was before its exec."""
OWN = "RssAnon"
"""The resident memory that is of no file."""


def memory_bytes(status: str, field: str) -> int | None:
    """The bytes of a field; None if the process has ended and nobody has waited for it."""
    _, found, rest = status.partition(f"{field}:")
    return int(rest.split()[0]) * 1024 if found else None
