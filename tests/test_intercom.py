"""Intercom's side alone, as a notebook uses it."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tap_intercom_access.intercom import Intercom, IntercomError, RefusedError, Row, list_of
from tests import faults
from tests.responses import after, page
from tests.tap import ROOT, environment

if TYPE_CHECKING:
    from pathlib import Path

    from tap_intercom_access.sandbox.server import Sandbox

ADMINS = list_of("admins", Row, "/admins")


def intercom_of(sandbox: Sandbox) -> Intercom:
    return Intercom(sandbox.token, sandbox.base_url)


def ids(sandbox: Sandbox) -> list[str]:
    return [row.id for row in intercom_of(sandbox).rows(ADMINS)]


def test_the_script_of_the_page_on_the_library_reads_all_teammates(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    page_ = (ROOT / "docs" / "library.md").read_text(encoding="utf-8")
    (script,) = re.findall(r"```python\n(.*?)```", page_, flags=re.DOTALL)
    assert len([line for line in script.splitlines() if line]) == 5
    script = script.replace('"ACCESS_TOKEN"', f'"{sandbox.token}", "{sandbox.base_url}"')
    path = tmp_path / "script.py"
    path.write_text(f"{script}\nimport sys\nassert 'singer_sdk' not in sys.modules\n")

    done = subprocess.run(
        [sys.executable, path],
        capture_output=True,
        check=True,
        encoding="utf-8",
        env=environment(PYTHONIOENCODING="utf-8"),
    )

    assert done.stdout.splitlines() == [
        f"{admin.id} {admin.name}" for admin in sandbox.workspace.admins
    ]


def test_an_error_is_a_sentence_without_the_token(sandbox: Sandbox) -> None:
    sandbox.fail(
        "/admins", faults.refuse(401, "unauthorized", f"{sandbox.token} is not valid"), nth=1
    )

    with pytest.raises(RefusedError, match="regenerate it in Intercom's Developer Hub") as raised:
        ids(sandbox)

    assert sandbox.token not in str(raised.value)
    assert sandbox.token not in repr(intercom_of(sandbox))


def test_the_first_empty_page_that_points_on_is_fine_the_second_is_not(sandbox: Sandbox) -> None:
    sandbox.respond("/admins", page(**after("a")), page(1))
    assert ids(sandbox) == ["1"]

    sandbox.respond("/admins", page(**after("a")), page(**after("b")), page(1))
    with pytest.raises(IntercomError, match="two empty pages in a row"):
        ids(sandbox)
    assert len(sandbox.journal.requests) == 4


def test_two_empty_pages_at_the_end_are_fine(sandbox: Sandbox) -> None:
    sandbox.respond("/admins", page(1, **after("a")), page(**after("b")), page())

    assert ids(sandbox) == ["1"]


@pytest.mark.parametrize(("repeats", "circles"), [(1000, False), (1001, True)])
def test_a_thousand_known_rows_in_a_row_are_a_circle(
    repeats: int,
    circles: bool,  # noqa: FBT001
    sandbox: Sandbox,
) -> None:
    sandbox.respond("/admins", page(*[1] * (1 + repeats), **after("a")), page(2))

    if circles:
        with pytest.raises(IntercomError, match="the last 1001 rows were all listed before"):
            ids(sandbox)
    else:
        assert ids(sandbox) == ["1", "2"]


def test_known_rows_count_only_in_a_row(sandbox: Sandbox) -> None:
    rows = [*[1] * 601, 2, *[1] * 600]
    sandbox.respond("/admins", page(*rows, **after("a")), page(3))

    assert ids(sandbox) == ["1", "2", "3"]


def test_a_list_longer_than_the_limit_may_be_repeated_once(sandbox: Sandbox) -> None:
    everybody = range(1, 1502)
    sandbox.respond(
        "/admins", page(*everybody, **after("a")), page(*everybody, **after("b")), page(0)
    )

    assert len(ids(sandbox)) == 1502


@pytest.mark.parametrize(("length", "refused"), [(15, False), (16, True), (17, True)])
def test_a_response_must_not_hold_a_token_of_sixteen_characters_or_more(
    length: int,
    refused: bool,  # noqa: FBT001
    sandbox: Sandbox,
) -> None:
    sandbox.token = "abcdefghijklmnopq"[:length]
    sandbox.respond(
        "/admins", page(1, pages={"next": {"starting_after": f"-{sandbox.token}-"}}), page(2)
    )

    if refused:
        with pytest.raises(IntercomError, match="it holds the access token itself"):
            ids(sandbox)
    else:
        assert ids(sandbox) == ["1", "2"]


def test_every_wait_and_every_response_can_be_observed(sandbox: Sandbox) -> None:
    seen: list[object] = []
    watched = Intercom(
        sandbox.token,
        sandbox.base_url,
        on_wait=lambda: seen.append("wait"),
        on_response=lambda request, response: seen.append((str(request), response.status_code)),
    )
    sandbox.fail("/admins", faults.status(503), nth=1)

    list(watched.rows(ADMINS))

    endpoint = f"GET {sandbox.base_url}/admins"
    assert seen == ["wait", (endpoint, 503), (endpoint, 200)]


def test_an_endpoint_may_be_asked_with_a_query(sandbox: Sandbox) -> None:
    intercom = intercom_of(sandbox)

    intercom.send(intercom.build_request(ADMINS, {"display_avatar": "true"}))

    assert sandbox.journal.requests == ["GET /admins?display_avatar=true"]


@pytest.mark.slow
def test_a_try_that_failed_is_told_with_its_number(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    for number in (1, 2):
        sandbox.fail("/admins", faults.drop(), nth=number)

    with caplog.at_level(logging.WARNING):
        assert len(ids(sandbox)) == 13

    assert [message.partition(" failed")[0] for message in caplog.messages] == [
        "Try 1 of 5",
        "Try 2 of 5",
    ]
