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

import pytest
from flask import Response, request
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
ORDERS = ("newest first", "oldest first", "as in history", "shuffled ties")
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
    """A history of events, and the failures in a run."""

    chance: random.Random
    now: float
    longest: float
    """Seconds of the longest window that Intercom answers."""
    moves: bool = False
    fails: float = 0
    events: list[Event] = field(default_factory=list)
    number: int = 0

    def add(self, created: float, logged: float) -> None:
        self.number += 1
        type_ = self.chance.choice(TYPES)
        self.events.append(Event(f"event-{self.number}", int(created), int(logged), type_))

    def add_many(self, count: int, until: float) -> None:
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

    def move(self) -> None:
        """Remove an old event, or add a late one, while the list is read."""
        if self.chance.random() < 0.5 and len(self.events) > 1:
            self.events.remove(self.chance.choice(self.events))
        else:
            self.add(int(self.now) - self.chance.randrange(LATEST), self.now)


class ClosedStdout(io.RawIOBase):
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

    def list_events(self) -> None:
        """Let the sandbox list what Intercom has logged by now."""
        logged = sorted(self.world.logged(), key=lambda event: event.logged)
        self.sandbox.workspace.history = [event.row() for event in logged]

    def answer(self) -> Response | None:
        """Move the list, or refuse a request."""
        world, body = self.world, request.get_json()
        if world.moves:
            world.move()
            self.list_events()
        is_long = body["created_at_before"] - body["created_at_after"] > world.longest
        if is_long or world.chance.random() < world.fails:
            return error(500, "server_error", "It took too long")
        return None

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
        stdout = ClosedStdout(world.chance.randrange(1, 1500) if kills else math.inf)
        text = io.TextIOWrapper(io.BufferedWriter(stdout, 1), encoding="utf-8")
        monkeypatch.setattr("sys.stdout", text)
        self.list_events()
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
    world = World(chance, begin, chance.choice([math.inf, math.inf, 20 * DAY, 5 * DAY, DAY]))
    reader = Reader(world, sandbox, as_date_time(begin), str(tmp_path / "evidence"))
    sandbox.fail(SEARCH, reader.answer)
    sandbox.behaviour.event_order = chance.choice(ORDERS)
    sandbox.behaviour.event_page_size = chance.choice([None, None, 20, 50])
    sandbox.behaviour.event_next_form = chance.choice(["null", "null", "object", "url"])
    monkeypatch.setattr(time, "sleep", lambda _: None)  # between attempts
    monkeypatch.setattr(time, "time", reader.clock)
    world.add_many(chance.choice([100, 900, 2500]), start)

    for left in reversed(range(chance.randrange(3, 7))):
        world.add_many(chance.choice([0, 30, 600]), world.now + chance.choice([0.3, 5, 30]) * 3600)
        reader.read(monkeypatch, last=not left)

    before_now = {event.id for event in world.events if event.logged < int(world.now)}
    assert before_now - reader.written == set()

    if seed % 10 == 0:  # a replay takes longer than a history
        monkeypatch.undo()
        replay = run_command(SANDBOX, "--replay", reader.evidence)
        assert "The same rows, keys, columns, and filters" in replay.stderr
