"""The clients of Prometheus and Alertmanager, with servers that are broken, slow or gone."""

import contextlib
import gzip
import itertools
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing

import httpx
import pytest

from ops.alertmanager_api import Alertmanager, Matcher
from ops.http_api import MAX_BYTES, ApiError, Deadline
from ops.prometheus_api import Prometheus
from tests.support.loopback import stub, unused_address

SECRET = "hunter2"
Answer = Callable[[httpx.Request], httpx.Response]


def error_message(answer: Answer, **options: object) -> str:
    """The error of the client that asks for the rules and gets this answer."""
    address = f"http://user:{SECRET}@prometheus:9090"
    transport = httpx.MockTransport(answer)
    with (
        closing(Prometheus(address, transport=transport, **options)) as prometheus,
        pytest.raises(ApiError) as error,
    ):
        prometheus.rules()
    text = str(error.value)
    assert "\n" not in text
    assert text.startswith("Prometheus at http://prometheus:9090 ")
    assert SECRET not in text
    return text


def refuse(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError(f"no way to http://user:{SECRET}@prometheus", request=request)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (refuse, "can't be reached"),
        (lambda _: httpx.Response(503, text="<h1>busy</h1>"), "HTTP 503"),
        (lambda _: httpx.Response(302, headers={"location": "http://elsewhere"}), "HTTP 302"),
        (lambda _: httpx.Response(400, json={"error": "bad\nquery"}), "HTTP 400: bad query"),
        (lambda _: httpx.Response(200, text="<html>log in</html>"), "with JSON"),
        (lambda _: httpx.Response(200, text="[" * 100_000), "with JSON"),
        (lambda _: httpx.Response(200, text=""), "has no data"),
        (lambda _: httpx.Response(200, json={"data": []}), "has no groups"),
        (
            lambda _: httpx.Response(200, json={"data": {"groups": [{"name": 1}]}}),
            "unexpected answer: name",
        ),
    ],
)
def test_an_unusable_answer_is_reported_in_one_line_that_names_the_server(
    answer: Answer, expected: str
) -> None:
    assert expected in error_message(answer)


def test_a_trickling_answer_is_given_up_at_the_deadline() -> None:
    clock = itertools.count(0, 4)

    def trickle() -> Iterator[bytes]:
        while True:
            yield b" "

    text = error_message(
        lambda _: httpx.Response(200, content=trickle()), timeout=10, clock=lambda: next(clock)
    )
    assert "no answer within 10 s" in text


def test_an_endless_answer_is_given_up_at_the_largest_size() -> None:
    piece = b" " * (MAX_BYTES // 4)

    def endless() -> Iterator[bytes]:
        while True:
            yield piece

    assert "more than 32 MiB" in error_message(lambda _: httpx.Response(200, content=endless()))


def test_an_answer_that_would_unpack_to_gigabytes_is_not_read() -> None:
    asked: list[httpx.Request] = []
    read: list[bytes] = []
    bomb = gzip.compress(gzip.compress(bytes(2 * MAX_BYTES)))
    assert len(bomb) < 1000

    def pieces() -> Iterator[bytes]:
        read.append(bomb)
        yield bomb

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, content=pieces(), headers={"content-encoding": "gzip, gzip"})

    text = error_message(answer)
    assert text.endswith("answered /api/v1/rules compressed, which was not asked for")
    assert asked[0].headers.get_list("accept-encoding") == ["identity"]
    assert read == []


def test_a_reason_is_shortened_without_showing_half_of_an_address() -> None:
    reason = f"{'x ' * 90}http://user:{SECRET}{'p' * 200}@host"
    assert "http://host" in error_message(lambda _: httpx.Response(400, json={"error": reason}))


def test_a_server_that_hangs_is_asked_once() -> None:
    with stub() as server:
        server.answer = server.hang
        with closing(Prometheus(server.url, timeout=0.2)) as prometheus:
            for _ in range(3):
                with pytest.raises(ApiError, match=r"no answer within 0\.2 s"):
                    prometheus.targets()
        assert len(server.requests) == 1


