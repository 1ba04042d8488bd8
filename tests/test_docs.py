"""README and docs say what the tap does, and their blocks run or can be parsed."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import duckdb
import pytest
import yaml

from tests.commands import BIN, POSIX, ROOT, environment
from tests.docs import BLOCK, PAGES, README, block, row
from tests.runs import run_tap

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tap_intercom_access.sandbox.server import Sandbox

PARSERS: dict[str, Callable[[str], object]] = {
    "": str,  # a map of the code
    "json": json.loads,
    "python": lambda text: compile(text, "a page", "exec"),
    "sql": duckdb.extract_statements,
    "text": str,
    "yaml": yaml.safe_load,
}


@pytest.mark.parametrize("page", PAGES)
def test_every_block_of_a_page_can_be_parsed(page: str) -> None:
    for language, text in BLOCK.findall(PAGES[page]):
        if language == "bash":
            if POSIX:
                subprocess.run(["sh", "-n", "-c", text], check=True)
        else:
            assert PARSERS[language](text), text


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) <= 200


def test_the_settings_table_is_the_taps_own() -> None:
    about = run_tap("--about", "--format=markdown").stdout
    table = about.partition("## Settings\n\n")[2].partition("\n\n")[0]
    shown = re.search(r"<!-- settings: .*? -->\n(.*?)<!-- /settings -->", README, re.DOTALL)

    assert shown
    assert shown[1].strip() == table.strip()


def test_the_columns_of_the_streams_are_the_taps_own() -> None:
    for entry in json.loads(run_tap("--discover").stdout)["streams"]:
        _, keys, _, columns = row(f"`{entry['stream']}`")
        expected = []
        for name, column in entry["schema"]["properties"].items():
            expected += [name, *column.get("properties", {})]

        assert re.findall(r"`(\w+)`", keys) == entry["key_properties"]
        assert [name for name in re.findall(r"`(\w+)`", columns) if name in expected] == expected


def test_the_first_two_commands_are_the_ones_that_ci_runs() -> None:
    first, second = block("## Try it", "bash"), block("To run all tests", "bash")
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")

    assert first.strip() == (
        "pip install -e '.[demo]' && intercom-sandbox meltano run tap-intercom-access target-jsonl"
    )
    assert second.strip() == "pip install -e '.[dev]' && pytest"
    assert first.partition("&& ")[2].strip() in ci
    assert second.partition("&& ")[2].strip() in ci


def test_the_nightly_jobs_are_what_their_runners_read(tmp_path: Path) -> None:
    crontab = block("With cron", "text")
    assert re.fullmatch(r"(\S+ ){5}cd \S+ && \. \S+ && meltano run \S+ .*\n", crontab)

    airflow = block("With Airflow", "python")
    assert "{{{{ var.value.intercom_{workspace} }}}}" in airflow

    cron_job = yaml.safe_load(block("With Kubernetes", "yaml"))
    assert cron_job["kind"] == "CronJob"
    pod = cron_job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert pod["restartPolicy"] == "Never"
    assert pod["containers"][0]["env"][1]["valueFrom"]["secretKeyRef"]["name"] == "intercom"
    workflow = block("With GitHub Actions", "yaml")
    path = tmp_path / "nightly.yml"
    path.write_text(workflow, encoding="utf-8")
    check = [str(BIN / "check-jsonschema"), "--builtin-schema", "vendor.github-workflows"]
    subprocess.run([*check, str(path)], check=True)


@pytest.mark.skipif(not POSIX, reason="a command line of a POSIX shell")
def test_the_command_without_meltano_works(sandbox: Sandbox, tmp_path: Path) -> None:
    _, command = block("## As a command", "bash").splitlines()
    config = json.loads(block("with `config.json`", "json"))
    config |= {"access_token": sandbox.token, "base_url": sandbox.base_url}
    (tmp_path / "config.json").write_text(json.dumps(config))
    reader = tmp_path / "target-jsonl"
    reader.write_text("#!/bin/sh\ngrep -c RECORD\n")
    reader.chmod(0o755)

    done = subprocess.run(  # noqa: S602 (a command of the documentation)
        command,
        capture_output=True,
        check=True,
        cwd=tmp_path,
        encoding="utf-8",
        env=environment(PATH=f"{tmp_path}:{BIN}:/usr/bin:/bin"),
        shell=True,
    )

    assert done.stdout.strip() == "30"


def test_the_library_lists_teammates(sandbox: Sandbox) -> None:
    script = block("## As a library", "python")
    script = script.replace('"ACCESS_TOKEN"', f"{sandbox.token!r}, base_url={sandbox.base_url!r}")

    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        check=True,
        encoding="utf-8",
        env=environment(PYTHONIOENCODING="utf-8"),
    )

    assert done.stdout.splitlines() == [f"{p.id} {p.name}" for p in sandbox.workspace.admins]


def test_messages_of_the_troubleshooting_table_exist() -> None:
    table = README.partition("## Troubleshooting")[2].partition("\n\nMore detail")[0]
    messages = re.findall(r"^\| `(.*?)` \|", table, flags=re.MULTILINE)
    code = " ".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "tap_intercom_access").rglob("*.py")
    )
    code = re.sub(r'"\s+f?"', "", code)  # join strings over several lines

    assert len(messages) > 5
    for message in messages:
        for words in re.sub(r"^(access_token|base_url) |HTTP \d+.*", "", message).split("…"):
            assert words in code or words == "certificate verify failed", message
