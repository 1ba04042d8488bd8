"""Real targets store the tap's records unchanged."""

import ast
import csv
import hashlib
import json
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pytest
import requests
from psycopg import conninfo

from tap_intercom_access.sandbox.server import Sandbox
from tests.tap import ACTIVATE, DEFAULT_STREAMS, environment, sync, write
from tests.targets import DuckDB, Postgres, Rows, check_rows, installed, load

pytestmark = pytest.mark.targets


def test_jsonl_loads_and_appends_rows(sandbox: Sandbox, tmp_path: Path) -> None:
    where = {"destination_path": str(tmp_path), "do_timestamp_file": False}
    config = write(tmp_path / "c.json", where)

    def read(stream: str) -> Rows:
        lines = (tmp_path / f"{stream}.jsonl").read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines]

    assert load(sandbox, "target-jsonl", config) == (0, 0)
    check_rows(sandbox, read)
    assert load(sandbox, "target-jsonl", config, **ACTIVATE) == (0, 0)
    assert len(read("admins")) == 2 * 13


def test_csv_loads_and_replaces_files(sandbox: Sandbox, tmp_path: Path) -> None:
    config = write(tmp_path / "c.json", {"output_path": str(tmp_path)})

    def read(stream: str) -> Rows:
        with (tmp_path / f"{stream}.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        return [{name: parsed(name, text) for name, text in row.items()} for row in rows]

    def parsed(name: str, text: str) -> object:
        python = name == "assignment_limit" or text[:1] in "[{" or text in ("True", "False")
        return ast.literal_eval(text or "None") if python else (text or None)

    for _ in range(2):
        assert load(sandbox, "target-csv", config) == (0, 0)
        check_rows(sandbox, read)


def test_duckdb_updates_rows_and_keeps_leavers(
    sandbox: Sandbox, duck: DuckDB, tmp_path: Path
) -> None:
    for _ in range(2):
        assert load(sandbox, "target-duckdb", duck.config, **ACTIVATE) == (0, 0)
        check_rows(sandbox, duck.read)
    sandbox.workspace.leave(1010)
    assert load(sandbox, "target-duckdb", duck.config, **ACTIVATE) == (0, 0)
    assert "1010" in {row["id"] for row in duck.read("admins")}
    with duckdb.connect(str(duck.path)) as connection:  # as in docs/targets.md
        connection.execute(f"copy intercom.admins to '{tmp_path}/admins.parquet'")
        rows = connection.execute(f"from '{tmp_path}/admins.parquet'").fetchall()
    assert len(rows) == 13


def test_postgres_loads_and_updates_rows(sandbox: Sandbox, postgres: Postgres) -> None:
    def read(stream: str) -> Rows:
        return postgres.query(f"select * from {stream}")

    for _ in range(2):
        assert load(sandbox, "target-postgres", postgres.config()) == (0, 0)
        check_rows(sandbox, read)
    sandbox.workspace.admins[0].name = "Aoife O'Brien"
    assert load(sandbox, "target-postgres", postgres.config()) == (0, 0)
    check_rows(sandbox, read)


def test_the_singer_validator_accepts_the_output(sandbox: Sandbox, tmp_path: Path) -> None:
    output = sync(sandbox, **ACTIVATE).stdout
    lines = [line for line in output.splitlines() if "ACTIVATE_VERSION" not in line]
    validator = installed("singer-check-tap")

    done = subprocess.run(
        [str(Path(validator).parent / "python"), validator],  # its shebang has no spaces
        capture_output=True,
        check=False,
        cwd=tmp_path,
        encoding="utf-8",
        input="\n".join(lines),
    )

    assert done.returncode == 0, done.stderr
    assert "The output is valid" in done.stdout + done.stderr
    assert "30 record messages" in done.stdout + done.stderr


# Other targets and tools


@contextmanager
def bucket(name: str) -> Iterator[str]:
    """Run an S3 server with an empty public bucket, and yield its URL."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    with subprocess.Popen(
        [installed("moto_server"), "-H", "127.0.0.1", "-p", port],
        env=environment(PYTHONUNBUFFERED="1"),
        stderr=subprocess.PIPE,
    ) as server:
        assert server.stderr
        while b"Running on" not in (line := server.stderr.readline()):
            assert line, "moto's server did not start"
        try:
            requests.put(f"http://127.0.0.1:{port}/{name}", timeout=30).raise_for_status()
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


def test_a_bucket_receives_parquet_files(sandbox: Sandbox, tmp_path: Path) -> None:
    keys = {"aws_access_key_id": "x", "aws_secret_access_key": "y", "aws_region": "us-east-1"}
    config: dict[str, Any] = {
        "format": {"format_type": "parquet", "format_parquet": {}},
        "compression": "none",
        "prefix": "intercom",
        "append_date_to_prefix": False,
        "append_date_to_filename": False,
        "append_uuid": False,
    }
    with bucket("access") as url:
        aws = keys | {"aws_bucket": "access", "aws_endpoint_override": url}
        config["cloud_provider"] = {"cloud_provider_type": "aws", "aws": aws}
        codes = load(sandbox, "plinxore/target-s3", write(tmp_path / "c.json", config))
        for stream in DEFAULT_STREAMS:
            key = f"access/intercom/{stream}/{stream}-part-00001.parquet"
            response = requests.get(f"{url}/{key}", timeout=30)
            response.raise_for_status()
            (tmp_path / f"{stream}.parquet").write_bytes(response.content)

    def read(stream: str) -> Rows:
        with duckdb.connect() as connection:
            table = connection.sql(f"from '{tmp_path}/{stream}.parquet'")
            return [dict(zip(table.columns, row, strict=True)) for row in table.fetchall()]

    assert codes == (0, 0)
    check_rows(sandbox, read)


def test_the_postgres_target_of_pipelinewise_updates_and_keeps_leavers_unmarked(
    sandbox: Sandbox, postgres: Postgres, tmp_path: Path
) -> None:
    server = conninfo.conninfo_to_dict(postgres.uri)
    settings = {
        **{name: server[name] for name in ("host", "user", "dbname")},
        "port": int(server.get("port") or 5432),
        "password": server.get("password") or "none",
        "default_target_schema": postgres.schema,
        "hard_delete": True,
        "add_metadata_columns": True,
    }
    config = write(tmp_path / "c.json", settings)

    first = load(sandbox, "pipelinewise/target-postgres", config, **ACTIVATE)
    sandbox.workspace.leave(1010)
    sandbox.workspace.admins[0].name = "Aoife Byrne"
    second = load(sandbox, "pipelinewise/target-postgres", config, **ACTIVATE)

    assert first == second == (0, 0)
    rows = {row["id"]: row for row in postgres.query("select * from admins")}
    assert len(rows) == 13
    assert rows["1001"]["name"] == "Aoife Byrne"
    assert rows["1001"]["role"] == {"id": "1", "name": "Workspace admin"}
    assert rows["1002"]["team_ids"] == ["501", "502"]
    assert rows["1010"]["_sdc_deleted_at"] is None


def test_a_mapper_between_tap_and_target_loses_no_record(sandbox: Sandbox, tmp_path: Path) -> None:
    maps = {"admins": {"email": "sha256(email)", "workspace": "'us'"}}
    mapping = write(tmp_path / "c.json", {"stream_maps": maps})

    mapped = subprocess.run(
        [installed("meltano-map-transform"), "--config", mapping],
        check=True,
        encoding="utf-8",
        env=environment(),
        input=sync(sandbox, **ACTIVATE).stdout,
        stdout=subprocess.PIPE,
    )

    messages = [json.loads(line) for line in mapped.stdout.splitlines()]
    records = [message["record"] for message in messages if message["type"] == "RECORD"]
    admins = [record for record in records if "workspace" in record]
    assert len(records) == 30
    assert {row["email"] for row in admins} == {
        hashlib.sha256(admin.email.encode()).hexdigest() for admin in sandbox.workspace.admins
    }
    assert sum(message["type"] == "ACTIVATE_VERSION" for message in messages) == 3
