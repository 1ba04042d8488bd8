"""Certificates and proxies."""

import datetime as dt
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from tap_intercom_access.sandbox.demo import demo
from tap_intercom_access.sandbox.server import Sandbox
from tests.tap import sync

pytestmark = pytest.mark.slow

DEBUG = {"TAP_INTERCOM_ACCESS_LOGLEVEL": "DEBUG"}
NO_BUNDLE = {"REQUESTS_CA_BUNDLE": "", "CURL_CA_BUNDLE": ""}


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def bundle(authority: trustme.CA, tmp_path: Path) -> str:
    """The path of the authority's certificate."""
    path = str(tmp_path / "bundle.pem")
    authority.cert_pem.write_to_path(path)
    return path


def context_for(authority: trustme.CA, host: str, **dates: Any) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(host, **dates).configure_cert(context)
    return context


@pytest.fixture
def encrypted(authority: trustme.CA) -> Iterator[Sandbox]:
    """A sandbox whose certificate is signed by a private authority."""
    with Sandbox(demo(), tls=context_for(authority, "127.0.0.1")) as server:
        yield server


@pytest.mark.parametrize("variable", NO_BUNDLE)
def test_a_private_authority_is_trusted_through_the_usual_variable(
    variable: str, encrypted: Sandbox, bundle: str
) -> None:
    assert sync(encrypted, **(NO_BUNDLE | {variable: bundle})).error == ""
    assert encrypted.journal.requests == ["GET /admins", "GET /teams"]


def test_an_unknown_authority_is_refused(encrypted: Sandbox) -> None:
    run = sync(encrypted, **NO_BUNDLE)

    assert "certificate verify failed" in run.error
    assert "set REQUESTS_CA_BUNDLE" in run.error
    assert "retrying" not in run.stderr
    assert encrypted.journal.requests == []


NOW = dt.datetime.now(dt.timezone.utc)
DAY = dt.timedelta(days=1)


@pytest.mark.parametrize(
    ("host", "dates", "problem"),
    [
        ("127.0.0.1", {"not_after": NOW - DAY}, "certificate has expired"),
        ("127.0.0.1", {"not_before": NOW + DAY}, "is not yet valid"),
        ("other.example", {}, "mismatch"),
    ],
    ids=["expired", "not yet valid", "another name"],
)
def test_an_invalid_certificate_is_reported_without_a_retry(
    host: str, dates: dict[str, Any], problem: str, authority: trustme.CA, bundle: str
) -> None:
    with Sandbox(demo(), tls=context_for(authority, host, **dates)) as server:
        run = sync(server, REQUESTS_CA_BUNDLE=bundle)

    assert "certificate verify failed: " in run.error
    assert problem in run.error
    assert "If it is for another host, check base_url" in run.error
    assert "retrying" not in run.stderr


def test_the_error_names_a_missing_bundle(encrypted: Sandbox) -> None:
    error = sync(encrypted, REQUESTS_CA_BUNDLE="/no/bundle.pem").error

    assert f"GET {encrypted.base_url}/admins failed: " in error
    assert "/no/bundle.pem" in error


def test_a_proxy_is_used(encrypted: Sandbox, bundle: str, tmp_path: Path) -> None:
    port = tmp_path / "port"
    command = [sys.executable, "-m", "proxy", "--hostname=127.0.0.1", "--port=0"]
    with subprocess.Popen(
        [*command, f"--port-file={port}", "--num-workers=1", "--num-acceptors=1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    ) as proxy:
        while not port.exists() or not port.read_text():
            time.sleep(0.05)
        url = f"http://127.0.0.1:{port.read_text().strip()}"
        run = sync(encrypted, HTTPS_PROXY=url, NO_PROXY="", REQUESTS_CA_BUNDLE=bundle, **DEBUG)
        proxy.send_signal(signal.SIGINT)
        log, _ = proxy.communicate(timeout=60)

    assert run.error == ""
    assert f"CONNECT {encrypted.base_url.removeprefix('https://')}" in log
    assert encrypted.token not in run.stderr


@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"])
def test_plain_http_does_not_use_a_proxy(variable: str, sandbox: Sandbox) -> None:
    with Sandbox(demo()) as proxy:
        run = sync(sandbox, **{variable: proxy.base_url, "NO_PROXY": "", "no_proxy": ""})

    assert run.error == ""
    assert proxy.journal.requests == []


@pytest.mark.parametrize(
    "url",
    [
        "http://user:geheim77@127.0.0.1:port",
        "http://user:geheim77@[::1:3128",
        "http://user:ge/heim77777@127.0.0.1:1",
        "http://user:heim7 7 7@127.0.0.1:1",
        "user:geheim77@127.0.0.1:port",
        "ftp://user:geheim77@127.0.0.1:1",
        f"http://user:geheim77@{'a' * 64}:1",
        "http://user:heim77777/x@127.0.0.1:1",
        "http://user:geheim77@",
        "http://user:geheim[77@127.0.0.1:1",
    ],
)
def test_the_password_of_an_unusable_proxy_is_not_printed(url: str, encrypted: Sandbox) -> None:
    run = sync(
        encrypted, HTTPS_PROXY=url, https_proxy=url, NO_PROXY="", no_proxy="", request_timeout=1
    )

    assert "proxy variables such as HTTPS_PROXY, which have the form http://HOST:PORT" in run.error
    assert "heim7" not in run.stderr
