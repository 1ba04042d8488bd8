"""The token appears only in requests to the base URL."""

import base64
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tap_intercom_access.intercom import redaction
from tap_intercom_access.intercom.redaction import (
    LONGEST_TEXT,
    echoes,
    excerpt,
    keep_secret,
    masked,
)
from tap_intercom_access.sandbox.server import Sandbox
from tests import faults
from tests.faults import Fault
from tests.tap import Result, catalog_of, run_tap, sync, sync_here

TOKEN = "dG9rOmFiY2RlZi0xMjM0NTYvNzg5MGdoaWprbG1ub3A="  # noqa: S105 (not a real token)
PIECE = 8
COMMANDS = [("--about",), ("--about", "--format=json"), ("--discover",), ("--version",)]
DEBUG = {"TAP_INTERCOM_ACCESS_LOGLEVEL": "DEBUG"}

ENCODED = {
    "plain": TOKEN,
    "slashes": TOKEN.replace("/", "\\/"),
    "equals": TOKEN.replace("=", "\\u003d"),
    "JSON": "".join(f"\\u{ord(char):04X}" for char in TOKEN),
    "JSON, twice": "".join(f"\\\\u{ord(char):04x}" for char in TOKEN),
    "URL": quote(TOKEN, safe=""),
    "URL, all": "".join(f"%{ord(char):02x}" for char in TOKEN),
    "URL, twice": quote(quote(TOKEN, safe="")),
    "HTML": "".join(f"&#x{ord(char):x};" for char in TOKEN),
    "HTML, decimal": "".join(f"&#{ord(char)};" for char in TOKEN),
    "Base64": base64.b64encode(TOKEN.encode()).decode().rstrip("="),
}


@pytest.fixture
def _only_the_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redaction, "_secrets", set())
    keep_secret(TOKEN)


@pytest.mark.usefixtures("_only_the_token")
@pytest.mark.parametrize("encoded", ENCODED.values(), ids=ENCODED)
def test_the_token_is_masked_in_every_encoding(encoded: str) -> None:
    assert masked(f"the {encoded}.") == "the ***."
    assert echoes(f'{{"a": "-{encoded}-"}}'.encode(), TOKEN)


@pytest.mark.usefixtures("_only_the_token")
@pytest.mark.parametrize(
    ("secret", "text", "shown"),
    [
        ("test", "gateway-test.example", "gateway-test.example"),
        ("1234567", "1234567", "1234567"),
        ("12345678", "12345678", "***"),
        (f"Bearer {TOKEN}x", f"Bearer and {TOKEN}x", "Bearer and ***"),
        (TOKEN[:10], f"{TOKEN} {TOKEN[:10]}", "*** ***"),
        ("a<b>c&d'e\"f", "a&lt;b&gt;c&amp;d&#x27;e&quot;f", "***"),  # in HTML
    ],
)
def test_secrets_of_eight_characters_are_masked(secret: str, text: str, shown: str) -> None:
    keep_secret(secret)

    assert masked(text) == shown


@pytest.mark.usefixtures("_only_the_token")
@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\n b\t\tc ", "a b c"),
        ("a\x00\x1bb", "a??b"),
        ("y" * 120, "y" * 120),
        ("y" * 121, "y" * 120 + "..."),
        (f"{'y' * 110}{TOKEN}", f"{'y' * 110}***"),
        (f"{'y' * 119}{TOKEN}", f"{'y' * 119}*..."),
        (" " * (LONGEST_TEXT - 20) + TOKEN, ""),
    ],
    ids=["spaces", "unprintable", "120", "121", "at 110", "at 119", "at the limit"],
)
def test_an_excerpt_is_masked_before_it_is_cut_to_one_short_line(text: str, shown: str) -> None:
    assert excerpt(text) == shown


@pytest.fixture
def secretive(sandbox: Sandbox) -> Sandbox:
    """A sandbox with a token that has no words in common with other text."""
    sandbox.token = TOKEN
    return sandbox


def check_silence(run: Result) -> None:
    for start in range(len(TOKEN) - PIECE + 1):
        assert TOKEN[start : start + PIECE] not in run.stdout + run.stderr


OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
SECRET = TOKEN.encode()
NO_HEADER = faults.raw(OK + b"no header " + SECRET + b"\r\nContent-Length: 2\r\n\r\n{}")


@pytest.mark.slow
@pytest.mark.parametrize(
    "fault",
    [
        faults.refuse(403, "x", f"{'x' * 100} {TOKEN}"),
        faults.refuse(401, TOKEN),
        faults.refuse(200, "x", TOKEN),
        faults.refuse(429, "rate_limit_exceeded", TOKEN, {"Retry-After": "999"}),
        faults.status(401, TOKEN, {"Content-Type": TOKEN}),
        faults.status(401, TOKEN.encode("utf-16")),
        faults.status(401, json.dumps({"request_id": TOKEN, "errors": [{"code": TOKEN}]})),
        faults.status(401, b"{}", {"X-Request-Id": TOKEN}),
        faults.status(200, json.dumps({TOKEN: 1})),
        faults.status(200, json.dumps({"admins": [{"id": 1}], "pages": {"next": TOKEN}})),
        faults.status(302, b"", {"Location": f"https://evil.example/?token={TOKEN}"}),
        faults.raw(b"HTTP/1.1 " + SECRET + b"\r\n\r\n"),
        faults.raw(SECRET + b"\r\n\r\n"),
        NO_HEADER,
        faults.raw(OK + b"Transfer-Encoding: chunked\r\n\r\n" + SECRET + b"\r\n{}\r\n"),
        faults.raw(OK + b"Content-Length: 1, 2, " + SECRET + b"\r\n\r\n{"),
        faults.raw(OK + b"Content-Encoding: gzip\r\n\r\n" + SECRET),
        faults.raw(OK + b"Content-Encoding: " + SECRET + b"\r\n\r\n{"),
        faults.raw(OK + b"Set-Cookie: a=" + SECRET + b"; expires=" + SECRET + b"\r\n\r\n{"),
        faults.raw(b"HTTP/1.1 301 " + SECRET + b"\r\nLocation: http://[" + SECRET + b"\r\n\r\n"),
        *(faults.refuse(401, "x", text) for text in ENCODED.values()),
    ],
)
def test_no_failure_prints_the_token(fault: Fault, secretive: Sandbox) -> None:
    secretive.fail("/admins", fault, nth=1)

    run = sync(secretive, **DEBUG)

    assert "/admins" in run.stderr
    check_silence(run)


