"""Failures to connect, by what caused them."""

from __future__ import annotations

import socket

import pytest
import requests

from tap_intercom_access.intercom.connection import Connection, is_unknown_host

URL = "https://api.intercom.ioo/admins"


def connection_error(url: str = URL) -> requests.RequestException:
    connection = Connection()
    with pytest.raises(requests.RequestException) as caught:
        connection.send("GET", url, timeout=5, on_limited=lambda _: None)
    return caught.value


@pytest.mark.parametrize("proxy", ["", "http://proxy.exampel:3128"])
@pytest.mark.parametrize(
    ("code", "unknown"), [(socket.EAI_NONAME, True), (socket.EAI_AGAIN, False)]
)
def test_only_a_host_that_does_not_exist_is_unknown(
    code: int, proxy: str, *, unknown: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise socket.gaierror(code, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    for variable in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(variable, proxy)
    for variable in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(variable, "")

    assert is_unknown_host(connection_error()) is unknown


def test_a_refused_connection_is_not_an_unknown_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "*")

    assert not is_unknown_host(connection_error("https://127.0.0.1:1"))


@pytest.mark.parametrize("proxy", ["user:geheim7@127.0.0.1:port", f"http://{'a' * 64}:1"])
def test_a_wrong_proxy_url_is_an_invalid_url(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(variable, proxy)
    for variable in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(variable, "")

    assert isinstance(connection_error(), requests.exceptions.InvalidURL)
