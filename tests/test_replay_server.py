"""Recordings are checked before a replay, and the server sends only recorded responses."""

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
import requests

from tap_intercom_access.sandbox.replay_server import Recording, ReplayServer, with_next_page_at
from tests.recordings import LINES, begin_with, edit

HERE = "http://127.0.0.1:9"
NO_END = "the last line of requests.jsonl is not of the type 'complete'"


LINKS = {
    b'{ "pages":{"next" : "https:\\/\\/a.example\\/x?page=2"},"n":"\xff"}': (
        b'{ "pages":{"next" : "http://127.0.0.1:9/x?page=2"},"n":"\xff"}'
    ),
    b'{"x":{"next":"https://a.example/x?a"},"pages":{"next":"https://A.EXAMPLE:443/x?a"}}': (
        b'{"x":{"next":"https://a.example/x?a"},"pages":{"next":"http://127.0.0.1:9/x?a"}}'
    ),
    b'{"pages":{"next":"//a.example/x?a"}}': b'{"pages":{"next":"http://127.0.0.1:9/x?a"}}',
}
OTHERS = [
    b'{"pages":{"next":"/x?page=2"}}',
    b'{"pages":{"next":"https://b.example/x"}}',
    b'{"pages":{"next":{"starting_after":"https://a.example/x"}},"x":"https://a.example/x"}',
    b'{"pages":[],"next":"https://a.example/x"}',
    b'["https://a.example/x"]',
    b"no JSON",
]


@pytest.mark.parametrize(("body", "expected"), [*LINKS.items(), *zip(OTHERS, OTHERS, strict=True)])
def test_only_the_link_to_the_next_page_is_rewritten(body: bytes, expected: bytes) -> None:
    assert with_next_page_at(HERE, body, "https://a.example") == expected


def get(server: ReplayServer, path: str, token: str) -> requests.Response:
    headers = {"Authorization": f"Bearer {token}"}
    return requests.get(f"{server.base_url}{path}", headers=headers, timeout=10)


def test_the_replay_server_needs_its_own_token(copied: Path) -> None:
    with ReplayServer(Recording(copied)) as server, ReplayServer(Recording(copied)) as other:
        answers = [get(server, "/teams", token) for token in ("x", other.token, server.token)]

    assert [answer.status_code for answer in answers] == [401, 401, 200]
    assert "teams" not in answers[0].json()
    assert server.problems == []


def with_body(change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    """Return a function that changes the file of a body."""

    def write(folder: Path) -> None:
        path = min((folder / "bodies").iterdir())
        path.write_bytes(change(path.read_bytes()))

    return write


def lose(pattern: str) -> Callable[[Path], None]:
    return lambda folder: min(folder.glob(pattern)).unlink()


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (with_body(lambda _: gzip.compress(b"{}")), r"bodies/\w+\.json\.gz was changed: it has"),
        (with_body(lambda content: content[:-9]), "can't be read"),
        (with_body(lambda _: b"{}"), "can't be read"),
        (lose("bodies/*"), "No such file or directory"),
        (lose("run.json"), "No such file or directory: '.*run.json'"),
        (edit("run.json", "began_at", "begun_at"), "run.json was changed or is not complete"),
        (edit(LINES, r'\{"type":"complete".*', ""), NO_END),
        (edit(LINES, r'.*\n(\{"type":"complete")', r"\1"), "requests.jsonl was changed or is"),
        (edit(LINES, r"\n$", ""), NO_END),
        (edit(LINES, r"\Z", '{"type":"response"}\\n'), NO_END),
        (edit(LINES, r'"status":200', '"status":201'), "requests.jsonl was changed or is"),
        (edit(LINES, r'\{"type":"complete"', '{["type":"complete"'), "can't be replayed"),
        (edit(LINES, r'"lines_sha256"', '"lines"'), "'lines_sha256'"),
        (begin_with(began_at="today"), "Invalid isoformat string"),
        (begin_with(settings={}), "'base_url'"),
    ],
)
def test_an_incomplete_or_changed_folder_is_refused(
    change: Callable[[Path], Any], problem: str, copied: Path
) -> None:
    change(copied)
    with pytest.raises(click.ClickException, match=problem) as refused:
        Recording(copied)

    assert str(refused.value).startswith(f"{copied} can't be replayed: ")


def test_a_response_is_sent_as_often_as_it_was_recorded(copied: Path) -> None:
    with ReplayServer(Recording(copied)) as server:
        answers = [get(server, "/teams", server.token) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 404]
    assert server.problems == ["GET /teams {} was not recorded as often as it was requested"]


def test_a_body_that_changes_during_the_replay_is_not_sent(copied: Path) -> None:
    with ReplayServer(Recording(copied)) as server:
        for body in (copied / "bodies").iterdir():
            body.write_bytes(gzip.compress(b'{"admins": []}'))
        answer = get(server, "/admins", server.token)

    assert answer.status_code == 404
    assert "it has another SHA-256" in server.problems[0]