@pytest.mark.parametrize(
    "body",
    [
        f'{{"admins": [{{"id": "1", "name": "{ENCODED["HTML"]}"}}]}}',
        f'{{"admins": [{{"id": "1"}}], "pages": {{"next": {{"starting_after": "x{TOKEN}"}}}}}}',
    ],
)
def test_a_list_that_contains_the_token_is_refused(body: str, secretive: Sandbox) -> None:
    secretive.respond("/admins", body.encode())

    run = sync_here(secretive)

    assert "the response contains the access token" in run.error
    assert run.of("RECORD") == []
    check_silence(run)


@pytest.mark.parametrize("length", [15, 16, 17])
def test_a_response_with_a_token_of_16_characters_is_refused(length: int, sandbox: Sandbox) -> None:
    sandbox.token = "abcdefghijklmnopq"[:length]
    sandbox.workspace.admins[0].name = f"-{sandbox.token}-"

    error = sync_here(sandbox, catalog=catalog_of("admins")).error

    assert ("the response contains the access token" in error) == (length >= 16)


STRUCTURED = """
version: 1
formatters: {json: {(): singer_sdk.logging.StructuredFormatter}}
handlers:
  out: {class: logging.StreamHandler, formatter: json, stream: ext://sys.stderr}
  file: {class: logging.FileHandler, formatter: json, filename: LOG}
root: {level: DEBUG, handlers: [out]}
loggers: {urllib3: {handlers: [file]}}
"""


@pytest.mark.slow
def test_structured_logs_are_json_without_the_token(secretive: Sandbox, tmp_path: Path) -> None:
    config, log = tmp_path / "logging.yml", tmp_path / "file.log"
    config.write_text(STRUCTURED.replace("LOG", str(log)), encoding="utf-8")
    secretive.fail("/admins", NO_HEADER, nth=1)

    run = sync(secretive, SINGER_SDK_LOG_CONFIG=str(config))

    text = log.read_text(encoding="utf-8")
    lines = [json.loads(line) for line in run.stderr.splitlines() if line.startswith("{")]
    assert {"Failed to parse headers"} <= {line["message"][:23] for line in lines}
    assert "Failed to parse headers" in text
    check_silence(Result(run.code, text, run.stderr))


@pytest.mark.parametrize(
    "odd", ["\n", "\r\n", "\r", "\x1b[2K\r", "\u2028", "\x85", "\x0b", "\x1b]0;x\x07", "\u202e"]
)
@pytest.mark.parametrize("level", ["INFO", "DEBUG"])
def test_no_text_from_intercom_starts_a_log_line(odd: str, level: str, secretive: Sandbox) -> None:
    evil = "2026-01-01 00:00:00,000 | ERROR    | evil"
    me = secretive.workspace.me()
    me["app"] = {"id_code": "x", "name": f"a{odd}{evil}"}
    secretive.respond("/me", me)

    run = sync(secretive, workspace_id="other", TAP_INTERCOM_ACCESS_LOGLEVEL=level)

    assert evil in run.stderr
    assert [part for part in run.stderr.split("\n") if not part.isprintable()] == []
    assert [line for line in run.stderr.splitlines() if line.strip().startswith(evil)] == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "token", [f" {TOKEN} x", f"{TOKEN}\n{TOKEN}", f"{TOKEN}é", [TOKEN], {"token": TOKEN}]
)
def test_no_refused_configuration_prints_the_token(token: object) -> None:
    config: dict[str, Any] = {"access_token": token, "base_url": 1}
    runs = [run_tap(*options, config=config, **DEBUG) for options in ((), *COMMANDS, ("--test",))]

    assert "access_token" in runs[0].stderr
    for run in runs:
        check_silence(run)


def test_no_invalid_configuration_file_prints_the_token() -> None:
    check_silence(run_tap(config=f'{{"access_token": "{TOKEN}",,}}', **DEBUG))


def test_no_command_prints_the_token(secretive: Sandbox) -> None:
    for options in COMMANDS:
        check_silence(sync(secretive, *options, **DEBUG))


def test_netrc_does_not_replace_the_token(secretive: Sandbox, tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login somebody password else\n")

    assert sync(secretive, NETRC=str(netrc)).error == ""
    assert {headers["Authorization"] for headers in secretive.journal.headers} == {
        f"Bearer {TOKEN}"
    }
