"""The token is nowhere but in the requests to Intercom, and these go where the user says."""

from __future__ import annotations

import json
import signal
import ssl
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
import trustme

from tap_intercom_access.sandbox import faults
from tap_intercom_access.sandbox.server import Sandbox
from tap_intercom_access.sandbox.workspace import demo
from tests.runs import Run, run_tap, sync

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


def check_silence(run: Run) -> None:
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
        secretive.faults[None] = fault

    run = sync(secretive, **DEBUG)

    assert run.code == (1 if fault else 0)
    check_silence(run)


@pytest.mark.parametrize(
    "fault",
    [faults.refuse(500, "x", TOKEN), faults.reset(), faults.drop(), faults.truncate(b"{}" * 9)],
    ids=["500", "reset", "drop", "truncate"],
)
def test_no_failure_that_is_tried_again_prints_the_token(fault: Fault, secretive: Sandbox) -> None:
    secretive.faults[1] = fault

    run = sync(secretive, **DEBUG)

    assert run.code == 0
    check_silence(run)


@pytest.mark.parametrize("echoed", [TOKEN, TOKEN.replace("/", "\\/")])
@pytest.mark.parametrize(
    "body",
    [
        '{"admins": [{"id": "1", "name": "%s"}]}',
        '{"admins": [{"id": "1"}], "pages": {"next": {"starting_after": "%s"}}}',
    ],
)
def test_a_list_that_holds_the_token_is_refused(body: str, echoed: str, secretive: Sandbox) -> None:
    secretive.respond("/admins", (body % echoed).encode())

    run = sync(secretive, **DEBUG)

    assert "it holds the access token itself" in run.stderr
    assert run.of("RECORD") == []
    check_silence(run)


def test_a_traceback_may_follow_at_debug_level(secretive: Sandbox) -> None:
    secretive.faults[1] = echo(401, TOKEN)

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
    assert {headers["Authorization"] for headers in secretive.headers} == {f"Bearer {TOKEN}"}


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
    assert encrypted.requests == ["GET /admins", "GET /teams"]


def test_an_unknown_authority_is_refused(encrypted: Sandbox) -> None:
    run = sync(encrypted, **{"REQUESTS_CA_BUNDLE": "", "CURL_CA_BUNDLE": ""} | DEBUG)

    assert run.code == 1
    assert "certificate verify failed" in run.stderr
    assert encrypted.requests == []
    check_silence(run)


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
        log, _ = forwarder.communicate(timeout=20)

    assert run.code == 0, run.stderr
    assert f"CONNECT {encrypted.base_url.removeprefix('https://')}" in log
    check_silence(run)


def test_a_proxy_that_is_gone_is_named_without_its_password(encrypted: Sandbox) -> None:
    run = sync(encrypted, HTTPS_PROXY="http://user:geheim@127.0.0.1:1", NO_PROXY="", **DEBUG)

    assert run.code == 1
    assert "Unable to connect to proxy" in run.stderr
    assert "geheim" not in run.stderr