@pytest.mark.parametrize("piece", [b"H", b"HTTP/1.1 200 OK\r\nA: b\r\n"])
def test_headers_that_trickle_do_not_hold_the_client(piece: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        done = threading.Event()

        def trickle() -> None:
            connection, _ = server.accept()
            with connection, contextlib.suppress(OSError):
                connection.sendall(piece)
                while not done.wait(0.02):
                    connection.sendall(b"x")

        thread = threading.Thread(target=trickle)
        thread.start()
        try:
            address = f"http://127.0.0.1:{server.getsockname()[1]}"
            with (
                closing(Prometheus(address, timeout=0.2)) as prometheus,
                pytest.raises(ApiError, match=r"no answer within 0\.2 s"),
            ):
                prometheus.rules()
        finally:
            done.set()
            thread.join()


def test_a_server_is_not_asked_after_the_deadline_of_all() -> None:
    clock = iter([0.0, 4.0, 11.0]).__next__
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        return httpx.Response(200, json={"data": {"groups": []}})

    deadline = Deadline(10, clock)
    transport = httpx.MockTransport(answer)
    with closing(Prometheus("http://a", deadline=deadline, transport=transport)) as prometheus:
        assert prometheus.rules() == []
        with pytest.raises(ApiError, match="not asked: the 10 s for all requests are over"):
            prometheus.rules()
    assert len(asked) == 1


def test_a_server_that_does_not_listen_is_reported() -> None:
    with (
        closing(Alertmanager(f"http://{unused_address()}")) as alertmanager,
        pytest.raises(ApiError, match=r"can't be reached: .*refused"),
    ):
        alertmanager.silences()


def test_the_user_and_path_of_the_address_are_sent() -> None:
    seen = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={"data": {"groups": []}})

    transport = httpx.MockTransport(answer)
    with closing(Prometheus("http://user:pw@prometheus/prom", transport=transport)) as prometheus:
        assert prometheus.rules() == []
    assert seen[0].url.path == "/prom/api/v1/rules"
    assert seen[0].headers["authorization"].startswith("Basic ")


def test_user_and_password_in_an_answer_are_dropped() -> None:
    target = {
        "labels": {"job": "a"},
        "health": "down",
        "lastError": f"Get http://user:{SECRET}@10.0.0.1/metrics: refused",
        "lastScrape": "0001-01-01T00:00:00Z",
    }
    answer = httpx.Response(200, json={"data": {"activeTargets": [target]}})
    transport = httpx.MockTransport(lambda _: answer)
    with closing(Prometheus("http://prometheus", transport=transport)) as prometheus:
        assert prometheus.targets()[0].last_error == "Get http://10.0.0.1/metrics: refused"


def test_an_error_of_a_server_is_one_printable_line() -> None:
    text = error_message(lambda _: httpx.Response(400, json={"error": "a\x1b[2J\u202eb\nc"}))
    assert text.endswith(r"HTTP 400: a\x1b[2J\u202eb c")
    assert text.isprintable()


def test_a_lone_surrogate_in_an_answer_is_replaced() -> None:
    answer = httpx.Response(200, content=rb'{"data": {"version": "3\ud800"}}')
    transport = httpx.MockTransport(lambda _: answer)
    with closing(Prometheus("http://prometheus", transport=transport)) as prometheus:
        assert prometheus.version() == "3\N{REPLACEMENT CHARACTER}"


def test_an_address_beside_an_e_mail_stays_as_it_is() -> None:
    silence = {
        "id": "1",
        "matchers": [{"name": "alertname", "value": "A", "isRegex": False, "isEqual": True}],
        "comment": "incident https://status.example.com",
        "createdBy": "ann@example.com",
        "startsAt": "2025-10-23T12:00:00Z",
        "endsAt": "2025-10-23T14:00:00Z",
        "status": {"state": "active"},
    }
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json=[silence]))
    with closing(Alertmanager("http://alertmanager", transport=transport)) as alertmanager:
        (found,) = alertmanager.silences()
    assert found.comment == "incident https://status.example.com"


def test_a_label_in_a_filter_is_quoted() -> None:
    seen = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.url.params.get_list("filter"))
        return httpx.Response(200, json=[])

    transport = httpx.MockTransport(answer)
    with closing(Alertmanager("http://alertmanager", transport=transport)) as alertmanager:
        alertmanager.alerts([Matcher(name="pod", value='a"b\\c')])
    assert seen == [['pod="a\\"b\\\\c"']]


@pytest.mark.parametrize(
    ("is_regex", "is_equal", "text"),
    [
        (False, True, 'pod="a"'),
        (False, False, 'pod!="a"'),
        (True, True, 'pod=~"a"'),
        (True, False, 'pod!~"a"'),
    ],
)
def test_a_matcher_reads_as_in_promql(is_regex: bool, is_equal: bool, text: str) -> None:
    assert str(Matcher(name="pod", value="a", is_regex=is_regex, is_equal=is_equal)) == text
