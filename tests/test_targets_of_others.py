"""Targets and tools beside the four that README names first: they take it all, and give it back."""

from __future__ import annotations

import hashlib
import json
import socket
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
import requests
from psycopg import conninfo

from tests.tap import TAP, environment
from tests.targets import installed, load

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tap_intercom_access.sandbox.server import Sandbox
    from tests.targets import Postgres

pytestmark = pytest.mark.targets

LEAVERS = {"TAP_INTERCOM_ACCESS_EMIT_ACTIVATE_VERSION_MESSAGES": "true"}


def config_file(folder: Path, **config: object) -> Path:
    path = folder / "config.json"
    path.write_text(json.dumps(config), encoding="utf-8")
    return path


@contextmanager
def bucket(name: str) -> Iterator[str]:
    """The URL of an S3 on this machine, with an empty bucket that needs no key to be read."""
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
    with bucket("access") as url:
        keys = {"aws_access_key_id": "x", "aws_secret_access_key": "y", "aws_region": "us-east-1"}
        config = config_file(
            tmp_path,
            format={"format_type": "parquet", "format_parquet": {}},
            compression="none",
            cloud_provider={
                "cloud_provider_type": "aws",
                "aws": keys | {"aws_bucket": "access", "aws_endpoint_override": url},
            },
            prefix="intercom",
            append_date_to_prefix=False,
            append_date_to_filename=False,
            append_uuid=False,
        )
        codes = load(sandbox, "plinxore/target-s3", config)
        for stream in ("admins", "teams", "team_memberships"):
            key = f"access/intercom/{stream}/{stream}-part-00001.parquet"
            response = requests.get(f"{url}/{key}", timeout=30)
            response.raise_for_status()
            (tmp_path / f"{stream}.parquet").write_bytes(response.content)

    def read(columns: str, stream: str) -> list[Any]:
        with duckdb.connect() as connection:
            query = f"select {columns} from '{tmp_path}/{stream}.parquet'"
            return connection.execute(query).fetchall()

    workspace = sandbox.workspace
    assert codes == (0, 0)
    assert sorted(read("id, name, email, role.name, len(team_ids)", "admins")) == sorted(
        (
            row["id"],
            row["name"],
            row["email"],
            row.get("role", {}).get("name"),
            len(row["team_ids"]),
        )
        for row in workspace.admin_rows()
    )
    assert sorted(read("id, name, admin_ids", "teams")) == [
        (str(team.id), team.name, [str(id_) for id_ in team.members]) for team in workspace.teams
    ]
    assert sorted(read("team_id, admin_id", "team_memberships")) == sorted(
        (str(team.id), str(id_)) for team in workspace.teams for id_ in team.members
    )


def test_the_postgres_target_of_pipelinewise_updates_and_keeps_leavers_unmarked(
    sandbox: Sandbox, postgres: Postgres, tmp_path: Path
) -> None:
    server = conninfo.conninfo_to_dict(postgres.uri)
    config = config_file(
        tmp_path,
        host=server["host"],
        port=int(server.get("port") or 5432),
        user=server["user"],
        password=server.get("password") or "none",
        dbname=server["dbname"],
        default_target_schema=postgres.schema,
        hard_delete=True,
        add_metadata_columns=True,
    )

    first = load(sandbox, "pipelinewise/target-postgres", config, **LEAVERS)
    sandbox.workspace.leave(1010)
    sandbox.workspace.admins[0].name = "Aoife Byrne"
    second = load(sandbox, "pipelinewise/target-postgres", config, **LEAVERS)

    assert first == second == (0, 0)
    rows = {row["id"]: row for row in postgres.query("select * from admins")}
    assert len(rows) == 13
    assert rows["1001"]["name"] == "Aoife Byrne"
    assert rows["1001"]["role"] == {"id": "1", "name": "Workspace admin"}
    assert rows["1002"]["team_ids"] == ["501", "502"]
    assert rows["1010"]["_sdc_deleted_at"] is None


def test_a_mapper_between_tap_and_target_loses_nothing(sandbox: Sandbox, tmp_path: Path) -> None:
    maps = {"admins": {"email": "sha256(email)", "workspace": "'us'"}}
    mapping = config_file(tmp_path, stream_maps=maps)
    with subprocess.Popen(
        [TAP, "--config=ENV"],
        env=environment(**sandbox.settings, **LEAVERS),
        stdout=subprocess.PIPE,
    ) as tap:
        mapped = subprocess.run(
            [installed("meltano-map-transform"), "--config", mapping],
            check=True,
            encoding="utf-8",
            env=environment(),
            stdin=tap.stdout,
            stdout=subprocess.PIPE,
        )

    assert tap.returncode == 0
    messages = [json.loads(line) for line in mapped.stdout.splitlines()]
    records = [message["record"] for message in messages if message["type"] == "RECORD"]
    admins = [record for record in records if "workspace" in record]
    assert len(records) == 30
    assert {row["email"] for row in admins} == {
        hashlib.sha256(admin.email.encode()).hexdigest() for admin in sandbox.workspace.admins
    }
    assert sum(message["type"] == "ACTIVATE_VERSION" for message in messages) == 3
