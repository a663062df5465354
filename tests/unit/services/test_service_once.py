"""A program that does its work once ends with a code that says what came of it."""

import subprocess
import sys

import pytest

from tests.support.series import ROOT


@pytest.mark.parametrize("service", ["feeder", "heartbeat"])
def test_wrong_settings_end_it_before_its_work_with_code_2_and_one_line(service: str) -> None:
    variable = f"{service.upper()}_TARGET"
    done = subprocess.run(
        [sys.executable, "-m", f"services.{service}"],
        cwd=ROOT,
        env={variable: "no address"},
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"{service}: {variable}: ") and done.stderr.count("\n") == 1
