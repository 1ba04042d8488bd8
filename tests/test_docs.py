"""README and docs say what the tap does, and their blocks run or can be parsed."""

import json
import re
import subprocess
from collections.abc import Callable

import duckdb
import pytest
import yaml

from tests.docs import BLOCK, PAGES, README, block
from tests.tap import POSIX, ROOT

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
        if language in {"bash", "sh"}:
            if POSIX:
                subprocess.run(["sh", "-n", "-c", text], check=True)
        else:
            assert PARSERS[language](text), text


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) <= 200


def test_the_commands_of_the_readme_are_the_ones_that_ci_runs() -> None:
    demo, *others = [text for language, text in BLOCK.findall(README) if language == "bash"]
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")

    assert demo.startswith("git clone https://")  # by which .ci/readme finds the block
    assert demo.endswith("&& intercom-sandbox meltano run tap-intercom-access target-jsonl\n")
    assert "\n.ci/readme\n" in ci
    assert "pip install -e '.[dev]' && pytest\n" in others
    assert "\npytest " in ci


def test_the_map_lists_every_module_and_every_test_helper() -> None:
    (the_map,) = [text for name, text in BLOCK.findall(PAGES["CONTRIBUTING.md"]) if not name]
    folders: list[str] = []
    listed = []
    for line in the_map.splitlines():
        name = line.split()[0]
        depth = (len(line) - len(line.lstrip())) // 2
        folders[depth:] = [name]
        if name.endswith(".py"):
            listed.append("".join(folders))

    paths = [*ROOT.glob("tap_intercom_access/**/*.py"), *ROOT.glob("tests/*.py")]
    files = [path.relative_to(ROOT).as_posix() for path in paths]
    expected = [path for path in files if not re.search(r"/(test_\w+|__init__)\.py$", path)]
    assert sorted(listed) == sorted(expected)


def test_every_test_that_contributing_names_exists() -> None:
    files = sorted((ROOT / "tests").glob("**/*.py"))
    tests = " ".join(f"{path.name} {path.read_text(encoding='utf-8')}" for path in files)

    named = set(re.findall(r"`(?:tests/)?(test_\w+(?:\.py)?)`", PAGES["CONTRIBUTING.md"]))
    assert {name for name in named if name not in tests} == set()


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
