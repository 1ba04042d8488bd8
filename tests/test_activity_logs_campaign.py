"""Random histories in runs that are killed, refused and misled: together they hold every event.

The number of a history is its seed: `-k 'history[17]'` plays one again, `--histories 900` more.
"""

from __future__ import annotations

import io
import json
import math
import random
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from zlib import crc32

import pytest
from flask import Response, jsonify, request
from typing_extensions import override

from tap_intercom_access.errors import TapError
from tap_intercom_access.sandbox.demo import demo
from tap_intercom_access.sandbox.models import DAY
from tap_intercom_access.sandbox.server import Sandbox, error
from tap_intercom_access.streams.schema import as_seconds
from tap_intercom_access.tap import TapIntercomAccess
from tests.responses import SEARCH

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow

MINUTE = 60
LATEST = 59 * MINUTE
"""Seconds after which an event is logged, at the most."""
ORDERS = ("created", "logged", "shuffled once", "shuffled each time")
WRONG = (61 * MINUTE, 90 * MINUTE, 10 * DAY, -61 * MINUTE, -3 * DAY)
"""Seconds that a wrong clock is ahead."""


@dataclass
class Event:
    """An event, when it happened, and when Intercom logged it, in seconds before the first run."""

    id: str
    created: int
    logged: int

    def row(self) -> dict[str, Any]:
        return {"id": self.id, "created_at": self.created, "activity_type": "admin_deletion"}


