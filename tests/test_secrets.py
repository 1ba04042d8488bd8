"""The token is nowhere but in the requests to Intercom, and these go where the user says."""

from __future__ import annotations

import datetime as dt
import json
import signal
import ssl
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
import trustme

from tap_intercom_access.sandbox.demo import demo
from tap_intercom_access.sandbox.server import Sandbox
from tests import faults
from tests.tap import Result, run_tap, sync

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tap_intercom_access.sandbox.server import Fault

pytestmark = pytest.mark.slow

TOKEN = "dG9rOmFiY2RlZi0xMjM0NTYvNzg5MGdoaWprbG1ub3A="  # noqa: S105 (opens nothing)
PIECE = 5
DEBUG = {"TAP_INTERCOM_ACCESS_LOGLEVEL": "DEBUG"}


class Secretive(Sandbox):
    """Has a token whose pieces stand in no other text."""

    token = TOKEN


@pytest.fixture
def secretive() -> Iterator[Sandbox]:
    with Secretive(demo()) as server:
        yield server


def check_silence(run: Result) -> None:
    pieces = [TOKEN[start : start + PIECE] for start in range(len(TOKEN) - PIECE + 1)]
    for piece in pieces:
        assert piece not in run.stdout, piece
        assert piece not in run.stderr, piece


def echo(status: int, text: str) -> Fault:
    return faults.refuse(status, "unauthorized", text)


@pytest.mark.parametrize(
    "fault",
    [
        None,
        echo(401, f"Access token {TOKEN} is invalid"),
        echo(401, f"Bearer {TOKEN[:20]}… is invalid"),
        echo(403, f"{'x' * 100} {TOKEN}"),
        echo(404, TOKEN),
        echo(422, TOKEN.replace("/", "\\/")),
        echo(200, TOKEN),
        faults.refuse(401, TOKEN),
        faults.status(401, TOKEN),
        faults.status(401, json.dumps({"request_id": TOKEN, "errors": [{"code": TOKEN}]})),
        faults.status(401, b"{}", {"X-Request-Id": TOKEN}),
        faults.status(200, f"<html>{'y' * 90}{TOKEN}</html>"),
        faults.status(200, json.dumps({TOKEN: 1})),
        faults.status(200, json.dumps({"admins": [{"id": 1}], "pages": {"next": TOKEN}})),
        faults.status(
            200, json.dumps({"admins": [], "pages": {"next": f"https://evil.example/?t={TOKEN}"}})
        ),
        faults.status(302, b"", {"Location": f"https://evil.example/?token={TOKEN}"}),
        faults.status(204),
        faults.refuse(429, "rate_limit_exceeded", TOKEN, {"Retry-After": "999"}),
    ],
)
def test_no_failure_prints_the_token(fault: Fault | None, secretive: Sandbox) -> None:
    if fault:
        secretive.fail("/admins", fault)

    run = sync(secretive, **DEBUG)

    assert run.code == (1 if fault else 0)
    check_silence(run)


@pytest.mark.parametrize(
    "fault",
    [faults.refuse(500, "x", TOKEN), faults.reset(), faults.drop(), faults.truncate(b"{}" * 9)],
    ids=["500", "reset", "drop", "truncate"],
)
def test_no_failure_that_is_tried_again_prints_the_token(fault: Fault, secretive: Sandbox) -> None:
    secretive.fail("/admins", fault, nth=1)

    run = sync(secretive, **DEBUG)

    assert run.code == 0
    check_silence(run)


ESCAPED = {
    "plain": TOKEN,
    "slashes": TOKEN.replace("/", "\\/"),
    "equals": TOKEN.replace("=", "\\u003d"),
    "all": "".join(f"\\u{ord(char):04X}" for char in TOKEN),
    "twice": "".join(f"\\\\u{ord(char):04x}" for char in TOKEN),
    "URL": quote(TOKEN, safe=""),
    "URL, all": "".join(f"%{ord(char):02x}" for char in TOKEN),
    "URL, twice": quote(quote(TOKEN, safe="")),
    "URL in JSON": quote(TOKEN, safe="").replace("%", "\\u0025"),
    "HTML": "".join(f"&#x{ord(char):x};" for char in TOKEN),
    "HTML, decimal": "".join(f"&#{ord(char)};" for char in TOKEN),
}


