"""Silences are bounded, have a reason, name a known alert, and can be set repeatedly."""

import json
import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from ops.__main__ import main
from ops.alertmanager_api import Alertmanager
from ops.silences import (
    LONGEST,
    SilenceError,
    alert_matchers,
    expire_silences,
    parse_length,
    parse_reason,
    set_silence,
)
from tests.support.loopback import StubRequest, stub, unused_address
from tests.support.report.report_answers import NOW, rule_groups

HOURS = timedelta(hours=2)


@dataclass
class Fake:
    """An Alertmanager that keeps silences; `posted` is what it was sent."""

    silences: list[dict[str, Any]] = field(default_factory=list)
    posted: list[dict[str, Any]] = field(default_factory=list)

    def answer(self, method: str, path: str, body: Any) -> Any:
        if path.startswith("/api/v2/alerts"):
            return []
        if method == "POST":
            self.posted.append(body)
            made = {"id": body.get("id") or f"00000000-0000-0000-0000-{len(self.silences):012}"}
            made |= {**body, **made, "status": {"state": "active"}}
            self.silences = [one for one in self.silences if one["id"] != made["id"]] + [made]
            return {"silenceID": made["id"]}
        if method == "DELETE":
            gone = next(one for one in self.silences if path.endswith(one["id"]))
            gone["status"] = {"state": "expired"}
            return None
        return self.silences

    def request(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content) if request.content else None
        content = self.answer(request.method, request.url.path, body)
        return httpx.Response(200, json=content) if content is not None else httpx.Response(200)

    def seen(self, seen: StubRequest) -> tuple[int, bytes]:
        if seen.path == "/api/v1/rules":
            return 200, json.dumps({"data": {"groups": rule_groups()}}).encode()
        content = self.answer(seen.method, seen.path, seen.json)
        return 200, b"" if content is None else json.dumps(content).encode()


@pytest.fixture
def fake() -> Fake:
    return Fake()


@pytest.fixture
def alertmanager(fake: Fake) -> Iterator[Alertmanager]:
    transport = httpx.MockTransport(fake.request)
    with closing(Alertmanager("http://alertmanager", transport=transport)) as client:
        yield client


def make(client: Alertmanager, now: datetime = NOW, length: timedelta = HOURS, **labels: str):
    matchers = alert_matchers("TreatyNoRequests", labels)
    return set_silence(client, matchers, now=now, length=length, reason="soak test", author="ann")


def test_a_new_silence_has_a_start_an_end_a_reason_and_an_author(
    fake: Fake, alertmanager: Alertmanager
) -> None:
    assert make(alertmanager, treaty="A").verb == "created"
    (sent,) = fake.posted
    assert (
        datetime.fromisoformat(sent["endsAt"]) - datetime.fromisoformat(sent["startsAt"]) == HOURS
    )
    assert (sent["comment"], sent["createdBy"]) == ("soak test", "ann")
    assert {one["name"]: one["value"] for one in sent["matchers"]} == {
        "alertname": "TreatyNoRequests",
        "treaty": "A",
    }
    assert {(one["isRegex"], one["isEqual"]) for one in sent["matchers"]} == {(False, True)}


def test_repeating_a_silence_moves_its_end_only(fake: Fake, alertmanager: Alertmanager) -> None:
    first, again = make(alertmanager), make(alertmanager, now=NOW + HOURS / 2)
    assert (again.verb, again.id) == ("prolonged", first.id)
    (kept,) = fake.silences
    one, two = fake.posted
    assert {name for name in one if one[name] != two[name]} == {"endsAt"}
    assert kept["endsAt"] == (NOW + 1.5 * HOURS).isoformat()


def test_an_earlier_end_shortens_a_silence(alertmanager: Alertmanager) -> None:
    make(alertmanager)
    assert make(alertmanager, length=HOURS / 2).verb == "shortened"


def test_another_label_makes_another_silence(fake: Fake, alertmanager: Alertmanager) -> None:
    make(alertmanager, treaty="A")
    assert make(alertmanager, treaty="B").verb == "created"
    assert make(alertmanager).verb == "created"
    assert len(fake.silences) == 3


def test_a_silence_of_a_pattern_or_the_opposite_is_not_the_same(
    fake: Fake, alertmanager: Alertmanager
) -> None:
    make(alertmanager)
    for name, value in (("isRegex", True), ("isEqual", False)):
        fake.silences[-1]["matchers"] = [{**fake.silences[-1]["matchers"][0], name: value}]
        assert make(alertmanager).verb == "created"


def test_an_expired_silence_is_created_again(alertmanager: Alertmanager) -> None:
    first = make(alertmanager)
    assert [one.id for one in expire_silences(alertmanager, [first.id])] == [first.id]
    again = make(alertmanager)
    assert (again.verb, again.id == first.id) == ("created", False)


