"""No event is lost, whatever the server's page sizes, order, bounds, and form of pages.

The number of a test is its seed. `-k 'seed[17]'` repeats one.
"""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass, field
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest
from typing_extensions import override

from tap_intercom_access.intercom import Id, Intercom, RefusedError, list_of
from tap_intercom_access.intercom.responses import Page, Pages
from tap_intercom_access.intercom.windows import Timed, read_windows, within

if TYPE_CHECKING:
    from collections.abc import Callable

HOUR, DAY = 3600, 86_400
START = 1_800_000_000
STOP = START + 6 * DAY
LOGS = list_of("activity_logs", Timed, "/search", method="POST")
FORMS = ("numbers", "numbers", "total only", "link", "cursor", "nothing")
ODD_FORMS = (
    "count",
    "no total",
    "negative total",
    "wrong page",
    "page before",
    "next without a cursor",
    "first page",
    "size only",
    "requested size",
    "wrong size only",
    "wrong size and total",
)


@dataclass
class Server:
    """A simulated search for events."""

    chance: random.Random
    times: list[int]
    size: int | None = None
    """Rows per page, regardless of the requested size."""
    most: int = 250
    """Largest number of rows per page."""
    order: str = "newest first"
    form: str = "numbers"
    includes: tuple[bool, bool] = (False, True)
    """Whether the bounds include their own second."""
    step: int = 1
    """The bounds are rounded to multiples of this number of seconds."""
    rounds_up: bool = False
    rounds_size: int = 1
    """The requested size is rounded up to a multiple of this number."""
    after_last: str = ""
    """Response to a request after the last page. By default, an empty page."""
    moves: tuple[str, ...] = ()
    """Possible changes between two requests."""
    rate: float = 0.05
    """Probability of a change."""
    requests: int = 0
    events: dict[str, tuple[int, float]] = field(default_factory=dict)
    """Time and a random number by ID."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        for at in self.times:
            self.log(at)

    def log(self, at: int) -> None:
        self.events[f"event-{len(self.events)}-{self.chance.random()}"] = at, self.chance.random()

    def move(self) -> None:
        move = self.chance.choice(self.moves) if self.chance.random() < self.rate else ""
        if move == "arrive":
            self.log(self.chance.choice(self.times))
        elif move == "expire" and self.events:
            del self.events[self.chance.choice(list(self.events))]

    def listed(self, after: int, before: int) -> list[str]:
        step, up = self.step, self.rounds_up * (self.step - 1)
        after, before = (after + up) // step * step, (before + up) // step * step
        ids = [
            id_
            for id_, (at, _) in self.events.items()
            if after - self.includes[0] < at < before + self.includes[1]
        ]
        if self.order == "shuffled each time":
            self.chance.shuffle(ids)
        elif self.order == "shuffled once":
            ids.sort(key=lambda id_: self.events[id_][1])
        else:
            if self.order == "newest first, ties shuffled":
                self.chance.shuffle(ids)
            ids.sort(key=lambda id_: self.events[id_][0], reverse=self.order != "oldest first")
        return ids

    def answer(self, body: dict[str, Any]) -> Page[Timed]:
        with self.lock:
            self.requests += 1
            if self.requests > 1 and self.moves:
                self.move()
            ids = self.listed(body["created_at_after"], body["created_at_before"])
            size = -(-body["per_page"] // self.rounds_size) * self.rounds_size
            size = self.size or min(self.most, size)
            number = body.get("starting_after") if self.form == "cursor" else body.get("page")
            page = 1 if self.form == "first page" else int(number or 1)
            total, wrong_total = (max(1, -(-len(ids) // n)) for n in (size, body["per_page"]))
            if page > total and self.after_last == "refused":
                raise RefusedError("HTTP 404", "Check base_url.")
            page = min(page, total) if self.after_last == "repeated" else page
            more = page < total
            pages = {
                "numbers": Pages(None, page, total, size),
                "total only": Pages(None, None, total),
                "link": Pages(f"/search?page={page + 1}" if more else None, page, total, size),
                "cursor": Pages({"starting_after": f"{page + 1}"} if more else None, page, total),
                "nothing": None,
                "count": Pages(None, page, 1),
                "no total": Pages(None, page),
                "negative total": Pages(None, page, -1),
                "wrong page": Pages(None, 7, total),
                "page before": Pages(None, page - 1, total),
                "next without a cursor": Pages({"per_page": size}, page, total),
                "first page": Pages(None, page, total, size),
                "size only": Pages(None, page, None, size),
                "wrong size": Pages(None, page, total, body["per_page"]),
                "wrong size only": Pages(None, page, None, body["per_page"]),
                "wrong size and total": Pages(None, page, wrong_total, body["per_page"]),
                "requested size": Pages(None, page, wrong_total, size),
            }[self.form]
            rows = [
                Timed(id=Id(id_), created_at=self.events[id_][0])
                for id_ in ids[(page - 1) * size : page * size]
            ]
            count = len(ids) if self.form == "count" else None
            return LOGS.response(rows=rows, pages=pages, total_count=count)


@dataclass(frozen=True)
class Simulated(Intercom):
    """An API whose responses come from a simulated server."""

    server: Server = field(kw_only=True)

    @override
    def send(self, request: Any) -> Any:
        return self.server.answer(dict(request.parameters))


def read(server: Server) -> list[str]:
    """Return the IDs of all events, and check that they are sorted in each part."""
    intercom = Simulated("token", server=server)
    everything = (START - DAY, STOP + DAY)
    request = within(intercom.build_request(LOGS, {"per_page": 250}), everything)
    first = intercom.send(request)
    ids: list[str] = []
    for _, rows in read_windows(intercom, request, (START, STOP), first):
        assert rows == sorted(rows, key=lambda row: row.created_at)
        ids += [row.id for row in rows]
    return ids


def spread(chance: random.Random, count: int) -> list[int]:
    return [chance.randrange(START, STOP) for _ in range(count)]


def in_bursts(chance: random.Random, count: int) -> list[int]:
    begins = [chance.randrange(START, STOP - 600) for _ in range(5)]
    return [chance.choice(begins) + int(chance.random() ** 3 * 600) for _ in range(count)]


def in_seconds(chance: random.Random, count: int) -> list[int]:
    seconds = [chance.randrange(START, STOP) for _ in range(chance.choice([1, 3]))]
    return [chance.choice(seconds) for _ in range(count)]


def server_of(seed: int) -> Server:
    chance = random.Random(seed)  # noqa: S311 (not for secrets)
    size, most = chance.choice([(None, 250), (None, 50), (None, 150), (20, 250), (250, 250)])
    full = size or most
    count = chance.choice([full, full + 1, 2 * full + 1, 3 * full, 5 * full + 3, 8 * full])
    server = Server(
        chance,
        chance.choice([spread, in_bursts, in_seconds])(chance, count),
        size,
        most,
        order=chance.choice(
            [
                "newest first",
                "oldest first",
                "newest first, ties shuffled",
                "shuffled once",
                "shuffled each time",
            ]
        ),
        form=chance.choice(FORMS),
        includes=chance.choice([(False, True), (True, False), (True, True), (False, False)]),
    )
    if server.includes != (False, False):  # otherwise, no window contains events on a rounded bound
        server.step = chance.choice([1, 1, HOUR, DAY])
        server.rounds_up = chance.random() < 0.5
    is_stable = server.order in {"newest first", "oldest first", "shuffled once"}
    server.moves = chance.choice([(), ("arrive",), ("arrive", "expire") if is_stable else ()])
    return server


@pytest.mark.parametrize("seed", range(200))
def test_no_event_is_lost(seed: int) -> None:
    server = server_of(seed)
    there = set(server.events)

    ids = read(server)

    assert len(ids) == len(set(ids))
    lost = there & server.events.keys() - set(ids)
    assert not lost, server
    full_pages = len(server.events) / (server.size or server.most)
    assert server.requests <= 100 + 40 * full_pages


@pytest.mark.parametrize(("count", "most", "requests"), [(700, 50, 150), (1500, 50, 200)])
def test_a_crowded_second_takes_a_few_requests_for_each_page(
    count: int, most: int, requests: int
) -> None:
    server = Server(random.Random(1), [START + DAY] * count, most=most)  # noqa: S311

    assert len(read(server)) == count
    assert server.requests <= requests


SIZES = [(form, size) for form in ODD_FORMS for size in (None, 20, 50)]
SIZES += [(form, size) for form in ("size only", "requested size") for size in (5, 15)]


@pytest.mark.parametrize(("form", "size"), SIZES)
def test_no_form_of_pages_loses_an_event(form: str, size: int | None) -> None:
    chance = random.Random(1)  # noqa: S311 (not for secrets)
    server = Server(chance, spread(chance, 751), size, form=form)

    assert len(read(server)) == 751


@pytest.mark.parametrize("order", ["newest first", "oldest first", "shuffled once"])
@pytest.mark.parametrize("times", [spread, in_seconds])
@pytest.mark.parametrize("seed", range(5))
def test_expiring_events_hide_no_other_events(
    order: str, times: Callable[[random.Random, int], list[int]], seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 (not for secrets)
    server = Server(chance, times(chance, 2000), order=order, moves=("expire",), rate=0.3)
    server.includes = (False, False)  # otherwise, the window before also lists this second

    ids = read(server)

    assert server.events.keys() <= set(ids)


@pytest.mark.parametrize("after_last", ["", "repeated", "refused"])
@pytest.mark.parametrize("form", ["numbers", "wrong size", "total only"])
@pytest.mark.parametrize(
    ("size", "rounds_size", "count"),
    [(20, 1, 22), (20, 1, 30), (250, 1, 252), (250, 1, 300), (250, 1, 320), (None, 10, 262)],
)
def test_a_page_of_the_requested_size_does_not_prove_the_order(
    size: int | None, rounds_size: int, count: int, form: str, after_last: str
) -> None:
    for seed, others in product(range(3), (0, 60)):
        chance = random.Random(seed)  # noqa: S311 (not for secrets)
        times = [START + DAY] * count + spread(chance, others)
        server = Server(chance, times, size, form=form, order="shuffled each time")
        server.rounds_size, server.after_last = rounds_size, after_last

        assert len(read(server)) == len(times)
