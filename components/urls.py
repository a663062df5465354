"""Paths and URLs in settings: what Go's package net/url parses, for the servers are written in Go.

Neither is a template: Alertmanager would execute {{...}} in the URL of its webhook, and Prometheus
in the annotation that links to a runbook.
"""

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator

from components.values import DOMAIN_NAME, matching

_BAD = r"\x00-\x20\x7f"
_CODE = "%[0-9A-Fa-f]{2}"
_REST = rf"(?:\?[^#{_BAD}]*)?(?:#(?:{_CODE}|[^%{_BAD}])*)?"
_PATH = rf"/(?:{_CODE}|[^%?#{_BAD}])*{_REST}"
_LOGIN = rf"(?:(?:{_CODE}|[\w.~!$&'()*+,;=:-])*@)?"
_HOST = r"(?:[\w-]+(?:\.[\w-]+)*\.?|\[[0-9a-fA-F:.]+\])(?::[0-9]+)?"
_HTTPS = rf"https://{_LOGIN}{_HOST}(?:{_PATH}|{_REST})"


def is_https_url(text: str) -> bool:
    """Whether the text is an https URL, with or without a login."""
    return re.fullmatch(_HTTPS, text) is not None and _has_possible_port(text)


def _has_possible_port(url: str) -> bool:
    try:
        return urlsplit(url).port != 0
    except ValueError:
        return False


def _sent_as_it_is(text: str) -> str:
    if " " in text:
        raise ValueError(f"`{text}` holds a blank. Write %20 instead.")
    if "#" in text:
        raise ValueError(f"`{text}` has a part from # on that is never sent. Remove it.")
    return text


def _whole_codes(text: str) -> str:
    if re.search(f"(?!{_CODE})%", re.sub(r"\Ahttps://[^/?#]*|\?[^#]*", "", text)):
        raise ValueError(f"`{text}` holds a % without two hexadecimal digits. Write %25.")
    return text


def _no_template(text: str) -> str:
    if "{{" in text:
        raise ValueError(f"`{text}` begins a template. Write it without braces.")
    return text


def _possible_port(url: str) -> str:
    if not _has_possible_port(url):
        raise ValueError(f"`{url}` has a port that does not exist. Correct it.")
    return url


POSSIBLE_PORT = AfterValidator(_possible_port)
"""A validator of URLs."""
_ENCODED = AfterValidator(_whole_codes)
_ABSOLUTE = matching(_PATH, "a path", "/ready")
Path = Annotated[str, AfterValidator(_sent_as_it_is), _ENCODED, _ABSOLUTE]
FixedPath = Annotated[
    str, AfterValidator(_no_template), AfterValidator(_sent_as_it_is), _ENCODED, _ABSOLUTE
]
HttpsUrl = Annotated[
    str,
    _ENCODED,
    matching(
        rf"https://{_HOST}(?:{_PATH}(?<!/))?",
        "an https URL without a login or / at its end",
        "https://example.com/runbooks",
    ),
    AfterValidator(_no_template),
    POSSIBLE_PORT,
]
ProbedUrl = Annotated[
    str,
    _ENCODED,
    matching(
        rf"https://{DOMAIN_NAME}(?::[0-9]+)?(?:(?=[!-~]*\Z){_PATH})?",
        "an https URL without credentials",
        "https://api.example.com/status",
    ),
    POSSIBLE_PORT,
]
