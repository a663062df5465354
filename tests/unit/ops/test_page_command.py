"""`python -m ops test-page` sends one test page, and says what its answer means."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from ops.__main__ import main
from ops.http_api import ApiError
from ops.verify import page_command
from ops.verify.rows import Row, judge


class Platform:
    """A platform whose channels take the test page, or don't."""

    def __init__(self, problems: Sequence[str | None]) -> None:
        self.problems, self.senders = problems, list[str]()

    def page(self, sender: str) -> list[Row]:
        self.senders.append(sender)
        return [
            judge("test page", f"way {n}", "took it", problem, "look")
            for n, problem in enumerate(self.problems)
        ]


@pytest.fixture
def open_platform(monkeypatch: pytest.MonkeyPatch) -> list[Platform]:
    platforms: list[Platform] = []

    @contextmanager
    def opened(_: object) -> Iterator[Platform]:
        if not platforms:
            raise ApiError("the cluster can't be reached")
        yield platforms[0]

    monkeypatch.setattr(page_command, "open_platform", opened)
    return platforms


@pytest.mark.parametrize(
    ("problems", "code", "told"),
    [
        ([None, None], 0, "whether a phone rang"),
        ([None, "0 of 1 were taken"], 1, "0 of 1 were taken"),
    ],
)
def test_a_line_for_each_channel_says_whether_it_took_the_page(
    problems: list[str | None],
    code: int,
    told: str,
    open_platform: list[Platform],
    capsys: pytest.CaptureFixture[str],
) -> None:
    open_platform.append(Platform(problems))
    assert main(["test-page", "--live"]) == code
    shown = capsys.readouterr().out
    assert "way 0" in shown and "way 1" in shown and told in shown
    assert len(open_platform[0].senders) == 1


def test_a_platform_that_can_t_be_asked_is_told_apart(
    open_platform: list[Platform], capsys: pytest.CaptureFixture[str]
) -> None:
    assert not open_platform
    assert main(["test-page", "--stack", "staging"]) == 2
    assert capsys.readouterr().err == "error: the cluster can't be reached\n"
