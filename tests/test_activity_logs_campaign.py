"""Reads random histories in several runs with failures. Together, the runs write every event.

The number of a history is its seed. `-k 'history[17]'` repeats it. `--histories 900` runs more.
"""

import io
import json
import math
import random
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest
from flask import Response, jsonify, request
from typing_extensions import override

from tap_intercom_access.errors import TapError
from tap_intercom_access.sandbox.models import DAY
from tap_intercom_access.sandbox.server import Sandbox, error
from tap_intercom_access.streams.schema import as_date_time, as_seconds
from tap_intercom_access.tap import TapIntercomAccess
from tests.responses import SEARCH
from tests.tap import SANDBOX, catalog_of, run_command

pytestmark = pytest.mark.slow

MINUTE = 60
LATEST = 59 * MINUTE
"""Seconds until an event is logged, at most."""
ORDERS = ("created", "logged", "shuffled once", "shuffled each time")
TYPES = ("admin_deletion", "role_change", "seat_change")
WRONG = (61 * MINUTE, 90 * MINUTE, 10 * DAY, -61 * MINUTE, -3 * DAY)
"""Seconds by which a wrong clock is ahead."""
real_time = time.time


@dataclass
class Event:
    """An event, with the times when it happened and when Intercom logged it."""

    id: str
    created: int
    logged: int
    type: str

    def row(self) -> dict[str, Any]:
        return {"id": self.id, "created_at": self.created, "activity_type": self.type}


