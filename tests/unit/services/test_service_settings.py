"""The settings and the logs that every service shares."""

import json
import logging
from typing import ClassVar

import pytest

from services.shell import (
    CommaList,
    ServerSettings,
    SettingsError,
    configure_logs,
    load_settings,
)


class PingSettings(ServerSettings):
    service: ClassVar[str] = "ping-pong"
    greeting: str = "hello"
    names: CommaList = ()
    seconds: float = 1


# Settings


def test_settings_come_from_the_environment() -> None:
    found = load_settings(
        PingSettings,
        {"PORT": "81", "POD_NAME": "p-1", "PING_PONG_NAMES": "a, b,", "GREETING": "none", "X": "y"},
    )
    assert (found.port, found.pod_name, found.names) == (81, "p-1", ("a", "b"))
    assert found.greeting == "hello"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PORT", "http"),
        ("PORT", "65536"),
        ("POD_NAME", "a b"),
        ("DRAIN_SECONDS", "11"),
        ("LOG_LEVEL", "loud"),
        ("PING_PONG_SECONDS", "s3cret"),
        ("PING_PONG_SECOND", "s3cret"),
        ("PING_PONG_PORT", "80"),
    ],
)
def test_a_wrong_setting_is_one_line_that_names_it_and_not_its_value(
    variable: str, value: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(PingSettings, {variable: value})
    assert str(caught.value).startswith(f"{variable}: ")
    assert "\n" not in str(caught.value)
    assert "s3cret" not in str(caught.value)


# Logs


def test_a_log_line_is_one_json_object_without_the_text_of_the_exception(
    capsys: pytest.CaptureFixture[str],
) -> None:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        configure_logs("ping", "info")
        log = logging.getLogger("test")
        log.debug("unseen")
        log.info("two\nlines", extra={"peer": "ψ"})
        try:
            raise RuntimeError("s3cret")
        except RuntimeError:
            log.exception("failed")
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
    text = capsys.readouterr().err
    first, second = map(json.loads, text.splitlines())
    assert list(first) == ["ts", "level", "service", "message", "fields"]
    assert (first["level"], first["service"], first["message"]) == ("info", "ping", "two\nlines")
    assert first["fields"] == {"peer": "ψ"}
    assert second["fields"]["error"] == "RuntimeError"
    assert __file__ in second["fields"]["at"][-1]
    assert "s3cret" not in text