@pytest.mark.parametrize("echoed", ESCAPED.values(), ids=ESCAPED)
@pytest.mark.parametrize(
    "body",
    [
        '{"admins": [{"id": "1", "name": "%s"}]}',
        '{"admins": [{"id": "1"}], "pages": {"next": {"starting_after": "x%s"}}}',
    ],
)
def test_a_list_that_holds_the_token_is_refused(body: str, echoed: str, secretive: Sandbox) -> None:
    secretive.respond("/admins", (body % echoed).encode())

    run = sync(secretive, **DEBUG)

    assert "it holds the access token itself" in run.stderr
    assert run.of("RECORD") == []
    check_silence(run)


OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
SECRET = TOKEN.encode()


@pytest.mark.parametrize(
    "fault",
    [
        faults.raw(b"HTTP/1.1 " + SECRET + b"\r\n\r\n"),
        faults.raw(SECRET + b"\r\n\r\n"),
        faults.raw(OK + b"no header " + SECRET + b"\r\nContent-Length: 2\r\n\r\n{}"),
        faults.raw(OK + b"X:1\r\n" + SECRET + b"\r\n\r\n{}"),
        faults.raw(OK + b"Transfer-Encoding: chunked\r\n\r\n" + SECRET + b"\r\n{}\r\n"),
        faults.raw(OK + b"Transfer-Encoding: chunked\r\n\r\n2;" + SECRET + b"\r\n{}\r\nzz\r\n"),
        faults.raw(OK + b"Content-Length: " + SECRET + b"\r\n\r\n{"),
        faults.raw(OK + b"Content-Length: 1, 2, " + SECRET + b"\r\n\r\n{"),
        faults.raw(OK + b"Content-Encoding: gzip\r\n\r\n" + SECRET),
        faults.raw(OK + b"Content-Encoding: " + SECRET + b"\r\n\r\n{"),
        faults.raw(OK + b"Set-Cookie: a=" + SECRET + b"; expires=" + SECRET + b"\r\n\r\n{"),
        faults.raw(b"HTTP/1.1 301 " + SECRET + b"\r\nLocation: http://[" + SECRET + b"\r\n\r\n"),
        faults.status(200, f'{{"admins": [{{"id": "{TOKEN}"}}]}}'.encode("utf-16")),
        faults.status(401, TOKEN.encode("utf-16")),
        faults.status(401, TOKEN.encode("utf-32-le")),
        faults.status(401, "\n".join(TOKEN)),
        *(faults.status(401, text) for text in ESCAPED.values()),
        *(faults.refuse(401, "x", text) for text in ESCAPED.values()),
    ],
)
@pytest.mark.parametrize("level", ["INFO", "DEBUG"])
def test_no_byte_of_a_response_brings_the_token_to_the_log(
    fault: Fault, level: str, secretive: Sandbox
) -> None:
    secretive.fail("/admins", fault, nth=1)

    run = sync(secretive, TAP_INTERCOM_ACCESS_LOGLEVEL=level)

    check_silence(run)
    assert level == "DEBUG" or "Traceback" not in run.stderr


STRUCTURED = """
version: 1
formatters: {json: {(): singer_sdk.logging.StructuredFormatter}}
handlers:
  out: {class: logging.StreamHandler, formatter: json, stream: ext://sys.stderr}
  file: {class: logging.FileHandler, formatter: json, filename: LOG}
root: {level: DEBUG, handlers: [out]}
loggers: {urllib3: {handlers: [file]}}
"""


def test_structured_logs_are_json_without_the_token(secretive: Sandbox, tmp_path: Path) -> None:
    config, log = tmp_path / "logging.yml", tmp_path / "file.log"
    config.write_text(STRUCTURED.replace("LOG", str(log)), encoding="utf-8")
    fault = OK + b"no header " + SECRET + b"\r\nContent-Length: 2\r\n\r\n{}"
    secretive.fail("/admins", faults.raw(fault), nth=1)

    run = sync(secretive, SINGER_SDK_LOG_CONFIG=str(config))

    text = log.read_text(encoding="utf-8")
    lines = [json.loads(line) for line in run.stderr.splitlines() if line.startswith("{")]
    assert {"Failed to parse headers"} <= {line["message"][:23] for line in lines}
    assert "Failed to parse headers" in text
    check_silence(Result(run.code, text, run.stderr))


