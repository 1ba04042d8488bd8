"""What the internet and Intercom can do wrong, and what the tap makes of it."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from email.utils import formatdate
from typing import TYPE_CHECKING

import pytest

from tap_intercom_access.sandbox import faults
from tap_intercom_access.sandbox.server import Sandbox
from tap_intercom_access.sandbox.workspace import demo, generated
from tests.commands import TAP, environment
from tests.conftest import Run, run_tap, sync

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_intercom_access.sandbox.server import Fault

REGIONS = ("https://api.intercom.io", "https://api.eu.intercom.io", "https://api.au.intercom.io")
HTML = b"<html><head><title>Sign in</title></head>\n<body>Welcome</body></html>"


@pytest.fixture
def paged() -> Iterator[Sandbox]:
    """Three pages of admins, one of teams."""
    with Sandbox(demo(), page_size=5) as server:
        yield server


def failed(sandbox: Sandbox, fault: Fault, request: int | None = None, **variables: str) -> str:
    sandbox.faults[request] = fault
    run = sync(sandbox, TAP_INTERCOM_ACCESS_EMIT_ACTIVATE_VERSION_MESSAGES="true", **variables)
    assert run.of("STATE") == []
    assert run.of("ACTIVATE_VERSION") == []
    return run.error


# Refusals


@pytest.mark.parametrize(
    ("status", "code", "advice"),
    [
        (401, "unauthorized", ["regenerate", "Read admins", *REGIONS]),
        (401, "token_revoked", ["regenerate", "Read admins", *REGIONS]),
        (403, "forbidden", ["Give the app the permission 'Read admins'"]),
        (403, "api_plan_restricted", ["plan"]),
        (404, "not_found", ["base_url does not point at Intercom", *REGIONS]),
        (400, "parameter_invalid", ["api_version"]),
        (402, "payment_required", ["base_url"]),
        (408, "request_timeout", ["base_url"]),
        (418, "teapot", ["base_url"]),
    ],
)
def test_a_refusal_is_not_tried_again_and_says_what_to_do(
    status: int, code: str, advice: list[str], paged: Sandbox
) -> None:
    error = failed(paged, faults.refuse(status, code, "Something is not right"), request=2)

    assert error.startswith(f"admins: GET {paged.base_url}/admins answered HTTP {status}, {code}: ")
    assert "Something is not right" in error
    assert "request id " in error
    assert all(words in error for words in advice)
    assert len(paged.requests) == 2


def test_a_refusal_of_the_teams_names_the_stream_that_asked(sandbox: Sandbox) -> None:
    sandbox.faults[2] = faults.refuse(403, "forbidden")

    assert sync(sandbox).error.startswith(f"team_memberships: GET {sandbox.base_url}/teams ")


@pytest.mark.parametrize("body", [b"", HTML, b"[]", b'{"errors": 5}', b'{"errors": ["x", {}]}'])
def test_a_refusal_in_any_form_is_one_sentence(body: bytes, paged: Sandbox) -> None:
    assert "answered HTTP 401" in failed(paged, faults.status(401, body))


def test_the_request_id_may_come_as_a_header(paged: Sandbox) -> None:
    fault = faults.status(403, b"{}", {"X-Request-Id": "abc-123"})

    assert "request id abc-123" in failed(paged, fault)


# Answers that are no list


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b"", "an empty body"),
        (HTML, "'<html><head><title>Sign in</title></head> <body>Welcome</body></html>'"),
        (b'{"type": "admin.list", "admins": [', "truncated"),
        (b"null", "JSON of type NoneType"),
        (b"5", "JSON of type int"),
        (b"[]", "JSON of type list"),
        (b"{}", "a JSON object with no keys"),
        (b'{"type": "admin.list", "data": []}', "a JSON object with type, data"),
        (b'{"admins": null}', "`$.admins`"),
        (b'{"admins": {"1": {"id": "1"}}}', "`$.admins`"),
        (b'{"admins": "none"}', "`$.admins`"),
        (b'{"admins": [{"id": "1"}, null]}', "`$.admins[1]`"),
        (b'{"admins": [{"id": "1"}, []]}', "`$.admins[1]`"),
        (b'{"admins": [{"name": "Secret Name"}]}', "missing required field `id`"),
        (b'{"admins": [{"id": null, "name": "Secret Name"}]}', "`$.admins[0].id`"),
        (b'{"admins": [{"id": ""}]}', "`$.admins[0].id`"),
        (b'{"admins": [{"id": 1.5}]}', "`$.admins[0].id`"),
        (b'{"admins": [{"id": true}]}', "`$.admins[0].id`"),
        (b'{"admins": [{"id": "1", "team_ids": "7"}]}', "`$.admins[0].team_ids`"),
        (b'{"admins": [{"id": "1", "team_ids": [null]}]}', "`$.admins[0].team_ids[0]`"),
        (b'{"admins": [{"id": "1", "role": "owner"}]}', "`$.admins[0].role`"),
        (b'{"admins": [{"id": "1", "has_inbox_seat": "yes"}]}', "has_inbox_seat"),
        (b'{"admins": [{"id": "1", "name": "\xff\xfe"}]}', "utf-8"),
        ('{"admins": [{"id": "1"}]}'.encode("utf-16"), "not a list of admins"),
        (b'{"admins": [], "total_count": "many"}', "`$.total_count`"),
    ],
)
def test_an_answer_that_is_not_the_list_is_an_error(
    body: bytes, found: str, paged: Sandbox
) -> None:
    error = failed(paged, faults.status(200, body), request=2)

    assert f"GET {paged.base_url}/admins answered HTTP 200, but it is not a list of admins" in error
    assert found in error
    assert "Secret Name" not in error
    assert len(paged.requests) == 2


def test_an_error_list_of_status_200_is_an_error(paged: Sandbox) -> None:
    error = failed(paged, faults.refuse(200, "token_revoked", "The token was revoked"))

    assert "an error list, token_revoked: The token was revoked, request id " in error


def test_an_error_list_that_also_has_the_key_is_an_error(paged: Sandbox) -> None:
    body = b'{"type": "error.list", "errors": [{"code": "x"}], "admins": [{"id": "1"}]}'

    assert "an error list, x" in failed(paged, faults.status(200, body))


@pytest.mark.parametrize("status", [201, 202, 203, 204, 206, 207])
def test_no_other_success_is_a_whole_list(status: int, paged: Sandbox) -> None:
    error = failed(paged, faults.status(status, b'{"admins": [{"id": "1"}]}'), request=2)

    assert f"answered HTTP {status}" in error
    assert len(paged.requests) == 2


def test_long_and_unprintable_answers_are_cut_to_a_printable_line(paged: Sandbox) -> None:
    error = failed(paged, faults.status(200, b"\x1b[31m\x00 \r\n" + b"long " * 1000))

    assert error.isprintable()
    assert len(error) < 700


def test_an_empty_list_of_admins_is_an_error(sandbox: Sandbox) -> None:
    sandbox.answer("/admins", {"type": "admin.list", "admins": []})

    run = sync(sandbox, TAP_INTERCOM_ACCESS_EMIT_ACTIVATE_VERSION_MESSAGES="true")

    assert "a workspace always has an admin" in run.error
    assert run.of("ACTIVATE_VERSION") == []


def test_a_workspace_without_teams_is_fine(sandbox: Sandbox) -> None:
    sandbox.answer("/teams", {"type": "team.list", "teams": []})

    assert sync(sandbox).code == 0


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_error_and_the_token_stays_here(status: int, paged: Sandbox) -> None:
    with Sandbox(demo()) as elsewhere:
        fault = faults.status(status, b"", {"Location": f"{elsewhere.base_url}/admins"})
        error = failed(paged, fault, request=2)

    assert f"redirects to {elsewhere.base_url}/admins" in error
    assert elsewhere.requests == []


# Lists that are short or endless


def page(*ids: int, **more: object) -> dict[str, object]:
    return {"type": "admin.list", "admins": [{"id": str(id_)} for id_ in ids], **more}


def after(cursor: str) -> dict[str, object]:
    return {"pages": {"next": {"starting_after": cursor}}}


def test_two_empty_pages_in_a_row_that_point_on_are_an_error(sandbox: Sandbox) -> None:
    pages = [page(1, **after("a")), page(**after("b")), page(**after("c")), page(2)]
    sandbox.answer("/admins", *pages)

    assert "two empty pages in a row" in sync(sandbox).error
    assert len(sandbox.requests) == 3


def test_empty_pages_that_are_not_in_a_row_are_fine(sandbox: Sandbox) -> None:
    pages = [page(**after("a")), page(1, **after("b")), page(**after("c")), page(2)]
    sandbox.answer("/admins", *pages)

    assert [record["id"] for record in sync(sandbox).records("admins")] == ["1", "2"]


def test_pages_that_repeat_the_same_rows_for_ever_are_an_error(sandbox: Sandbox) -> None:
    pages = [page(1, 2, **after(f"{number}")) for number in range(1000)]
    sandbox.answer("/admins", *pages)

    assert "the list goes round in circles" in sync(sandbox).error


@pytest.mark.parametrize("counts", [(3, 3), (3, None), (None, 3), (2, 3), (3, 2)])
def test_fewer_rows_than_announced_are_an_error(
    counts: tuple[int | None, int | None], sandbox: Sandbox
) -> None:
    first, second = counts
    sandbox.answer(
        "/admins",
        page(1, 2, total_count=first, **after("a")),
        page(2, total_count=second),
    )

    run = sync(sandbox, TAP_INTERCOM_ACCESS_EMIT_ACTIVATE_VERSION_MESSAGES="true")

    assert "announced 3 rows and sent 2" in run.error
    assert run.of("ACTIVATE_VERSION") == []


def test_as_many_rows_as_announced_are_fine(sandbox: Sandbox) -> None:
    sandbox.answer("/admins", page(1, 2, total_count=2))

    assert sync(sandbox).code == 0


def test_a_row_listed_again_comes_again_only_if_it_differs(sandbox: Sandbox) -> None:
    first = {"id": "1", "name": "A", "team_ids": [5]}
    same = {"team_ids": ["5"], "name": "A", "id": 1, "unknown": True}
    sandbox.answer(
        "/admins",
        {"admins": [first, first, same], **after("a")},
        {"admins": [{"id": "2"}, same, first | {"name": "B"}, first | {"name": "B"}]},
    )

    run = sync(sandbox)

    assert [(row["id"], row["name"]) for row in run.records("admins")] == [
        ("1", "A"),
        ("2", None),
        ("1", "B"),
    ]
    warnings = [line for line in run.stderr.splitlines() if "more than once" in line]
    assert len(warnings) == 1
    assert "5 rows" in warnings[0]


# Failures that may pass


@pytest.mark.parametrize(
    "fault",
    [
        faults.status(500, HTML),
        faults.refuse(503, "service_unavailable"),
        faults.drop(),
        faults.reset(),
        faults.truncate(b'{"admins": [{"id": "1"}]}'),
        faults.delay(3),
        faults.status(200, b"not gzip", {"Content-Encoding": "gzip"}),
    ],
    ids=["500", "503", "drop", "reset", "truncate", "timeout", "encoding"],
)
def test_a_failure_that_passes_loses_nothing(
    fault: Fault, paged: Sandbox, sandbox: Sandbox
) -> None:
    paged.faults[2] = fault

    run = sync(paged, TAP_INTERCOM_ACCESS_REQUEST_TIMEOUT="1.5")

    assert run.code == 0, run.stderr
    assert run.stderr.count("Try 1 of 5 failed") == 1
    assert "Backing off" not in run.stderr
    assert len(paged.requests) == 5
    assert run.records("admins") == sync(sandbox).records("admins")


@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        (faults.refuse(500, "server_error"), "HTTP 500, server_error"),
        (faults.reset(), "Connection reset by peer"),
        (faults.truncate(b'{"admins": [{"id": "1"}]}'), "IncompleteRead"),
        (faults.delay(1), "timed out"),
    ],
    ids=["500", "reset", "truncate", "timeout"],
)
def test_a_failure_that_stays_ends_after_five_tries(
    fault: Fault, cause: str, sandbox: Sandbox
) -> None:
    error = failed(sandbox, fault, TAP_INTERCOM_ACCESS_REQUEST_TIMEOUT="0.3")

    assert error.startswith("admins: failed 5 times in a row: GET ")
    assert cause in error
    assert len(sandbox.requests) == 5


def test_a_refused_connection_ends_after_five_tries() -> None:
    with Sandbox(demo()) as gone:
        settings = gone.settings

    error = run_tap("--config=ENV", **settings).error

    assert f"GET {gone.base_url}/admins failed: " in error
    assert "Connection refused" in error


# The rate limit


def waits(run: Run) -> list[float]:
    lines = [line for line in run.stderr.splitlines() if "| INFO" in line and "waiting" in line]
    return [float(line.partition("waiting ")[2].partition(" ")[0]) for line in lines]


@pytest.mark.parametrize("form", ["seconds", "date", "reset", "both", "nonsense"])
def test_a_429_is_waited_for_as_long_as_it_says(form: str, sandbox: Sandbox) -> None:
    until = int(time.time()) + 4
    headers = {
        "seconds": {"Retry-After": "3"},
        "date": {"Retry-After": formatdate(until, usegmt=True)},
        "reset": {"X-RateLimit-Reset": str(until)},
        "both": {"Retry-After": "1", "X-RateLimit-Reset": str(until)},
        "nonsense": {"Retry-After": "soon", "X-RateLimit-Reset": "nan"},
    }
    sandbox.faults[1] = faults.refuse(429, "rate_limit_exceeded", headers=headers[form])

    run = sync(sandbox)

    assert run.code == 0, run.stderr
    (waited,) = waits(run)
    if form in ("seconds", "nonsense"):
        assert waited == (3.0 if form == "seconds" else 10.0)
        assert sandbox.times[1] - sandbox.times[0] >= waited
    else:
        assert sandbox.times[1] >= until
        assert sandbox.times[0] + waited < until + 1
    assert "Try 1" not in run.stderr


def test_waiting_is_not_a_failed_try(sandbox: Sandbox) -> None:
    for number in range(1, 8):
        sandbox.faults[number] = faults.refuse(
            429, "rate_limit_exceeded", headers={"Retry-After": "0"}
        )

    run = sync(sandbox)

    assert run.code == 0, run.stderr
    assert waits(run) == [1.0] * 7


def test_a_used_up_limit_is_waited_for_before_the_next_request_of_any_stream(
    sandbox: Sandbox,
) -> None:
    reset = int(time.time()) + 4
    headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(reset)}
    sandbox.faults[1] = faults.status(200, b'{"admins": [{"id": "1"}]}', headers)

    run = sync(sandbox)

    assert run.code == 0, run.stderr
    assert sandbox.requests == ["GET /admins", "GET /teams"]
    assert sandbox.times[1] >= reset
    assert len(waits(run)) == 1


def test_the_sandboxs_real_limit_is_kept() -> None:
    with Sandbox(generated(50, 1), page_size=10, rate_limit=4) as limited:
        run = sync(limited)

    assert run.code == 0, run.stderr
    assert len(run.records("admins")) == 50
    assert len(limited.requests) == 6
    assert waits(run)


def test_a_429_that_asks_for_more_than_the_cap_ends_with_a_message(sandbox: Sandbox) -> None:
    headers = {"Retry-After": "301"}

    error = failed(sandbox, faults.refuse(429, "rate_limit_exceeded", "Slow down", headers))

    assert "HTTP 429, rate_limit_exceeded: Slow down" in error
    assert "300 seconds" in error
    assert len(sandbox.requests) == 1


def test_an_endless_429_ends_after_the_documented_total_wait(sandbox: Sandbox) -> None:
    sandbox.faults[None] = faults.refuse(429, "too_many_requests", headers={"Retry-After": "2"})
    shorter = "from tap_intercom_access import session, tap; session.MAX_WAIT = 5; tap.main()"

    done = subprocess.run(
        [sys.executable, "-c", shorter, "--config=ENV"],
        capture_output=True,
        check=False,
        encoding="utf-8",
        env=environment(**sandbox.settings),
    )
    run = Run(done.returncode, done.stdout, done.stderr)

    assert "HTTP 429, too_many_requests" in run.error
    assert waits(run) == [2.0, 2.0]
    assert len(sandbox.requests) == 3


# Ends from outside


def start(sandbox: Sandbox, **variables: str) -> subprocess.Popen[str]:
    settings = sandbox.settings | {"TAP_INTERCOM_ACCESS_EMIT_ACTIVATE_VERSION_MESSAGES": "true"}
    return subprocess.Popen(
        [TAP, "--config=ENV"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        env=environment(**settings, **variables),
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_sync_without_state(number: signal.Signals, paged: Sandbox) -> None:
    paged.faults[2] = faults.delay(30)
    with start(paged) as process:
        assert process.stdout is not None
        first = [process.stdout.readline() for _ in range(6)]
        process.send_signal(number)
        rest, stderr = process.communicate(timeout=10)

    run = Run(process.returncode, "".join(first) + rest, stderr)
    assert run.code == 1
    assert "Stopped by a signal" in run.stderr
    assert "Traceback" not in run.stderr
    assert len(run.records("admins")) == 5
    assert run.of("STATE") == run.of("ACTIVATE_VERSION") == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_sync_whose_target_hangs(number: signal.Signals) -> None:
    with Sandbox(generated(3000, 1)) as sandbox, start(sandbox) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(2)  # until the pipe is full
        process.send_signal(number)

        assert process.wait(timeout=10) == 1


def test_a_target_that_closes_the_pipe_ends_the_sync() -> None:
    with Sandbox(generated(3000, 1)) as sandbox, start(sandbox) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        run = Run(process.wait(timeout=10), "", process.stderr.read())

    assert "The target closed the pipe" in run.error
    assert "BrokenPipeError" not in run.stderr
