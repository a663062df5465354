"""Command-line parsing: an error is one line on stderr and exit code 2."""

import argparse
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit

import httpx

from problems import one_line

_LOGIN = re.compile(r":\S*@|^\s*(\w+:|[/\\])[/\\].*@", re.DOTALL)
"""What a user and password before a host look like, percent-encoded or not."""
_IGNORED = re.compile(r"ignored explicit argument .*", re.DOTALL)


class Parser(argparse.ArgumentParser):
    """A parser that reports an error in one line, without the usage text.

    The line repeats no argument that may be an address: nobody knows which part is a password. Only
    options with the type `server_address` take one with a password, so no other can show it.
    """

    _given: Sequence[str] = ()

    def parse_known_args(  # pyright: ignore[reportIncompatibleMethodOverride] - all overloads
        self, args: Any = None, namespace: Any = None
    ) -> Any:
        """Parse the arguments, and remember them for `error`."""
        self._given = sys.argv[1:] if args is None else list(args)
        return super().parse_known_args(args, namespace)

    def _get_value(self, action: argparse.Action, arg_string: str) -> Any:
        """The value of an argument; each of every option and command passes here."""
        if action.type is not server_address:
            if _LOGIN.search(arg_string):
                raise argparse.ArgumentError(
                    action,
                    "it may hold a password. Leave out what stands before the @: only"
                    " options that take the URL of a server take a user and password.",
                )
            if action.type is not Path and not _is_text(arg_string):
                raise argparse.ArgumentError(action, "it is not UTF-8 text. Write it again.")
        return super()._get_value(action, arg_string)

    def error(self, message: str) -> NoReturn:
        """Print the error and exit with code 2."""
        message = _IGNORED.sub("it takes no value", message)
        parts = {part for given in self._given for part in (given, given.partition("=")[2])}
        for part in sorted(parts, key=len, reverse=True):
            if "@" in part or ":" in part:
                for form in (repr(part), part, str(Path(part))):
                    message = message.replace(form, "(an address)")
        text = one_line(message)
        end = "" if text.endswith((".", "?")) else "."
        sys.stderr.write(f"error: {self.prog}: {text}{end} --help lists the options.\n")
        raise SystemExit(2)


def _is_text(text: str) -> bool:
    """Whether the bytes of the argument were UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_server_address(text: str) -> bool:
    """Whether this is a URL with http or https, a host, and optionally port, user and path."""
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname)
        usable = usable and not (parts.query or parts.fragment or parts.port == 0)
        # A password with a slash ends the host early, and the rest of it would be a path.
        usable = usable and "@" not in parts.path
        # What httpx and the resolver do with the name, to refuse here what they would refuse.
        httpx.URL(text).raw_host.decode().encode("idna")
    except (ValueError, httpx.InvalidURL):
        return False
    return usable and text.isprintable() and " " not in text


def server_address(text: str) -> str:
    """Validate the URL of an API; see `is_server_address`."""
    if not is_server_address(text):
        raise argparse.ArgumentTypeError(
            "it is not the address of a server. Write http://HOST:PORT, and a user or password"
            " percent-encoded before HOST."
        )
    return text.rstrip("/")


def loopback_network(text: str) -> str:
    """Validate the first three octets of a loopback network: 127.X.Y."""
    first, *others = text.split(".")
    numbers = [int(part) for part in others if part.isascii() and part.isdecimal()]
    if first != "127" or len(numbers) != 2 or len(others) != 2 or max(numbers) > 255:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a part of loopback. Write three numbers such as 127.0.80."
        )
    return text


def whole_number(lowest: int, highest: int) -> Callable[[str], int]:
    """An argument type: a whole number from `lowest` to `highest`."""

    def parse(text: str) -> int:
        # The length bounds the work of int().
        digits = text.isascii() and text.isdecimal() and len(text) < 20
        if not digits or not lowest <= int(text) <= highest:
            raise argparse.ArgumentTypeError(
                f"{text!r} is not a whole number from {lowest} to {highest}."
            )
        return int(text)

    return parse