@dataclass
class World:
    """A history of events, the order of Intercom's list, and the failures in a run."""

    chance: random.Random
    now: float
    order: str
    newest_first: bool
    pages_reversed: bool
    pages_form: str
    longest: float
    fixed_size: int | None
    moves: bool = False
    fails: float = 0
    events: list[Event] = field(default_factory=list)
    number: int = 0

    @classmethod
    def of(cls, chance: random.Random, begin: float) -> "World":
        return cls(
            chance,
            begin,
            order=chance.choice(ORDERS),
            newest_first=chance.random() < 0.5,
            pages_reversed=chance.random() < 0.3,
            pages_form=chance.choice(["pages", "pages", "total only", "nothing"]),
            longest=chance.choice([math.inf, math.inf, 20 * DAY, 5 * DAY, DAY]),
            fixed_size=chance.choice([None, None, 20, 50]),
        )

    def add(self, created: float, logged: float) -> None:
        self.number += 1
        type_ = self.chance.choice(TYPES)
        self.events.append(Event(f"event-{self.number}", int(created), int(logged), type_))

    def happen(self, count: int, until: float) -> None:
        """Add events until a time: some evenly, some in bursts, and some logged late."""
        burst = self.chance.uniform(self.now, until)
        for _ in range(count):
            spread = self.chance.random() < 0.7
            evenly = self.chance.uniform(self.now, until)
            created = min(evenly if spread else burst + self.chance.random() * 90, until)
            late = self.chance.choice([0, 0, 0, 0, 0, self.chance.randrange(LATEST)])
            self.add(created, int(created) + late)
        self.now = until

    def logged(self) -> list[Event]:
        return [event for event in self.events if event.logged <= self.now]

    def listed(self) -> list[Event]:
        """Return the events that Intercom has logged, in the order of its list."""
        events = self.logged()
        if self.order == "shuffled each time":
            self.chance.shuffle(events)
        elif self.order == "shuffled once":
            events.sort(key=lambda event: crc32(event.id.encode()), reverse=self.newest_first)
        else:
            order = self.order
            events.sort(key=lambda e: (getattr(e, order), e.id), reverse=self.newest_first)
        return events

    def move(self) -> None:
        """Remove an old event, or add a late one, while the list is read."""
        if self.chance.random() < 0.5 and len(self.events) > 1:
            self.events.remove(self.chance.choice(self.events))
        else:
            self.add(int(self.now) - self.chance.randrange(LATEST), self.now)

    def answer(self) -> Response | None:
        """Answer a search like Intercom."""
        if self.moves:
            self.move()
        body = request.get_json()
        after, before = body["created_at_after"], body["created_at_before"]
        if before - after > self.longest or self.chance.random() < self.fails:
            return error(500, "server_error", "It took too long")
        rows = [
            event.row()
            for event in self.listed()
            if after < event.created <= before and event.type in body["event_types"]
        ]
        size, page = self.fixed_size or body["per_page"], body.get("page", 1)
        total = max(1, -(-len(rows) // size))
        rows = rows[(page - 1) * size : page * size]
        pages = {
            "pages": {"type": "pages", "page": page, "total_pages": total, "next": None},
            "total only": {"total_pages": total},
            "nothing": None,
        }[self.pages_form]
        return jsonify(pages=pages, activity_logs=rows[::-1] if self.pages_reversed else rows)


class Killed(io.RawIOBase):
    """A stdout that fails after a number of lines, as if the process was killed."""

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


@dataclass
class Reader:
    """Syncs a world several times, and collects the written events."""

    world: World
    sandbox: Sandbox
    start_date: str
    evidence: str
    state: dict[str, Any] = field(default_factory=dict)
    written: set[str] = field(default_factory=set)
    machine_is_ahead: float = 0

    def clock(self) -> float:
        return real_time() + self.machine_is_ahead

    def disturb(self) -> float:
        """Disturb clocks and responses. Return the seconds by which Intercom's clock is ahead."""
        chance, world = self.world.chance, self.world
        skew, is_machines = chance.choice([0, 0, *WRONG]), chance.random() < 0.5
        self.machine_is_ahead += skew if is_machines else 0
        self.sandbox.behaviour.clock_offset = -skew if is_machines else skew
        self.sandbox.behaviour.sends_date = chance.random() < 0.8
        world.moves, world.fails = chance.random() < 0.3, chance.choice([0, 0, 0.05, 0.3])
        return skew if self.sandbox.behaviour.sends_date or is_machines else 0

    def read(self, monkeypatch: pytest.MonkeyPatch, *, last: bool) -> None:
        """Sync once, and check every written state."""
        world, behaviour = self.world, self.sandbox.behaviour
        self.machine_is_ahead = world.now - real_time()
        behaviour.clock_offset, behaviour.sends_date = 0, True
        world.moves, world.fails = False, 0
        skew = 0 if last else self.disturb()
        types = TYPES if last else world.chance.sample(TYPES, world.chance.randrange(1, 4))
        kills = not last and world.chance.random() < 0.5
        stdout = Killed(world.chance.randrange(1, 1500) if kills else math.inf)
        text = io.TextIOWrapper(io.BufferedWriter(stdout, 1), encoding="utf-8")
        monkeypatch.setattr("sys.stdout", text)
        visible, began = world.logged(), time.monotonic()
        try:
            TapIntercomAccess(
                config={
                    "access_token": self.sandbox.token,
                    "base_url": self.sandbox.base_url,
                    "start_date": self.start_date,
                    "activity_types": list(types),
                    "evidence_path": self.evidence,
                },
                catalog=catalog_of("activity_logs"),
                state=self.state,
            ).sync_all()
        except TapError:
            assert not last
        for line in stdout.lines:
            latest = world.now + min(skew, 0) + MINUTE + time.monotonic() - began
            self.check(json.loads(line), visible, latest)

    def check(self, message: dict[str, Any], visible: list[Event], latest: float) -> None:
        if message["type"] == "RECORD":
            self.written.add(message["record"]["id"])
        elif message["type"] == "STATE":
            before, self.state = self.state, message["value"]
            mark = bookmark_of(self.state)
            if mark is None or mark == bookmark_of(before):
                return  # unchanged since the start of this run
            left = {event.id for event in self.world.events}
            types = self.state["bookmarks"]["activity_logs"]["activity_types"]
            covered = [event for event in visible if event.type in types]
            passed = {event.id for event in covered if event.created < mark} & left
            assert passed - self.written == set()
            assert mark <= latest


def bookmark_of(state: dict[str, Any]) -> int | None:
    """Return the bookmark in a state as Unix seconds, None without one."""
    mark = state.get("bookmarks", {}).get("activity_logs", {}).get("replication_key_value")
    return None if mark is None else as_seconds(mark)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    metafunc.parametrize("seed", range(metafunc.config.getoption("--histories")))


def test_several_runs_write_every_event_of_a_history(
    seed: int, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    chance = random.Random(seed)  # noqa: S311 (not for secrets)
    start, begin = int(time.time()), int(time.time()) - chance.choice([2, 20, 60]) * DAY
    world = World.of(chance, begin)
    reader = Reader(world, sandbox, as_date_time(begin), str(tmp_path / "evidence"))
    sandbox.fail(SEARCH, world.answer)
    monkeypatch.setattr(time, "sleep", lambda _: None)  # between attempts
    monkeypatch.setattr(time, "time", reader.clock)
    world.happen(chance.choice([100, 900, 2500]), start)

    for left in reversed(range(chance.randrange(3, 7))):
        world.happen(chance.choice([0, 30, 600]), world.now + chance.choice([0.3, 5, 30]) * 3600)
        reader.read(monkeypatch, last=not left)

    before_now = {event.id for event in world.events if event.logged < int(world.now)}
    assert before_now - reader.written == set()

    if seed % 10 == 0:  # a replay takes longer than a history
        monkeypatch.undo()
        replay = run_command(SANDBOX, "--replay", reader.evidence)
        assert "The same rows, keys, columns, and filters" in replay.stderr
