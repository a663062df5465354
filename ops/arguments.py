"""Command lines: a wrong one is one line on stderr and exit code 2."""

import argparse
import re
import sys
from typing import NoReturn
from urllib.parse import urlsplit

_USERINFO = re.compile(r"(?<=://)[^/\s?#]*@")


class Parser(argparse.ArgumentParser):
    """A parser that says what is wrong in one line, without the usage around it."""

    def error(self, message: str) -> NoReturn:
        """End with code 2."""
        sys.stderr.write(f"error: {self.prog}: {shown(message)}; --help lists what it takes\n")
        raise SystemExit(2)


def address(text: str) -> str:
    """The address of an API: http or https, a host, perhaps a port, user and path prefix."""
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname)
        usable = usable and not (parts.query or parts.fragment or parts.port == 0)
    except ValueError:
        usable = False
    if not usable or re.search(r"\s|[\x00-\x1f]", text):
        raise argparse.ArgumentTypeError(
            f"{text!r} is no address of a server: write it as http://HOST:PORT"
        )
    return text.rstrip("/")


def shown(text: str) -> str:
    """Text without the user and password of any address in it."""
    return _USERINFO.sub("", text)
