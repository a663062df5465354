"""Running a program that does its work once and ends, as a CronJob's does."""

import asyncio
import os
import sys
from collections.abc import Callable, Coroutine
from typing import Any, NoReturn, TypeVar

from services.shell.logs import configure_logs
from services.shell.settings import Settings, SettingsError, load_settings

M = TypeVar("M", bound=Settings)


def run_once(model: type[M], work: Callable[[M], Coroutine[Any, Any, bool]]) -> NoReturn:
    """Do the work once, under the settings in the environment, then end the process.

    Exit codes: 0 when `work` says that it came out, 1 when it did not, 2 with one line on stderr
    when the settings are wrong.
    """
    try:
        settings = load_settings(model, os.environ)
    except SettingsError as error:
        sys.stderr.write(f"{model.service}: {error}\n")
        sys.exit(2)
    configure_logs(model.service, settings.log_level)
    sys.exit(0 if asyncio.run(work(settings)) else 1)
