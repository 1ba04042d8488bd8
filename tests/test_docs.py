"""README and docs match the tap, and their code blocks can be parsed."""

import json
import re
import subprocess
from collections.abc import Callable

import duckdb
import pytest
import yaml

from tap_intercom_access.sandbox.server import Sandbox
from tests.docs import BLOCK, PAGES, README, row
from tests.tap import DEFAULT_STREAMS, POSIX, ROOT, catalog_of, sync_here

TROUBLESHOOTING = PAGES["docs/troubleshooting.md"]
OF_OTHERS = re.compile(r"HTTP \d+|certificate verify failed")
"""Messages that aren't strings of the tap's code."""

PARSERS: dict[str, Callable[[str], object]] = {
    "": str,  # the map of the code
    "json": json.loads,
    "python": lambda text: compile(text, "a page", "exec"),
    "sql": duckdb.extract_statements,
    "text": str,
    "yaml": yaml.safe_load,
}


@pytest.mark.parametrize("page", PAGES)
def test_every_block_of_a_page_can_be_parsed(page: str) -> None:
    for language, text in BLOCK.findall(PAGES[page]):
        if language in {"bash", "sh"}:
            if POSIX:
                subprocess.run(["sh", "-n", "-c", text], check=True)
        else:
            assert PARSERS[language](text), text


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) <= 160


@pytest.mark.parametrize(
    ("page", "folders"),
    [
        ("CONTRIBUTING.md", ("tap_intercom_access", "tests")),
        ("packages/intercom-access-review/CONTRIBUTING.md", ("src", "tests")),
    ],
)
def test_each_map_lists_every_module_and_every_test_helper(page: str, folders: list[str]) -> None:
    root, text = (ROOT / page).parent, (ROOT / page).read_text(encoding="utf-8")
    (the_map,) = [block for name, block in BLOCK.findall(text) if not name]
    parents: list[str] = []
    listed = []
    for line in the_map.splitlines():
        name = line.split()[0]
        depth = (len(line) - len(line.lstrip())) // 2
        parents[depth:] = [name]
        if name.endswith(".py"):
            listed.append("".join(parents))

    paths = [path for folder in folders for path in (root / folder).glob("**/*.py")]
    files = [path.relative_to(root).as_posix() for path in paths]
    expected = [
        path for path in files if not re.search(r"/(test_\w+|__init__|conftest)\.py$", path)
    ]
    assert sorted({*listed} - {"tests/conftest.py"}) == sorted(expected)


def test_every_test_that_contributing_names_exists() -> None:
    files = sorted((ROOT / "tests").glob("**/*.py"))
    tests = " ".join(f"{path.name} {path.read_text(encoding='utf-8')}" for path in files)

    named = set(re.findall(r"`(?:tests/)?(test_\w+(?:\.py)?)`", PAGES["CONTRIBUTING.md"]))
    assert {name for name in named if name not in tests} == set()


def test_the_records_in_the_readme_match_the_sandbox(sandbox: Sandbox) -> None:
    names = row("id")
    records = {record["id"]: record for record in sync_here(sandbox).records("admins")}

    shown = [row(id_) for id_ in ("1001", "1004", "1012")]

    for cells in shown:
        record = records[cells[0]]
        record["role.name"] = (record["role"] or {}).get("name")
        for name, cell in zip(names, cells, strict=True):
            value = record[name]
            assert cell == (value if isinstance(value, str) else json.dumps(value))


def test_the_streams_in_the_readme_match_the_tap() -> None:
    entries = {entry["stream"]: entry for entry in catalog_of()["streams"]}

    for name, entry in entries.items():
        (cells,) = [
            line.strip("| ").split(" | ")
            for line in README.splitlines()
            if line.startswith(f"| `{name}` | ")
        ]
        method = "incremental" if entry["replication_method"] == "INCREMENTAL" else "full table"
        assert re.findall(r"`(\w+)`", cells[2]) == list(entry["key_properties"])
        assert cells[3].startswith(method)
        assert cells[4] == ("yes" if name in DEFAULT_STREAMS else "no")


def messages(page: str) -> list[str]:
    """Return the messages in the tables of a page."""
    rows = re.findall(r"^\| (`.*?) \|", page, flags=re.MULTILINE)
    return [message for cell in rows for message in re.findall("`(.*?)`", cell)]


def test_messages_on_the_page_about_troubleshooting_exist() -> None:
    code = " ".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "tap_intercom_access").rglob("*.py")
    )
    code = re.sub(r'"\s+f?"', "", code)  # join strings that continue on the next line

    missing = [
        message
        for message in messages(TROUBLESHOOTING)
        if not OF_OTHERS.fullmatch(message)
        and not all(words.strip() in code for words in message.split("…"))
    ]

    assert len(messages(TROUBLESHOOTING)) > 50
    assert missing == []


def test_messages_in_the_readme_are_on_the_page_about_troubleshooting() -> None:
    section = README.partition("## Troubleshooting")[2].partition("## ")[0]

    assert len(messages(section)) == 5
    assert {*messages(section)} <= {*messages(TROUBLESHOOTING)}
