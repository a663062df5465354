"""The addresses that a service takes from its settings."""

import pytest

from services.fields import http_url


@pytest.mark.parametrize(
    "url", ["http://name", "https://name:8443/a/?b=c", "http://127.0.0.1:1", "http://[::1]:8000/"]
)
def test_a_url_is_taken_as_it_is(url: str) -> None:
    assert http_url(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "name:8000",
        "ftp://name",
        "http://",
        "http:///path",
        "http://name:port",
        "http://name:99999",
        "http://na me",
        "http://name\n",
        "http://user:password@name",
        "http://user@name",
    ],
)
def test_what_is_no_url_or_holds_a_secret_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="URL") as refusal:
        http_url(url)
    assert "password@" not in str(refusal.value)