@pytest.mark.parametrize(
    "odd", ["\n", "\r\n", "\r", "\x1b[2K\r", "\u2028", "\x85", "\x0b", "\x1b]0;x\x07", "\u202e"]
)
def test_what_intercom_sends_never_begins_a_line_of_the_log(odd: str, secretive: Sandbox) -> None:
    evil = "2026-01-01 00:00:00,000 | ERROR    | evil"
    me = secretive.workspace.me()
    me["app"] = {"id_code": "x", "name": f"a{odd}{evil}"}
    secretive.respond("/me", me)

    for level in ("INFO", "DEBUG"):
        run = sync(
            secretive,
            workspace_id="other",
            TAP_INTERCOM_ACCESS_LOGLEVEL=level,
        )

        assert evil in run.stderr
        assert all(part.isprintable() for part in run.stderr.split("\n"))
        assert not any(line.strip().startswith(evil) for line in run.stderr.splitlines())


def test_a_traceback_may_follow_at_debug_level(secretive: Sandbox) -> None:
    secretive.fail("/admins", echo(401, TOKEN), nth=1)

    run = sync(secretive, **DEBUG)

    assert "Traceback" in run.stderr
    check_silence(run)


@pytest.mark.parametrize(
    "token", [f" {TOKEN} x", f"{TOKEN}\n{TOKEN}", f"{TOKEN}é", f"Bearer {TOKEN}"]
)
def test_no_refused_configuration_prints_the_token(token: str, tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    for value in (token, [token], {"token": token}):
        path.write_text(json.dumps({"access_token": value, "base_url": 1}), encoding="utf-8")
        check_silence(run_tap("--config", path, **DEBUG))
    for option in ("--discover", "--about", "--test"):
        check_silence(run_tap("--config", path, option, **DEBUG))
    path.write_text(f'{{"access_token": "{TOKEN}",,}}', encoding="utf-8")
    check_silence(run_tap("--config", path, **DEBUG))


def test_no_command_prints_the_token(secretive: Sandbox) -> None:
    for options in (("--about",), ("--about", "--format=json"), ("--discover",), ("--version",)):
        check_silence(sync(secretive, *options, **DEBUG))


def test_netrc_does_not_replace_the_token(secretive: Sandbox, tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login somebody password else\n")

    assert sync(secretive, NETRC=str(netrc)).code == 0
    assert {headers["Authorization"] for headers in secretive.journal.headers} == {
        f"Bearer {TOKEN}"
    }


# TLS and proxies


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def encrypted(authority: trustme.CA) -> Iterator[Sandbox]:
    """A sandbox whose certificate a private authority has signed."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with Secretive(demo(), tls=context) as server:
        yield server


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_a_private_authority_is_trusted_through_the_usual_variable(
    variable: str, encrypted: Sandbox, authority: trustme.CA, tmp_path: Path
) -> None:
    bundle = tmp_path / "bundle.pem"
    authority.cert_pem.write_to_path(str(bundle))
    others = {"REQUESTS_CA_BUNDLE": "", "CURL_CA_BUNDLE": ""}

    run = sync(encrypted, **(others | {variable: str(bundle)}))

    assert run.code == 0, run.stderr
    assert encrypted.journal.requests == ["GET /admins", "GET /teams"]


def test_an_unknown_authority_is_refused(encrypted: Sandbox) -> None:
    run = sync(encrypted, **{"REQUESTS_CA_BUNDLE": "", "CURL_CA_BUNDLE": ""} | DEBUG)

    assert run.code == 1
    assert "certificate verify failed" in run.stderr
    assert "set REQUESTS_CA_BUNDLE" in run.stderr
    assert "Try 1 of 5" not in run.stderr
    assert encrypted.journal.requests == []
    check_silence(run)


NOW = dt.datetime.now(dt.timezone.utc)
DAY = dt.timedelta(days=1)


@pytest.mark.parametrize(
    ("host", "dates", "problem", "advice"),
    [
        ("127.0.0.1", {"not_after": NOW - DAY}, "certificate has expired", "Check the date"),
        ("127.0.0.1", {"not_before": NOW + DAY}, "is not yet valid", "Check the date"),
        ("other.example", {}, "mismatch", "not the one that base_url names"),
        ("127.0.0.2", {}, "mismatch", "not the one that base_url names"),
    ],
)
def test_a_wrong_certificate_is_named_once(  # noqa: PLR0913, PLR0917
    host: str,
    dates: dict[str, Any],
    problem: str,
    advice: str,
    authority: trustme.CA,
    tmp_path: Path,
) -> None:
    bundle = tmp_path / "bundle.pem"
    authority.cert_pem.write_to_path(str(bundle))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(host, **dates).configure_cert(context)

    with Secretive(demo(), tls=context) as server:
        run = sync(server, REQUESTS_CA_BUNDLE=str(bundle))

    assert "certificate verify failed: " in run.error
    assert problem in run.error
    assert advice in run.error
    assert "Try 1 of 5" not in run.stderr


def test_a_bundle_that_does_not_exist_is_named(encrypted: Sandbox) -> None:
    error = sync(encrypted, REQUESTS_CA_BUNDLE="/no/bundle.pem").error

    assert f"GET {encrypted.base_url}/admins failed: " in error
    assert "/no/bundle.pem" in error


def test_a_forwarding_proxy_is_used(
    encrypted: Sandbox, authority: trustme.CA, tmp_path: Path
) -> None:
    bundle = tmp_path / "bundle.pem"
    authority.cert_pem.write_to_path(str(bundle))
    port = tmp_path / "port"
    command = [sys.executable, "-m", "proxy", "--hostname=127.0.0.1", "--port=0"]
    with subprocess.Popen(
        [*command, f"--port-file={port}", "--num-workers=1", "--num-acceptors=1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    ) as forwarder:
        while not port.exists() or not port.read_text():
            time.sleep(0.05)
        url = f"http://127.0.0.1:{port.read_text().strip()}"
        run = sync(encrypted, HTTPS_PROXY=url, NO_PROXY="", REQUESTS_CA_BUNDLE=str(bundle), **DEBUG)
        forwarder.send_signal(signal.SIGINT)
        log, _ = forwarder.communicate(timeout=60)

    assert run.code == 0, run.stderr
    assert f"CONNECT {encrypted.base_url.removeprefix('https://')}" in log
    check_silence(run)


@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"])
def test_plain_http_goes_past_proxies(variable: str, secretive: Sandbox) -> None:
    with Sandbox(demo()) as proxy:
        run = sync(secretive, **{variable: proxy.base_url, "NO_PROXY": "", "no_proxy": ""})

    assert run.code == 0
    assert proxy.journal.requests == []


@pytest.mark.parametrize(
    "url",
    [
        "http://user:geheim7@127.0.0.1:port",
        "http://user:geheim7@[::1:3128",
        "http://user:ge/heim7@127.0.0.1:1",
        "http://user:ge#heim7@127.0.0.1:1",
        "http://user:heim7 @127.0.0.1:1",
        "user:geheim7@127.0.0.1:port",
        "ftp://user:geheim7@127.0.0.1:1",
        f"http://user:geheim7@{'a' * 64}:1",
        "//user:geheim7@127.0.0.1:1",
    ],
)
def test_a_proxy_that_is_no_url_is_named_without_its_password(url: str, encrypted: Sandbox) -> None:
    run = sync(encrypted, HTTPS_PROXY=url, https_proxy=url, NO_PROXY="", **DEBUG)

    assert run.code == 1
    assert "| ERROR" in run.stderr
    assert "This is a fault of the tap" not in run.stderr
    assert "heim7" not in run.stderr


def test_a_proxy_that_is_gone_is_named_without_its_password(encrypted: Sandbox) -> None:
    run = sync(encrypted, HTTPS_PROXY="http://user:geheim@127.0.0.1:1", NO_PROXY="", **DEBUG)

    assert run.code == 1
    assert "Unable to connect to proxy" in run.stderr
    assert "geheim" not in run.stderr
