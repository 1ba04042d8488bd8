"""The sandbox: its command, and responses like Intercom's."""

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests
from typing_extensions import override

from tap_intercom_access.sandbox.demo import demo, generate_workspace
from tap_intercom_access.sandbox.history import generate_events
from tap_intercom_access.sandbox.server import Behaviour, Sandbox
from tap_intercom_access.sandbox.workspace import Workspace
from tests.responses import SEARCH
from tests.tap import DEFAULT_STREAMS, NEEDS_POSIX, POSIX, SANDBOX, TAP, environment, run_command

SHOW = "import os; print(os.environ['TAP_INTERCOM_ACCESS_BASE_URL'], flush=True)"


def get(sandbox: Sandbox, path: str, version: str = "2.16") -> requests.Response:
    headers = {"Authorization": f"Bearer {sandbox.token}", "Intercom-Version": version}
    return requests.get(f"{sandbox.base_url}{path}", headers=headers, timeout=10)


def search(sandbox: Sandbox, **parameters: object) -> dict[str, Any]:
    """Search for events, and return the response."""
    response = requests.post(
        f"{sandbox.base_url}{SEARCH}",
        headers={"Authorization": f"Bearer {sandbox.token}"},
        json={"created_at_after": 0} | parameters,
        timeout=10,
    )
    body: dict[str, Any] = response.json()
    return body


KILL = "import signal; os.kill(os.getpid(), signal.SIGTERM)"


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ("raise SystemExit(7)", 7),
        pytest.param(KILL, 143, marks=pytest.mark.skipif(not POSIX, reason=NEEDS_POSIX)),
    ],
)
def test_a_command_gets_the_settings_and_its_exit_code_is_returned(script: str, code: int) -> None:
    done = run_command(SANDBOX, sys.executable, "-c", f"{SHOW}; {script}")

    assert done.stdout.startswith("http://127.0.0.1:")
    assert done.code == code


def test_the_error_names_a_missing_command() -> None:
    done = run_command(SANDBOX, "no-such-command")

    assert done.code == 1
    assert "no-such-command" in done.stderr


def test_a_workspace_of_any_size_is_served_in_pages() -> None:
    done = run_command(
        SANDBOX, "--admins", "7", "--teams", "3", "--page-size", "2", TAP, "--config=ENV"
    )

    assert done.code == 0
    counts = {stream: len(done.records(stream)) for stream in DEFAULT_STREAMS}
    assert counts == {"admins": 7, "teams": 3, "team_memberships": 7}


@pytest.mark.skipif(not POSIX, reason=NEEDS_POSIX)
def test_without_a_command_the_sandbox_prints_settings_and_keeps_running() -> None:
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


def test_without_flask_the_error_shows_how_to_install_it(tmp_path: Path) -> None:
    (tmp_path / "flask.py").write_text("raise ImportError('No module named flask')")
    done = run_command(SANDBOX, "true", PYTHONPATH=tmp_path)

    assert done.code == 1
    assert "pip install flask" in done.stderr
    assert "install tap-" not in done.stderr.replace("'", "")


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


class CountingWorkspace(Workspace):
    rows_made = 0

    @override
    def admin_rows(self, part: slice = slice(None)) -> list[dict[str, Any]]:
        rows = super().admin_rows(part)
        self.rows_made += len(rows)
        return rows


def test_a_page_creates_only_its_own_rows() -> None:
    workspace = CountingWorkspace(generate_workspace(500, 3).admins, [])
    with Sandbox(workspace, Behaviour(page_size=50)) as sandbox:
        first = get(sandbox, "/admins").json()
        second = get(
            sandbox, f"/admins?starting_after={first['pages']['next']['starting_after']}"
        ).json()

    assert [row["id"] for row in second["admins"]] == [str(10_050 + n) for n in range(50)]
    assert workspace.rows_made == 100


def test_roles_are_listed_from_version_2_18_on(sandbox: Sandbox) -> None:
    sandbox.workspace.roles["5"] = "Not assigned"
    old, new, preview = (
        get(sandbox, "/roles", version=version) for version in ("2.16", "2.18", "Preview")
    )

    assert [old.status_code, new.status_code, preview.status_code] == [404, 200, 200]
    body = new.json()
    assert body["type"] == "list"
    assert [row["id"] for row in body["data"]] == ["1", "2", "3", "4", "5"]
    assert body["data"][0]["description"].startswith("Can change everything")
    unknown = {"type": "role", "id": "5", "name": "Not assigned", "description": None}
    assert body["data"][4] == unknown


def test_events_can_come_in_pages_of_a_fixed_size(sandbox: Sandbox) -> None:
    sandbox.workspace.history = generate_events(45, 1, 1000)
    sandbox.behaviour.event_page_size = 20
    bodies = [search(sandbox, per_page=250, page=page) for page in (1, 2, 3, 4)]

    assert [len(body["activity_logs"]) for body in bodies] == [20, 20, 5, 0]
    assert bodies[0]["pages"]["per_page"] == 20
    assert bodies[0]["pages"]["total_pages"] == 3


def test_ties_can_be_shuffled_in_each_response(sandbox: Sandbox) -> None:
    sandbox.workspace.history = [*generate_events(30, 5, 6), *generate_events(1, 9, 10)]
    sandbox.behaviour.event_order = "shuffled ties"
    first, second = (search(sandbox, per_page=250)["activity_logs"] for _ in range(2))

    assert first != second
    assert first[0]["created_at"] == second[0]["created_at"] == 9
    assert sorted(map(str, first)) == sorted(map(str, second))


def test_event_types_without_events_are_listed(sandbox: Sandbox) -> None:
    types = get(sandbox, "/admins/activity_log_event_types").json()["event_types"]

    assert {"role_deletion", "admin_login_success"} <= {*types}
