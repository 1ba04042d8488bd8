"""The sandbox: its command, and that it answers as Intercom does."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import requests
from typing_extensions import override

from tap_intercom_access.sandbox.demo import demo
from tap_intercom_access.sandbox.server import Behaviour, Sandbox
from tests.tap import (
    DEFAULT_STREAMS,
    NEEDS_POSIX,
    POSIX,
    SANDBOX,
    TAP,
    Result,
    environment,
    run_command,
)

if TYPE_CHECKING:
    from pathlib import Path

SHOW = "import os; print(os.environ['TAP_INTERCOM_ACCESS_BASE_URL'])"


def run_sandbox(*arguments: str, **variables: str) -> Result:
    return run_command(SANDBOX, *arguments, **variables)


def get(sandbox: Sandbox, path: str, token: str | None = None) -> requests.Response:
    headers = {"Authorization": f"Bearer {token or sandbox.token}"}
    return requests.get(f"{sandbox.base_url}{path}", headers=headers, timeout=10)


def test_a_command_finds_the_settings_and_its_exit_code_is_handed_on() -> None:
    run = run_sandbox(sys.executable, "-c", f"{SHOW}; raise SystemExit(7)")

    assert run.stdout.startswith("http://127.0.0.1:")
    assert run.code == 7


@pytest.mark.skipif(not POSIX, reason=NEEDS_POSIX)
def test_a_command_ended_by_a_signal_is_told_as_a_shell_does() -> None:
    kill = "import os, signal; os.kill(os.getpid(), signal.SIGTERM)"

    assert run_sandbox(sys.executable, "-c", kill).code == 128 + signal.SIGTERM


def test_a_command_that_does_not_exist_is_named() -> None:
    run = run_sandbox("no-such-command")

    assert run.code == 1
    assert "no-such-command" in run.stderr


def test_a_workspace_of_any_size_is_served_in_pages() -> None:
    run = run_sandbox("--admins", "7", "--teams", "3", "--page-size", "2", TAP, "--config=ENV")

    counts = {stream: len(run.records(stream)) for stream in DEFAULT_STREAMS}
    assert counts == {"admins": 7, "teams": 3, "team_memberships": 7}


@pytest.mark.skipif(not POSIX, reason=NEEDS_POSIX)
def test_without_a_command_it_prints_the_settings_and_stays_up() -> None:
    with subprocess.Popen(
        [SANDBOX], stdout=subprocess.PIPE, encoding="utf-8", env=environment(PYTHONUNBUFFERED="1")
    ) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline().strip() for _ in range(2)]
        settings = dict(line.removeprefix("export ").split("=") for line in lines)
        answer = requests.get(
            f"{settings['TAP_INTERCOM_ACCESS_BASE_URL']}/me",
            headers={"Authorization": f"Bearer {settings['TAP_INTERCOM_ACCESS_ACCESS_TOKEN']}"},
            timeout=10,
        )
        process.send_signal(signal.SIGINT)

    assert answer.json()["app"]["name"] == "Intercom sandbox"
    assert process.returncode == 0


def test_its_extra_is_named_where_flask_is_missing(tmp_path: Path) -> None:
    (tmp_path / "flask.py").write_text("raise ImportError('No module named flask')")

    run = run_sandbox("true", PYTHONPATH=str(tmp_path))

    assert run.code == 1
    assert "pip install flask" in run.stderr
    assert "install tap-" not in run.stderr.replace("'", "")


def test_a_wrong_token_is_refused_in_intercoms_words(sandbox: Sandbox) -> None:
    answer = get(sandbox, "/admins", token="wrong")  # noqa: S106

    assert answer.status_code == 401
    assert answer.json()["errors"] == [{"code": "unauthorized", "message": "Access Token Invalid"}]
    assert answer.json()["request_id"]
    assert "X-RateLimit-Limit" not in answer.headers


def test_an_unknown_path_is_not_found(sandbox: Sandbox) -> None:
    assert get(sandbox, "/contacts").json()["errors"][0]["code"] == "not_found"


def test_the_rate_limit_is_counted_down_and_then_enforced() -> None:
    class Still(Behaviour):
        @override
        def now(self) -> float:
            return 1_800_000_001

    with Sandbox(demo(), Still(rate_limit=2)) as sandbox:
        responses = [get(sandbox, "/teams") for _ in range(3)]

    headers = [response.headers for response in responses]
    assert [response.status_code for response in responses] == [200, 200, 429]
    assert [header["X-RateLimit-Remaining"] for header in headers] == ["1", "0", "0"]
    assert {header["X-RateLimit-Reset"] for header in headers} == {"1800000010"}


def test_pages_have_intercoms_form() -> None:
    with Sandbox(demo(), Behaviour(page_size=5)) as sandbox:
        first = get(sandbox, "/admins").json()["pages"]
        after = first["next"]["starting_after"]
        last = get(sandbox, f"/admins?starting_after={after}").json()["pages"]
        bad = get(sandbox, "/admins?starting_after=x")

    assert first == {
        "type": "pages",
        "next": {"per_page": 5, "starting_after": after},
        "page": 1,
        "per_page": 5,
        "total_pages": 3,
    }
    assert last["page"] == 2
    assert bad.status_code == 400


@pytest.mark.parametrize("path", ["/admins", "/teams"])
def test_rows_have_string_ids_and_integers_in_lists_of_ids(path: str, sandbox: Sandbox) -> None:
    for row in get(sandbox, path).json()[path[1:]]:
        ids = row.get("team_ids", row.get("admin_ids"))
        assert isinstance(row["id"], str)
        assert {type(id_) for id_ in ids} <= {int}