def test_expiring_twice_ends_nothing_more(alertmanager: Alertmanager) -> None:
    made = [make(alertmanager, treaty=treaty).id for treaty in ("A", "B")]
    assert [one.id for one in expire_silences(alertmanager, made)] == made
    assert expire_silences(alertmanager, made) == []


UNKNOWN = "12345678-1234-1234-1234-123456789012"


def test_an_unknown_id_is_refused_and_nothing_is_ended(
    fake: Fake, alertmanager: Alertmanager
) -> None:
    made = make(alertmanager)
    with pytest.raises(SilenceError, match=f"there is no silence '{UNKNOWN}'"):
        expire_silences(alertmanager, [made.id, UNKNOWN])
    assert [one["status"]["state"] for one in fake.silences] == ["active"]


def test_an_id_is_one_part_of_the_path() -> None:
    asked: list[bytes] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.raw_path)
        return httpx.Response(200)

    transport = httpx.MockTransport(answer)
    with closing(Alertmanager("http://alertmanager", transport=transport)) as client:
        client.expire_silence("../a?b#c/")
    assert asked == [b"/api/v2/silence/..%2Fa%3Fb%23c%2F"]


@pytest.mark.parametrize(("text", "hours"), [("2h", 2), ("90m", 1.5), ("1d12h", 36), ("7d", 168)])
def test_durations_are_read(text: str, hours: float) -> None:
    assert parse_length(text) == timedelta(hours=hours)


@pytest.mark.parametrize("text", ["", "2", "h", "2 h", "-2h", "2w", "0h", "59s", "8d", "9" * 30])
def test_other_durations_are_refused(text: str) -> None:
    with pytest.raises(SilenceError):
        parse_length(text)
    assert timedelta(days=7) == LONGEST


@pytest.mark.parametrize("text", ["", "  ", "todo", "TODO.", "tbd", "n/a", "-", "...", "ok"])
def test_a_placeholder_is_not_a_reason(text: str) -> None:
    with pytest.raises(SilenceError, match="is not a reason"):
        parse_reason(text)


def run(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str, str]:
    try:
        code = main(["silence", *map(str, arguments)])
    except SystemExit as end:
        assert isinstance(end.code, int)
        code = end.code
    captured = capsys.readouterr()
    return code, captured.out, captured.err


MADE = ("TreatyNoRequests", "--for", "2h", "--why", "soak test", "--label", "treaty=A")


