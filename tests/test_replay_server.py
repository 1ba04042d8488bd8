"""Recordings are checked before they are replayed, and the server answers only from them."""

from __future__ import annotations

import gzip
import shutil
from typing import TYPE_CHECKING, Any

import click
import pytest
import requests

from tap_intercom_access.sandbox.replay_server import Recording, ReplayServer, with_next_page_at
from tests.recordings import LINES, begin_with, edit, record

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HERE = "http://127.0.0.1:9"
NO_END = "the last line of requests.jsonl is not of the type 'complete'"


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recorded") / "evidence"
    record(folder)
    return folder


@pytest.fixture
def folder(recorded: Path, tmp_path: Path) -> Path:
    return shutil.copytree(recorded, tmp_path / "copy")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            b'{ "pages":{"next" : "https:\\/\\/a.example\\/x?page=2"},"n":1.0}',
            b'{ "pages":{"next" : "http://127.0.0.1:9/x?page=2"},"n":1.0}',
        ),
        (
            b'{"x":{"next":"https://a.example/x?a"},"pages":{"next":"https://a.example/x?a"}}',
            b'{"x":{"next":"https://a.example/x?a"},"pages":{"next":"http://127.0.0.1:9/x?a"}}',
        ),
        (
            b'{"pages":{"next":"https://A.EXAMPLE:443/x?a"},"x":"\xff"}',
            b'{"pages":{"next":"http://127.0.0.1:9/x?a"},"x":"\xff"}',
        ),
        (b'{"pages":{"next":"//a.example/x?a"}}', b'{"pages":{"next":"http://127.0.0.1:9/x?a"}}'),
    ],
)
def test_only_the_link_to_the_next_page_is_rewritten(body: bytes, expected: bytes) -> None:
    assert with_next_page_at(HERE, body, "https://a.example") == expected


@pytest.mark.parametrize(
    "body",
    [
        b'{"pages":{"next":"/x?page=2"}}',
        b'{"pages":{"next":"https://b.example/x"}}',
        b'{"pages":{"next":{"starting_after":"https://a.example/x"}}}',
        b'{"pages":{"next":null},"x":"https://a.example/x"}',
        b'{"pages":[],"next":"https://a.example/x"}',
        b'["https://a.example/x"]',
        b"no JSON",
        b"",
    ],
)
def test_other_bodies_stay_as_they_are(body: bytes) -> None:
    assert with_next_page_at(HERE, body, "https://a.example") == body


def test_the_replay_server_needs_its_token(folder: Path) -> None:
    with ReplayServer(Recording(folder)) as server:
        url = f"{server.base_url}/teams"
        without = requests.get(url, timeout=10)
        wrong = requests.get(url, headers={"Authorization": "Bearer x"}, timeout=10)
        right = requests.get(url, headers={"Authorization": f"Bearer {server.token}"}, timeout=10)

    assert [without.status_code, wrong.status_code, right.status_code] == [401, 401, 200]
    assert "teams" not in without.json()
    assert server.problems == []


def test_each_replay_has_another_token(folder: Path) -> None:
    with ReplayServer(Recording(folder)) as first, ReplayServer(Recording(folder)) as second:
        assert first.token != second.token


def body_of(folder: Path) -> Path:
    return min((folder / "bodies").iterdir())


def change_body(folder: Path) -> None:
    content = gzip.decompress(body_of(folder).read_bytes())
    body_of(folder).write_bytes(gzip.compress(content.replace(b'"1001"', b'"1002"') + b" "))


def damage_body(folder: Path) -> None:
    body_of(folder).write_bytes(body_of(folder).read_bytes()[:-9])


def lose_body(folder: Path) -> None:
    body_of(folder).unlink()


def no_gzip(folder: Path) -> None:
    body_of(folder).write_bytes(b"{}")


def bomb(folder: Path) -> None:
    body_of(folder).write_bytes(gzip.compress(bytes(100_000_000)))


def lose_bodies(folder: Path) -> None:
    shutil.rmtree(folder / "bodies")


def lose(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (change_body, r"bodies/\w+\.json\.gz was changed: it has another SHA-256"),
        (damage_body, "can't be read"),
        (lose_body, "No such file or directory"),
        (no_gzip, "can't be read"),
        (bomb, "was changed: it has another SHA-256"),
        (lose_bodies, "No such file or directory"),
        (lose("run.json"), "No such file or directory: '.*run.json'"),
        (lose(LINES), "No such file or directory: '.*requests.jsonl'"),
        (shutil.rmtree, "No such file or directory"),
        (edit("run.json", "began_at", "begun_at"), "run.json was changed or is not complete"),
        (edit(LINES, r'\{"type":"complete".*', ""), NO_END),
        (edit(LINES, r'.*\n(\{"type":"complete")', r"\1"), "requests.jsonl was changed or is"),
        (edit(LINES, r"\n$", ""), NO_END),
        (edit(LINES, r"\Z", '{"type":"response"}\\n'), NO_END),
        (edit(LINES, r".*", ""), NO_END),
        (edit(LINES, r'"status":200', '"status":201'), "requests.jsonl was changed or is"),
        (edit(LINES, r"^\{", ""), "requests.jsonl was changed or is not complete"),
        (edit(LINES, r'\{"type":"complete"', '{["type":"complete"'), "can't be replayed"),
        (edit(LINES, r'"lines_sha256"', '"lines"'), "'lines_sha256'"),
        (begin_with(began_at="today"), "Invalid isoformat string"),
        (begin_with(settings={}), "'base_url'"),
        (begin_with(settings=5), "can't be replayed"),
    ],
)
def test_a_folder_that_is_not_whole_is_refused(
    change: Callable[[Path], Any], problem: str, folder: Path
) -> None:
    change(folder)
    with pytest.raises(click.ClickException, match=problem) as refused:
        Recording(folder)

    assert str(refused.value).startswith(f"{folder} can't be replayed: ")


def test_a_response_is_given_as_often_as_it_was_recorded(folder: Path) -> None:
    with ReplayServer(Recording(folder)) as server:
        headers = {"Authorization": f"Bearer {server.token}"}
        url = f"{server.base_url}/teams"
        first, second = (requests.get(url, headers=headers, timeout=10) for _ in range(2))

    assert [first.status_code, second.status_code] == [200, 404]
    assert server.problems == ["GET /teams {} was not recorded as often"]


def test_a_body_that_is_changed_meanwhile_is_not_served(folder: Path) -> None:
    with ReplayServer(Recording(folder)) as server:
        for body in (folder / "bodies").iterdir():
            body.write_bytes(gzip.compress(b'{"admins": []}'))
        headers = {"Authorization": f"Bearer {server.token}"}
        response = requests.get(f"{server.base_url}/admins", headers=headers, timeout=10)

    assert response.status_code == 404
    assert "it has another SHA-256" in server.problems[0]
