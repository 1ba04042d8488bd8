"""The tap in Meltano: in a user's project, as in docs/meltano.md, and in a clone."""

import hashlib
import json
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tap_intercom_access.sandbox.demo import advance_quarter, demo
from tap_intercom_access.sandbox.server import Sandbox
from tests.docs import block
from tests.meltano import meltano, output_of
from tests.tap import BIN, CLONE, ROOT, SANDBOX, run_command
from tests.targets import Postgres

pytestmark = [pytest.mark.targets, pytest.mark.xdist_group("meltano")]

JSONL = """
  loaders:
  - name: target-jsonl
    namespace: target_jsonl
    pip_url: target-jsonl==0.1.4
    config: {destination_path: ., do_timestamp_file: false}
"""

POSTGRES = """
  loaders:
  - name: target-postgres
    namespace: target_postgres
    pip_url: meltanolabs-target-postgres==0.8.1
    settings: [{name: sqlalchemy_url}, {name: default_target_schema}]
    config:
      sqlalchemy_url: URL
      default_target_schema: $MELTANO_EXTRACT__LOAD_SCHEMA
"""


def snippet(after: str) -> str:
    """Return the first YAML block after a text, with this clone as the tap."""
    return block(after, "yaml").replace("/path/to/tap-intercom-access # your clone", CLONE)