def test_the_command_creates_lists_and_expires(
    fake: Fake, rendered: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with stub(fake.seen) as server:
        where = ("--alertmanager", server.url)
        code, out, _ = run(capsys, *MADE, *where, "--rendered", rendered)
        assert code == 0
        assert out.startswith('silenced alertname="TreatyNoRequests", treaty="A" until ')
        code, out, _ = run(capsys, *MADE, *where, "--prometheus", server.url)
        assert (code, out.split()[0]) == (0, "prolonged")
        code, out, _ = run(capsys, "--list", *where)
        assert (code, out.count("\n")) == (0, 1)
        assert re.search(r'^\S+  alertname="TreatyNoRequests".* active, .*: soak test$', out, re.M)
        silence_id = out.split()[0]
        for said in (f"expired {silence_id} alertname=", f"{silence_id} is over already"):
            code, out, _ = run(capsys, "--expire", silence_id.upper(), *where)
            assert (code, out.startswith(said)) == (0, True)
        code, out, error = run(capsys, "--expire", UNKNOWN, *where)
        assert (code, out, error.count("\n")) == (2, "", 1)


def test_a_silence_that_is_set_but_not_counted_says_so(
    fake: Fake, rendered: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def answer(seen: StubRequest) -> tuple[int, bytes]:
        return (500, b"") if seen.path.startswith("/api/v2/alerts") else fake.seen(seen)

    with stub(answer) as server:
        where = ("--alertmanager", server.url, "--rendered", rendered)
        code, out, error = run(capsys, *MADE, *where)
    (made,) = fake.silences
    assert code == 0
    assert out.endswith(f"alerts that it keeps quiet now: unknown ({made['id']})\n")
    assert error.startswith("the silence is set, but its alerts could not be counted: ")
    assert error.count("\n") == 1


def test_what_others_wrote_into_a_silence_moves_no_cursor(
    fake: Fake, alertmanager: Alertmanager, capsys: pytest.CaptureFixture[str]
) -> None:
    make(alertmanager, treaty='a"\x1b[2J\u202eb')
    fake.silences[0] |= {"comment": "c\x1b[1A\nd", "createdBy": "e\x9b2Jf"}
    odd = {**fake.silences[0], "endsAt": "292277026-12-04T15:30:07Z"}
    fake.silences.append(odd)
    with stub(fake.seen) as server:
        code, out, error = run(capsys, "--list", "--alertmanager", server.url)
    assert (code, out.count("\n")) == (0, 1)
    assert out.rstrip("\n").isprintable()
    assert "sent invalid items in its answer, left out (1): " in error


def test_an_alert_that_does_not_exist_is_refused_with_the_nearest(
    fake: Fake, rendered: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with stub(fake.seen) as server:
        for source in (("--prometheus", server.url), ("--rendered", rendered)):
            wrong = ("TreatyNoRequest", *MADE[1:], "--alertmanager", server.url, *source)
            code, _, error = run(capsys, *wrong)
            assert (code, error.count("\n")) == (2, 1)
            assert "Did you mean `TreatyNoRequests`?" in error
    assert fake.posted == []


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("TreatyNoRequests",),
        ("TreatyNoRequests", "--for", "2h"),
        ("TreatyNoRequests", "--why", "soak test"),
        ("TreatyNoRequests", "--for", "8d", "--why", "soak test"),
        ("TreatyNoRequests", "--for", "2h", "--why", "TODO"),
        ("TreatyNoRequests", "--list"),
        ("--list", "--expire", UNKNOWN),
        ("--expire", "TreatyNoRequests"),
        ("--expire", f"{UNKNOWN}/../x"),
        (*MADE, "--label", "treaty"),
        (*MADE, "--label", "alertname=Other"),
        (*MADE, "--rendered", "nowhere"),
        ("Watchdog", "--for", "2h", "--why", "too loud"),
    ],
)
def test_a_refused_command_is_one_line_and_code_2(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, error = run(capsys, *arguments)
    assert (code, out, error.count("\n")) == (2, "", 1)


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (("--label", "a=\udcff"), "argument --label: it is not UTF-8 text"),
        (("--why", "soak\udcff test"), "argument --why: it is not UTF-8 text"),
        (("--by", "\udcff"), "argument --by: it is not UTF-8 text"),
        (("--why", "soak \u202etest"), "argument --why: the text holds invisible characters"),
        (("--why", "soak \x1b[2Jtest"), "argument --why: the text holds invisible characters"),
        (("--by", "ann\u202e"), "argument --by: the name holds invisible characters"),
        (("--by", "\x1b[2Jann"), "argument --by: the name holds invisible characters"),
    ],
)
def test_text_that_nobody_can_read_is_not_sent(
    fake: Fake,
    rendered: Path,
    wrong: tuple[str, str],
    reason: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with stub(fake.seen) as server:
        known = ("--alertmanager", server.url, "--rendered", rendered)
        code, out, error = run(capsys, *MADE, *wrong, *known)
    assert (code, out, error.count("\n")) == (2, "", 1)
    assert reason in error
    assert server.requests == []


def test_a_reason_with_line_breaks_is_sent_as_one_line(
    fake: Fake, rendered: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with stub(fake.seen) as server:
        known = ("--alertmanager", server.url, "--rendered", rendered)
        code, *_ = run(capsys, *MADE, "--why", "soak\ntest", "--by", " ann\t", *known)
    assert code == 0
    assert (fake.posted[0]["comment"], fake.posted[0]["createdBy"]) == ("soak test", "ann")


@pytest.mark.parametrize("again", ["treaty=B", "treaty=A"])
def test_a_label_that_is_given_twice_is_refused(
    again: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, error = run(capsys, *MADE, "--label", again)
    assert (code, error.count("\n")) == (2, 1)
    assert "a --label is given twice" in error


@pytest.mark.parametrize(
    "arguments", [("--list",), ("--expire", UNKNOWN), ("--expire", UNKNOWN, "--label", "b=c")]
)
def test_labels_belong_to_a_new_silence(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, error = run(capsys, *arguments, "--label", "treaty=A")
    assert code == 2
    assert "--label belongs to a new silence" in error


@pytest.mark.parametrize("arguments", [(), ("--for", "2h"), ("--why", "soak test")])
def test_a_silence_without_end_or_reason_is_refused(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    _, _, error = run(capsys, "TreatyNoRequests", *arguments)
    assert "a silence needs an end and a reason. Add --for 2h --why TEXT." in error


def test_an_alertmanager_that_is_gone_is_one_line_and_code_1(
    rendered: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = ("--alertmanager", f"http://ann:hunter2@{unused_address()}")
    for arguments in (("--list",), (*MADE, "--rendered", rendered), ("--expire", UNKNOWN)):
        code, _, error = run(capsys, *arguments, *gone)
        assert (code, error.count("\n")) == (1, 1)
        assert "Alertmanager at http://127.0.0.1" in error
        assert "hunter2" not in error


def test_times_are_sent_with_their_zone(fake: Fake, alertmanager: Alertmanager) -> None:
    make(alertmanager, now=datetime.now(UTC))
    assert fake.posted[0]["startsAt"].endswith("+00:00")
