"""The built wheels, in new environments, outside of the repository."""

import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from projects import PACKAGE, day, read_rows, write_rows
from tests.tap import BIN, ROOT, environment
from tests.targets import variables_of

pytestmark = [pytest.mark.targets, pytest.mark.slow]

REVIEWERS = (
    "kind,name,reviewer\ndefault,,aoife@example.com\nrole,Workspace admin,grace@example.com\n"
    "team,Support,tomas@example.com\nteam,Escalations ⚡,tomas@example.com\n"
)


def run(*command: str | Path, cwd: Path, **variables: str) -> str:
    done = subprocess.run(
        command,
        capture_output=True,
        check=False,
        cwd=cwd,
        encoding="utf-8",
        env=environment(**variables),
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheels of the tap and of two versions of the package."""
    folder = tmp_path_factory.mktemp("wheels")
    build = [sys.executable, "-m", "build", "--installer", "uv", "--wheel", "--outdir", str(folder)]
    run(*build, str(ROOT), cwd=folder)
    run(*build, str(PACKAGE), cwd=folder)
    source = folder / "source"
    run("cp", "-r", str(PACKAGE), str(source), cwd=folder)
    project = source / "pyproject.toml"
    text = project.read_text(encoding="utf-8").replace('version = "1.0.0"', 'version = "1.0.1"')
    project.write_text(text, encoding="utf-8")
    run(*build, str(source), cwd=folder)
    return folder


def complete_all(folder: Path, review: str, on: str) -> None:
    (folder / "inbox").mkdir(exist_ok=True)
    for path in (folder / "reviews" / review / "worksheets").glob("*.csv"):
        if path.stem != "all":
            rows = read_rows(path)
            for row in rows:
                row |= {"decided by": row["reviewer"], "decided on": on, "decision": "approve"}
                if not row["row"].startswith("attestation/"):
                    row["decision"] = "revoke" if row["row"] == "1006/seat" else "approve"
                    row["reason"] = "needed" if row["privileged"] else ""
            write_rows(folder / "inbox" / path.name, rows)


def new_database(server: str) -> dict[str, str]:
    """Create a database for one test, and return the environment variables for it."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("create database wheels")
        connection.execute("alter database wheels set timezone to 'America/Los_Angeles'")
    return variables_of(server) | {"PGDATABASE": "wheels"}


@pytest.mark.parametrize("warehouse", ["duckdb", "postgres"])
def test_two_reviews_with_an_upgrade_in_between(
    warehouse: str, wheels: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    variables = {"TZ": "America/Los_Angeles", "MELTANO_RUN_FULL_REFRESH": "true"}
    variables |= {"MELTANO_RUN_STATE_ID_SUFFIX": "own", "DBT_TARGET": "of another project"}
    variables["TAP_INTERCOM_ACCESS_START_DATE"] = str(day(180))
    if warehouse == "postgres":
        variables |= new_database(request.getfixturevalue("database"))
    uv, venv = str(BIN / "uv"), tmp_path / "venv"
    run(uv, "--quiet", "venv", "--python", sys.executable, str(venv), cwd=tmp_path)
    pip = [uv, "--quiet", "pip", "install", "--python", str(venv)]
    (tap,) = wheels.glob("tap_*.whl")
    old, new = sorted(wheels.glob("intercom_*.whl"))
    run(*pip, str(old), cwd=tmp_path)
    command = venv / BIN.name / "intercom-access-review"
    run(command, "init", "project", "--warehouse", warehouse, cwd=tmp_path)
    project = tmp_path / "project"
    meltano_yml = project / "meltano.yml"
    text = meltano_yml.read_text(encoding="utf-8")
    assert tap.as_uri() in text
    (project / "inputs" / "reviewers.csv").write_text(REVIEWERS, encoding="utf-8")
    meltano, sandbox = str(BIN / "meltano"), str(BIN / "intercom-sandbox")
    run(meltano, "install", cwd=project, **variables)
    first, at = str(day(91)), f"{day(91)} 12:00:00"

    def reviewed(quarter: str, job: str, **more: str) -> None:
        run(sandbox, "--quarter", quarter, meltano, "run", job, cwd=project, **(variables | more))

    reviewed("1", "access-review", REVIEWED_AT=at)
    complete_all(project, first, str(day(90)))
    run(meltano, "run", "import-decisions", cwd=project, **variables)
    meltano_yml.write_text(text.replace(old.as_uri(), new.as_uri()), encoding="utf-8")
    run(meltano, "install", "--force", cwd=project, **variables)
    reviewed("2", "access-review")
    run(meltano, "run", "complete-review", cwd=project, **variables)
    assert (project / "reviews" / first / "completion" / "completion.json").exists()
    run(*pip, str(new), cwd=tmp_path)
    verified = run(command, "verify", str(project / "reviews"), cwd=tmp_path)
    assert verified.count("integrity check passed\n") == 2
    assert "written by 1.0.0" in verified
    assert "written by 1.0.1" in verified
