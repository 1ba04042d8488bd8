"""Targets and tools of others load all records and return them unchanged."""

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
from tests.targets import Postgres, Rows, check_rows, installed, load

pytestmark = pytest.mark.targets


@contextmanager
def bucket(name: str) -> Iterator[str]:
    """Return the URL of an S3 on this machine, with an empty bucket that anyone can read."""
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


def test_a_bucket_takes_parquet_files(sandbox: Sandbox, tmp_path: Path) -> None:
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


def test_a_mapper_between_tap_and_target_loses_nothing(sandbox: Sandbox, tmp_path: Path) -> None:
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
