"""Paths and URLs in settings are those that Go's package net/url parses."""

import pytest
from pydantic import TypeAdapter, ValidationError

from components.urls import FixedPath, HttpsUrl, Path, ProbedUrl, is_https_url

PATHS = (
    *("/", "/health", "//a", "/a?b=%zz", "/a%20b", "/ünï", "/a:b;c", "/["),
    '/api/v1/query?query=up{job="psi-field"}',
)
NO_PATHS = ("", "a", "/%zz", "/%", "/%2", "/a b", "/a\x7f", "/a\x01", "/?a b", "/#", "/a\nb")
URLS = (
    *("https://a.example", "https://a.example:8443/b", "https://localhost/b?c#d"),
    *("https://192.0.2.1/b", "https://[2001:db8::1]:8443/b", "https://bücher.example/b"),
)
NO_URLS = (
    *("http://a.example", "https://", "https:///b", "https://a.example/%zz", "https://a b.example"),
    *("https://a.example:0/b", "https://a.example:65536/b", "https://a.example:x/b"),
    *("https://[::1/b", "https://a.example/b c", "https://a..b/c", "https://{{/b"),
)
ENDLESS = "https://a.example/b/"


def accepts(kind: object, text: str) -> bool:
    try:
        TypeAdapter(kind).validate_python(text)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize("path", PATHS)
def test_a_path_that_go_parses_is_accepted(path: str) -> None:
    assert accepts(Path, path)
    assert accepts(FixedPath, path)


@pytest.mark.parametrize("path", NO_PATHS)
def test_a_path_that_go_does_not_parse_is_refused(path: str) -> None:
    assert not accepts(Path, path)


@pytest.mark.parametrize(
    ("kind", "text"),
    [(Path, "/100%"), (FixedPath, "/%z2"), (HttpsUrl, "https://a.example/%zz#a")],
)
def test_a_percent_sign_is_written_as_its_code(kind: object, text: str) -> None:
    with pytest.raises(ValidationError, match=r"holds a % without two .* digits\. Write %25\."):
        TypeAdapter(kind).validate_python(text)
    assert accepts(kind, text.replace("%", "%25"))


@pytest.mark.parametrize("url", URLS)
def test_a_url_that_go_parses_is_accepted(url: str) -> None:
    assert accepts(HttpsUrl, url)
    assert is_https_url(url)


@pytest.mark.parametrize("url", NO_URLS)
def test_a_url_that_go_does_not_parse_is_refused(url: str) -> None:
    assert not accepts(HttpsUrl, url)
    assert not accepts(ProbedUrl, url)
    assert not is_https_url(url)


def test_a_login_is_for_secrets_alone() -> None:
    url = "https://user:p%40ss@a.example/b"
    assert is_https_url(url)
    assert not accepts(HttpsUrl, url)
    assert not accepts(ProbedUrl, url)


def test_a_url_that_a_page_is_appended_to_has_no_slash_at_its_end() -> None:
    assert is_https_url(ENDLESS)
    assert accepts(ProbedUrl, ENDLESS)
    assert not accepts(HttpsUrl, ENDLESS)


def test_what_a_server_would_execute_as_a_template_is_refused() -> None:
    assert accepts(Path, "/{{")
    with pytest.raises(ValidationError, match=r"begins a template\. Write it"):
        TypeAdapter(FixedPath).validate_python("/{{")
    with pytest.raises(ValidationError, match=r"begins a template\. Write it"):
        TypeAdapter(HttpsUrl).validate_python("https://a.example/{{")
