"""Addresses in a program's environment, and whether a policy lets the program reach them."""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from problems import did_you_mean

_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
_URL = re.compile(r"[a-z][a-z0-9+.-]*://[^\s\"'<>]+", re.IGNORECASE)
_BARE = re.compile(r"([A-Za-z][\w.-]*|[0-9]+(?:\.[0-9]+){3}|\[[0-9a-fA-F:.]+\]):([0-9]{2,5})")
"""An address without a scheme. It is a whole word, so that times and image names are none."""


@dataclass(frozen=True, kw_only=True)
class Address:
    """A host and a port that a program may connect to; None if the text does not name the port."""

    host: str
    port: int | None
    has_password: bool = False

    @property
    def is_own(self) -> bool:
        """Whether it is the pod itself, which needs no policy."""
        if self.host == "localhost":
            return True
        try:
            address = ip_address(self.host)
        except ValueError:
            return False
        return address.is_loopback or address.is_unspecified


@dataclass(frozen=True, kw_only=True)
class Target:
    """What a Service of the namespace leads to: its port, and its workload if it is one."""

    port: int
    workload: str | None


@dataclass(frozen=True, kw_only=True)
class Neighbourhood:
    """Everything that has a name in the namespace: its Services by name."""

    namespace: str
    services: Mapping[str, Target]

    def service(self, host: str) -> str | None:
        """The name of the Service that a host means in this namespace; None if it is outside.

        A name without a dot is always inside, whether there is such a Service or not.
        """
        parts = host.split(".")
        if len(parts) > 1 and parts[1] in self.services:
            # One pod of a headless Service.
            parts = parts[1:]
        inside = len(parts) == 1 or parts[1:] == [self.namespace]
        inside = inside or parts[1:3] == [self.namespace, "svc"]
        return parts[0] if inside else None


def check_address(
    address: Address,
    near: Neighbourhood,
    calls: Collection[str],
    outside: Collection[tuple[str, int]],
) -> str | None:
    """Why a program can't reach the address, and what to write instead; None if it can.

    `calls` are the workloads that it calls, `outside` the hosts and ports outside.
    """
    host, port = address.host, address.port
    if address.has_password:
        return "holds a password. Remove it, and give the program a file by `secrets`."
    if address.is_own:
        return None
    service = None if _is_number(host) else near.service(host)
    if service is None:
        return _check_outside(host, port, outside)
    target = near.services.get(service)
    if target is None:
        advice = did_you_mean(service, near.services, "Name a workload of the settings.")
        return f"the namespace has no Service `{service}`. {advice}"
    if target.workload is None:
        return f"`{service}` is a server of the platform, which only servers reach. Remove it."
    if target.workload not in calls:
        return f"no policy allows calls of {target.workload}. Add {target.workload} to `calls`."
    if port not in (None, target.port):
        return f"{service} listens on port {target.port}, not on {port}. Write {target.port}."
    return None


def _check_outside(host: str, port: int | None, outside: Collection[tuple[str, int]]) -> str | None:
    if any(host == known and port in (None, number) for known, number in outside):
        return None
    name = "destination" if _is_number(host) else host.split(".")[0]
    entry = f"outside: {{{name}: {{host: {host}, port: {port or 'PORT'}}}}}"
    return f"no policy allows connections to {host}:{port or 'PORT'}. Write `{entry}`."


def _is_number(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def find_addresses(text: str) -> Iterator[Address]:
    """Every URL and every word HOST:PORT in a text; in JSON, in all of its strings."""
    for string in _strings(text):
        for url in _URL.findall(string):
            if found := _from_url(url):
                yield found
        for word in re.split(r"[\s,;]+", string):
            if (match := _BARE.fullmatch(word)) and _is_host(match[1], int(match[2])):
                yield Address(host=match[1].strip("[]").lower(), port=int(match[2]))


def _is_host(name: str, port: int) -> bool:
    """Whether NAME:NUMBER is an address; `root:10` and `v1.2:30` are not."""
    return (port >= 1024 or port in (80, 443)) or ("." in name and name[-1].isalpha())


def _from_url(url: str) -> Address | None:
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme.lower())
    except ValueError:
        return None
    host = (parts.hostname or "").rstrip(".")
    if not re.fullmatch(r"[\w.:-]+", host):
        # Without a host, or with a variable in its place.
        return None
    return Address(host=host, port=port, has_password=parts.password is not None)


def _strings(text: str) -> Iterator[str]:
    try:
        value = json.loads(text)
    except ValueError:
        value = text
    yield from _leaves(value)


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _leaves(part)