@dataclass
class World:
    """A history, what Intercom's list of it looks like, and what goes wrong in a run."""

    chance: random.Random
    now: float
    events: list[Event] = field(default_factory=list)
    order: str = "created"
    newest_first: bool = True
    pages_reversed: bool = False
    pages_form: str = "pages"
    moves: bool = False
    fails: float = 0
    longest: float = math.inf
    number: int = 0

    def happen(self, count: int, start: float, stop: float) -> None:
        """Let events happen: evenly, in bursts, and some logged late."""
        burst = self.chance.uniform(start, stop)
        for _ in range(count):
            self.number += 1
            spread = self.chance.random() < 0.7
            at = self.chance.uniform(start, stop) if spread else burst + self.chance.random() * 90
            late = self.chance.choice([0, 0, 0, 0, 0, self.chance.randrange(LATEST)])
            created = int(min(at, stop))
            self.events.append(Event(f"event-{self.number}", created, created + late))

    def listed(self) -> list[Event]:
        """Give what Intercom has logged, in the order of its list."""
        events = [event for event in self.events if event.logged <= self.now]
        if self.order == "shuffled each time":
            self.chance.shuffle(events)
        elif self.order == "shuffled once":
            events.sort(key=lambda event: crc32(event.id.encode()), reverse=self.newest_first)
        else:
            key = "created" if self.order == "created" else "logged"
            events.sort(
                key=lambda event: (getattr(event, key), event.id), reverse=self.newest_first
            )
        return events

    def move(self) -> None:
        """Let an old event expire, or one arrive late, while the list is read."""
        if self.chance.random() < 0.5 and len(self.events) > 1:
            self.events.remove(self.chance.choice(self.events))
        else:
            at = int(self.now)
            self.number += 1
            created = at - self.chance.randrange(LATEST)
            self.events.append(Event(f"event-{self.number}", created, at))

    def answer(self) -> Response | None:
        """Answer a search as Intercom does."""
        if request.path != SEARCH:
            return None
        if self.moves:
            self.move()
        body = request.get_json()
        after, before = body["created_at_after"], body["created_at_before"]
        if before - after > self.longest or self.chance.random() < self.fails:
            return error(500, "server_error", "It took too long")
        events = [event for event in self.listed() if after < event.created <= before]
        size, page = body["per_page"], body.get("page", 1)
        rows = [event.row() for event in events[(page - 1) * size : page * size]]
        total = max(1, -(-len(events) // size))
        pages = {
            "pages": {"type": "pages", "page": page, "total_pages": total, "next": None},
            "total only": {"total_pages": total},
            "nothing": None,
        }[self.pages_form]
        return jsonify(
            {"pages": pages, "activity_logs": rows[::-1] if self.pages_reversed else rows}
        )


class Killed(io.RawIOBase):
    """What stdout is written to, until the process is killed after so many lines."""

    def __init__(self, lines: float) -> None:
        super().__init__()
        self.lines: list[bytes] = []
        self._left = lines

    @override
    def writable(self) -> bool:
        return True

    @override
    def write(self, data: Any) -> int:
        if len(self.lines) >= self._left:
            raise BrokenPipeError
        self.lines += bytes(data).splitlines()
        return len(data)


@pytest.fixture(scope="module")
def catalog() -> dict[str, Any]:
    """The activity logs alone."""
    tap = TapIntercomAccess(config={"access_token": Sandbox.token})
    discovered: dict[str, Any] = json.loads(json.dumps(tap.catalog_dict))
    for entry in discovered["streams"]:
        for metadata in entry["metadata"]:
            if not metadata["breadcrumb"]:
                metadata["metadata"]["selected"] = entry["tap_stream_id"] == "activity_logs"
    return discovered


@pytest.fixture
def served() -> Iterator[Sandbox]:
    with Sandbox(demo()) as sandbox:
        yield sandbox


def bookmark_of(state: dict[str, Any]) -> int | None:
    """Give the bookmark in Unix seconds."""
    mark = state.get("bookmarks", {}).get("activity_logs", {}).get("replication_key_value")
    return None if mark is None else as_seconds(mark)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    metafunc.parametrize("seed", range(metafunc.config.getoption("--histories")))


def test_a_history(
    seed: int, served: Sandbox, catalog: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(seed)  # noqa: S311 (not for secrets)
    start_of_all = int(time.time())
    offset, real = [0.0], time.time  # of this machine's clock
    monkeypatch.setattr(time, "sleep", lambda _: None)  # between tries
    monkeypatch.setattr(time, "time", lambda: real() + offset[0])
    begin = start_of_all - chance.choice([2, 20, 60]) * DAY
    world = World(
        chance,
        begin,
        order=chance.choice(ORDERS),
        newest_first=chance.random() < 0.5,
        pages_reversed=chance.random() < 0.3,
        pages_form=chance.choice(["pages", "pages", "total only", "nothing"]),
        longest=chance.choice([math.inf, math.inf, 5 * DAY]),
    )
    served.fail(SEARCH, world.answer)
    state: dict[str, Any] = {}
    written: set[str] = set()
    world.happen(chance.choice([100, 900, 2500]), begin, start_of_all)
    true: float = start_of_all
    runs = chance.randrange(3, 7)
    for run in range(runs):
        last = run == runs - 1
        true += chance.choice([0.3, 5, 30]) * 3600
        world.happen(chance.choice([0, 30, 600]), world.now if run else begin, true)
        world.now = true
        skew = 0 if last else chance.choice([0, 0, *WRONG])
        is_machines = chance.random() < 0.5
        offset[0] = true - real() + (skew if is_machines else 0)
        served.behaviour.clock_offset = -skew if is_machines else skew
        served.behaviour.sends_date = last or chance.random() < 0.8
        if not served.behaviour.sends_date and not is_machines:
            skew = 0
        world.moves = not last and chance.random() < 0.3
        world.fails = 0 if last else chance.choice([0, 0, 0.05, 0.3])
        killed = math.inf if last else chance.choice([math.inf, chance.randrange(1, 1500)])
        visible = [event for event in world.events if event.logged <= true]

        stdout = Killed(killed)
        text = io.TextIOWrapper(io.BufferedWriter(stdout, 1), encoding="utf-8")
        monkeypatch.setattr("sys.stdout", text)
        config = {
            "access_token": served.token,
            "base_url": served.base_url,
            "start_date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(begin)),
        }
        began = time.monotonic()
        try:
            TapIntercomAccess(config=config, catalog=catalog, state=state).sync_all()
        except TapError:
            assert not last
        for line in stdout.lines:
            message = json.loads(line)
            if message["type"] == "RECORD":
                written.add(message["record"]["id"])
            elif message["type"] == "STATE":
                before, state = state, message["value"]
                if not (mark := bookmark_of(state)) or mark == bookmark_of(before):
                    continue  # as it was given to this run
                left = {event.id for event in world.events}
                passed = {e.id for e in visible if e.created < mark and e.id in left}
                assert passed <= written
                assert mark <= true + min(skew, 0) + MINUTE + time.monotonic() - began

    before_now = {event.id for event in world.events if event.logged < int(world.now)}
    assert before_now <= written