def new_project(folder: Path, *plugins: str) -> Path:
    folder.mkdir()
    head = "default_environment: dev\nenvironments: [{name: dev}]\nplugins:\n"
    text = head + "".join(plugins)
    (folder / "meltano.yml").write_text(text, encoding="utf-8")
    return folder


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_cron_runs_the_pasted_blocks_and_its_mail_contains_no_token(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    pasted = re.sub("    select: .*\n", "", snippet("Paste this into"))
    tap = pasted + snippet("To select fewer streams and hash email addresses")
    project = new_project(tmp_path / "project", "  extractors:\n", tap, JSONL)
    with (project / "meltano.yml").open("a", encoding="utf-8") as file:
        file.write(snippet("To sync every night"))
    output_of(project, "select", "tap-intercom-access", "--exclude", "admins", "avatar_url")
    schedules = json.loads(output_of(project, "schedule", "list", "--format=json"))
    output_of(project, "install")
    path, line = block("so the crontab's first line", "text").splitlines()
    path = path.replace("/srv/access/.venv/bin", str(BIN))
    command = line.removeprefix("0 3 * * * ").replace("/srv/access", shlex.quote(str(project)))
    secret = block("Put the token into the project's", "text")

    runs = []
    for token in (sandbox.token, "wrong-token-0123456789"):
        text = f"{secret.replace('…', token)}TAP_INTERCOM_ACCESS_BASE_URL={sandbox.base_url}\n"
        text += "TAP_INTERCOM_ACCESS_API_VERSION=2.17\n"  # a setting that few projects declare
        (project / ".env").write_text(text, encoding="utf-8")
        cron = ["env", "-i", f"HOME={tmp_path}", "SHELL=/bin/sh", path, "sh", "-c", command]
        runs.append(subprocess.run(cron, capture_output=True, check=False, encoding="utf-8"))

    log = (project / "access.log").read_text(encoding="utf-8")
    assert [run.returncode for run in runs] == [0, 1], log
    assert [run.stdout + run.stderr for run in runs] == ["", ""]
    assert "HTTP 401" in log
    assert sandbox.token not in log
    assert "wrong-token" not in log
    assert {headers["Intercom-Version"] for headers in sandbox.journal.headers} == {"2.17"}
    assert schedules["schedules"]["job"][0]["job"]["name"] == "access-list"
    admins = lines(project / "admins.jsonl")
    emails = {hashlib.sha256(p.email.encode()).hexdigest() for p in sandbox.workspace.admins}
    assert {row["email"] for row in admins} == emails
    assert [row for row in admins if "avatar_url" in row] == []
    assert len(lines(project / "team_memberships.jsonl")) == 13
    assert not (project / "teams.jsonl").exists()


def test_meltano_adds_the_tap_from_the_definition_file(project: Path, sandbox: Sandbox) -> None:
    definition = project / "tap-intercom-access.yml"
    text = definition.read_text(encoding="utf-8")
    text = re.sub("pip_url: git.*", "pip_url: ../tap-intercom-access", text)  # after a release
    definition.write_text(text, encoding="utf-8")
    own = new_project(project.parent / "own", JSONL.removeprefix("\n"))

    for command in block("## Add the tap", "bash").splitlines():
        output_of(own, *shlex.split(command)[1:])
    output_of(own, "config", "set", "tap-intercom-access", "base_url", sandbox.base_url)
    output_of(own, "run", "tap-intercom-access", "target-jsonl", **sandbox.settings)

    assert len(lines(own / "admins.jsonl")) == 13
    assert not (own / "activity_logs.jsonl").exists()


def test_several_workspaces_share_a_warehouse(tmp_path: Path, postgres: Postgres) -> None:
    loader = POSTGRES.replace("URL", postgres.uri.replace("postgresql:", "postgresql+psycopg:"))
    us, eu = f"{postgres.schema}_us", f"{postgres.schema}_eu"
    taps = snippet("Paste this into") + snippet("one extractor and one schema for each")
    taps = taps.replace("intercom_us", us).replace("intercom_eu", eu)
    taps = taps.replace("base_url: https://api.eu.intercom.io", "base_url: $EU_URL")
    taps = taps.replace("abc12345", demo().id).replace("def67890", "second")
    project = new_project(tmp_path / "project", "  extractors:\n", taps, loader)
    runs = [("run", f"tap-intercom-access-{region}", "target-postgres") for region in ("us", "eu")]
    union = block("one extractor and one schema for each", "sql")
    union = union.replace("intercom_us", us).replace("intercom_eu", eu)
    rows = union.removeprefix("create view all_admins as\n") + " order by workspace, id"

    with Sandbox(demo()) as first, Sandbox(demo()) as second:
        advance_quarter(second.workspace)
        second.workspace.id = "second"
        variables = {
            "TAP_INTERCOM_ACCESS_US_ACCESS_TOKEN": first.token,
            "TAP_INTERCOM_ACCESS_US_BASE_URL": first.base_url,
            "TAP_INTERCOM_ACCESS_EU_ACCESS_TOKEN": second.token,
            "EU_URL": second.base_url,
        }
        for run in runs:
            output_of(project, *run, **variables)
        before = postgres.query(rows)
        second.workspace.leave(1001)
        output_of(project, *runs[1], **variables)
        after = postgres.query(rows)
        del variables["TAP_INTERCOM_ACCESS_EU_ACCESS_TOKEN"]
        variables |= {"TAP_INTERCOM_ACCESS_ACCESS_TOKEN": first.token}  # EU inherits this
        variables["EU_URL"] = first.base_url
        inherited = meltano(project, *runs[1], **variables)

    assert [row["workspace"] for row in before] == ["eu"] * 13 + ["us"] * 13
    gone = [row for row in after if row["_sdc_deleted_at"]]
    assert [(row["workspace"], row["id"]) for row in gone][-1] == ("eu", "1001")
    assert [row for row in after if row["workspace"] == "us"] == before[13:]
    assert inherited.returncode == 1
    assert "but workspace_id is 'second'" in " ".join(inherited.stderr.split())
    assert postgres.query(rows) == after


# The project in a clone


def test_each_run_writes_the_same_records_into_new_files(project: Path, sandbox: Sandbox) -> None:
    output = project / "output"
    earlier = set(output.glob("*"))  # other tests also write here
    variables = sandbox.settings | {"TAP_INTERCOM_ACCESS_EVIDENCE_PATH": "evidence"}
    for _ in range(2):
        output_of(project, "run", "tap-intercom-access", "target-jsonl", **variables)
    replay = run_command(SANDBOX, "--replay", project / "evidence")

    lines = sorted(
        (path.name.partition("-")[0], len(path.read_text(encoding="utf-8").splitlines()))
        for path in set(output.iterdir()) - earlier
    )
    expected = [("admins", 13), ("team_memberships", 13), ("teams", 4)]
    assert lines == sorted(expected * 2)
    assert (project / "meltano.yml").read_bytes() == (ROOT / "meltano.yml").read_bytes()
    assert replay.code == 0, replay.stderr


@pytest.mark.parametrize(
    ("token", "code", "message"),
    [
        (Sandbox.token, 0, "Plugin configuration is valid"),
        ("wrong", 1, "copy it again from Intercom's Developer Hub"),
    ],
)
def test_the_connection_test_passes_or_says_what_to_do(
    token: str, code: int, message: str, project: Path, sandbox: Sandbox
) -> None:
    variables = sandbox.settings | {"TAP_INTERCOM_ACCESS_ACCESS_TOKEN": token}
    done = meltano(project, "config", "test", "tap-intercom-access", **variables)

    assert done.returncode == code
    assert message in " ".join((done.stdout + done.stderr).split())


def test_another_loader_works_with_the_documented_lines(project: Path, sandbox: Sandbox) -> None:
    lines = block("To define a loader yourself", "yaml")
    assert len(lines.splitlines()) == 3
    with (project / "meltano.yml").open("a", encoding="utf-8") as file:
        file.write(lines)

    done = meltano(project, "run", "tap-intercom-access", "target-csv", **sandbox.settings)

    assert done.returncode == 0, done.stderr
    assert len((project / "teams.csv").read_text(encoding="utf-8").splitlines()) == 1 + 4
