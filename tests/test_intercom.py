"""Intercom's side alone, as a notebook uses it."""

import sys
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import override

from tap_intercom_access.intercom import (
    Intercom,
    IntercomError,
    Observer,
    Row,
    list_of,
)
from tap_intercom_access.intercom.client import Exchange
from tap_intercom_access.intercom.endpoints import Request
from tap_intercom_access.sandbox.server import Sandbox
from tests import faults
from tests.docs import block
from tests.responses import after, page
from tests.tap import run_command

ADMINS = list_of("admins", Row, "/admins")


def intercom_of(sandbox: Sandbox) -> Intercom:
    return Intercom(sandbox.token, sandbox.base_url)


def ids(sandbox: Sandbox) -> list[str]:
    return [row.id for row in intercom_of(sandbox).rows(ADMINS)]


def test_the_script_in_the_documentation_reads_all_teammates(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    script = block("## Use the API client alone", "python")
    assert len([line for line in script.splitlines() if line]) == 5
    script = script.replace('"ACCESS_TOKEN"', f'"{sandbox.token}", "{sandbox.base_url}"')
    path = tmp_path / "script.py"
    path.write_text(f"{script}\nimport sys\nassert 'singer_sdk' not in sys.modules\n")

    run = run_command(sys.executable, path, PYTHONIOENCODING="utf-8")

    lines = [f"{admin.id} {admin.name}" for admin in sandbox.workspace.admins]
    assert run.stdout.splitlines() == lines, run.stderr


def test_a_thousand_known_rows_are_fine_and_one_more_is_a_circle(sandbox: Sandbox) -> None:
    sandbox.respond("/admins", page(*[1] * 1001, **after("a")), page(2))
    assert ids(sandbox) == ["1", "2"]

    sandbox.respond("/admins", page(*[1] * 1002, **after("a")), page(2))
    with pytest.raises(IntercomError, match="the last 1001 rows"):
        ids(sandbox)

    sandbox.respond("/admins", page(*[1] * 601, 2, *[1] * 600, **after("a")), page(3))
    assert ids(sandbox) == ["1", "2", "3"]


def test_a_list_longer_than_the_limit_may_be_repeated_once(sandbox: Sandbox) -> None:
    rows = range(1, 1502)
    sandbox.respond("/admins", page(*rows, **after("a")), page(*rows, **after("b")), page(0))

    assert len(ids(sandbox)) == 1502


@pytest.mark.parametrize("length", [15, 16, 17])
def test_a_response_must_not_hold_a_token_of_16_characters(length: int, sandbox: Sandbox) -> None:
    sandbox.token = "abcdefghijklmnopq"[:length]
    sandbox.respond("/admins", page(1, **after(f"-{sandbox.token}-")), page(2))

    if length < 16:
        assert ids(sandbox) == ["1", "2"]
    else:
        with pytest.raises(IntercomError, match="contains the access token"):
            ids(sandbox)


def test_every_request_and_every_attempt_can_be_observed(sandbox: Sandbox) -> None:
    seen: list[object] = []

    class Watcher(Observer):
        @override
        def before_request(self, request: Request[Any]) -> None:
            seen.append(str(request))

        @override
        def after_exchange(self, exchange: Exchange) -> None:
            seen.append(exchange.response and exchange.response.status_code)

    sandbox.fail("/admins", faults.status(503), nth=1)

    list(Intercom(sandbox.token, sandbox.base_url, observer=Watcher()).rows(ADMINS))

    assert seen == [f"GET {sandbox.base_url}/admins", 503, 200]


def test_an_endpoint_may_be_asked_with_a_query(sandbox: Sandbox) -> None:
    intercom = intercom_of(sandbox)

    intercom.send(intercom.build_request(ADMINS, {"display_avatar": "true"}))

    assert sandbox.journal.requests == ["GET /admins?display_avatar=true"]
