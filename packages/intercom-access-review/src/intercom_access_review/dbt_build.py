"""Run the dbt project of this package. It writes only to the warehouse and to output/dbt."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from intercom_access_review.files import make_folder, write_text
from intercom_access_review.project import OUTPUT

if TYPE_CHECKING:
    from intercom_access_review.warehouse import Warehouse

PROJECT = Path(__file__).parent / "dbt"
FOLDER = OUTPUT / "dbt"
RUN_DBT = "from dbt.cli.main import cli; cli()"


def build(warehouse: Warehouse) -> None:
    """Build and test all models.

    Raises:
        click.ClickException: dbt fails.
    """
    make_folder(FOLDER)
    profile = {"target": "review", "outputs": {"review": warehouse.profile}}
    write_text(FOLDER / "profiles.yml", json.dumps({"access_review": profile}))
    # The variables of another dbt project would change where dbt writes, and what it builds.
    environment = {name: text for name, text in os.environ.items() if not name.startswith("DBT_")}
    arguments = [
        *("--quiet", "--no-use-colors", "--log-path", str(FOLDER), "--log-level-file", "none"),
        *("build", "--project-dir", str(PROJECT), "--profiles-dir", str(FOLDER)),
        *("--target", "review", "--target-path", str(FOLDER.absolute())),
    ]
    done = subprocess.run([sys.executable, "-c", RUN_DBT, *arguments], check=False, env=environment)  # noqa: S603
    if done.returncode:
        raise click.ClickException("dbt failed. See its messages above.")
