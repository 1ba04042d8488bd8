"""Fewer events than announced are an error. A page that wasn't announced may not exist."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
from typing_extensions import override

from tap_intercom_access.intercom import Id, Intercom, IntercomError, RefusedError, list_of
from tap_intercom_access.intercom.responses import Page, Pages
from tap_intercom_access.intercom.windows import MAX_PARTS, Timed, divide, read_windows, within

START = 1_800_000_000
STOP = START + 86_400
SIZE = 250
LOGS = list_of("activity_logs", Timed, "/search", method="POST")

Rows = list[Timed]
Answer = Callable[[Rows, dict[str, Any]], Page[Timed]]
"""Returns the page for a request, from all rows of the window."""


@dataclass(frozen=True)
class Simulated(Intercom):
    """An API whose responses come from a function."""

    events: Rows = field(kw_only=True)
    answer: Answer = field(kw_only=True)
    bodies: list[dict[str, Any]] = field(default_factory=list)

    @override
    def send(self, request: Any) -> Any:
        body = dict(request.parameters)
        self.bodies.append(body)
        assert len(self.bodies) < 2000
        after, before = body["created_at_after"], body["created_at_before"]
        if isinstance(after, int) and isinstance(before, int):
            return self.answer([e for e in self.events if after < e.created_at < before], body)
        return self.answer(self.events, body)


def in_one_second(count: int) -> Rows:
    return [Timed(id=Id(f"event-{number}"), created_at=START + 60) for number in range(count)]


def spread(count: int) -> Rows:
    step = (STOP - START) // count
    times = range(START, STOP, step)
    return [Timed(id=Id(f"event-{number}"), created_at=times[number]) for number in range(count)]


def read(events: Rows, answer: Answer) -> list[str]:
    """Return the IDs of all events that are read."""
    api = Simulated("token", events=events, answer=answer)
    request = within(api.build_request(LOGS, {"per_page": SIZE}), (START, STOP))
    first = api.send(request)
    return [row.id for _, rows in read_windows(api, request, (START, STOP), first) for row in rows]


def page_of(
    rows: Rows,
    number: int,
    *,
    size: int = SIZE,
    pages: Pages | None = None,
    total_count: int | None = None,
) -> Page[Timed]:
    of_page = rows[(number - 1) * size : number * size]
    return LOGS.response(rows=of_page, pages=pages, total_count=total_count)


def total_of(rows: Rows, size: int = SIZE) -> int:
    return max(1, -(-len(rows) // size))


def refuse() -> Page[Timed]:
    raise RefusedError("HTTP 404.", "Check base_url.")


def empty_later_pages(rows: Rows, body: dict[str, Any]) -> Page[Timed]:
    here = rows if "page" not in body else []
    return page_of(here, 1, pages=Pages(total_pages=total_of(rows)))


def pages_from_zero(rows: Rows, body: dict[str, Any]) -> Page[Timed]:
    number = body.get("page", 0) + 1
    return page_of(rows, number, pages=Pages(page=number - 1, total_pages=total_of(rows)))


def first_page_with_total(rows: Rows, _: dict[str, Any]) -> Page[Timed]:
    return page_of(rows, 1, pages=Pages(total_pages=total_of(rows)))


def first_page_with_count(rows: Rows, _: dict[str, Any]) -> Page[Timed]:
    return page_of(rows, 1, pages=Pages(), total_count=len(rows))


def first_page_with_link(rows: Rows, body: dict[str, Any]) -> Page[Timed]:
    link = f"/search?page={body.get('page', 1) + 1}"
    return page_of(rows, 1, pages=Pages(link if rows else None))


def first_page_only(rows: Rows, _: dict[str, Any]) -> Page[Timed]:
    return page_of(rows, 1)


def later_pages_refused(rows: Rows, body: dict[str, Any]) -> Page[Timed]:
    return first_page_with_total(rows, body) if "page" not in body else refuse()


def only_page_refused(rows: Rows, body: dict[str, Any]) -> Page[Timed]:
    return page_of(rows, 1) if "page" not in body else refuse()


def cursor_without_end(rows: Rows, body: dict[str, Any]) -> Page[Timed]:
    number = int(body.get("starting_after", 1))
    pages = Pages({"starting_after": "2"} if number == 1 else None, number, total_of(rows))
    return page_of(rows, number, pages=pages)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (empty_later_pages, "returned 250 events on 1 page, and announced 3 pages."),
        (pages_from_zero, "returned 350 events on 2 pages, and announced 3 pages."),
        (cursor_without_end, "returned 500 events on 2 pages, and announced 3 pages."),
        (first_page_with_total, "returned 250 different events"),
        (first_page_with_count, "returned 250 events on 1 page, and announced 600 events."),
        (first_page_with_link, "1 reading returned 250 different events"),
        (first_page_only, "returned 250 different events"),
        (later_pages_refused, "HTTP 404"),
        (only_page_refused, "HTTP 404"),
    ],
)
def test_fewer_events_than_announced_are_an_error(answer: Answer, message: str) -> None:
    with pytest.raises(IntercomError) as raised:
        read(in_one_second(600), answer)

    assert message in str(raised.value)


@pytest.mark.parametrize("events", [300, 600, 1700])
def test_fewer_events_than_announced_on_several_pages_are_an_error(events: int) -> None:
    def without_the_first(rows: Rows, body: dict[str, Any]) -> Page[Timed]:
        sent, size = [row for row in rows if row.id != "event-0"], body["per_page"]
        pages = Pages(total_pages=total_of(sent, size))
        return page_of(sent, body.get("page", 1), size=size, pages=pages, total_count=len(rows))

    with pytest.raises(IntercomError, match=r"0 events on 0 pages, and announced 1 event\."):
        read(spread(events), without_the_first)


def test_a_search_that_returns_only_its_first_events_is_read_in_shorter_windows() -> None:
    def first_events(rows: Rows, body: dict[str, Any]) -> Page[Timed]:
        sent, size = rows[:400], body["per_page"]
        pages = Pages(total_pages=total_of(sent, size))
        return page_of(sent, body.get("page", 1), size=size, pages=pages, total_count=len(rows))

    assert len(read(spread(1200), first_events)) == 1200


def all_at_once(rows: Rows, _: dict[str, Any]) -> Page[Timed]:
    return LOGS.response(rows=rows, pages=Pages())


def one_page_with_cursor(rows: Rows, body: dict[str, Any]) -> Page[Timed]:
    number = int(body.get("starting_after", 1))
    cursor = {"starting_after": f"{number + 1}"} if number < total_of(rows) else None
    return page_of(rows, number, pages=Pages(cursor))


def last_page_repeated(rows: Rows, body: dict[str, Any]) -> Page[Timed]:
    number = min(body.get("page", 1), total_of(rows))
    return page_of(rows, number, pages=Pages(total_pages=total_of(rows)))


def last_page_repeated_without_total(rows: Rows, body: dict[str, Any]) -> Page[Timed]:
    return page_of(rows, min(body.get("page", 1), total_of(rows)), pages=Pages())


def first_page_repeated(rows: Rows, body: dict[str, Any]) -> Page[Timed]:
    number = body.get("page", 1)
    return page_of(rows, number if number <= total_of(rows) else 1, pages=Pages())


def next_page_refused(rows: Rows, body: dict[str, Any]) -> Page[Timed]:
    number = body.get("page", 1)
    return page_of(rows, number, pages=Pages()) if number <= total_of(rows) else refuse()


def next_page_shuffled(rows: Rows, body: dict[str, Any]) -> Page[Timed]:
    page = last_page_repeated(rows, body)
    page.rows = page.rows[::-1] if body.get("page", 1) > total_of(rows) else page.rows
    return page


@pytest.mark.parametrize(
    "answer",
    [
        all_at_once,
        one_page_with_cursor,
        last_page_repeated,
        last_page_repeated_without_total,
        first_page_repeated,
        next_page_refused,
        next_page_shuffled,
    ],
)
@pytest.mark.parametrize("count", [30, 250, 500])
def test_a_page_that_was_not_announced_may_not_exist(answer: Answer, count: int) -> None:
    assert len(read(in_one_second(count), answer)) == count


def test_a_few_rows_that_are_repeated_by_chance_do_not_end_the_list() -> None:
    chance = random.Random(1)  # noqa: S311 (not for secrets)

    def shuffled(rows: Rows, body: dict[str, Any]) -> Page[Timed]:
        listed = chance.sample(rows, len(rows))
        return page_of(listed, body.get("page", 1), size=1, pages=Pages(per_page=1))

    for _ in range(20):
        with suppress(IntercomError):
            assert len(read(in_one_second(20), shuffled)) == 20


def test_a_server_that_refuses_other_page_sizes_is_read_in_shorter_windows() -> None:
    def only_full_pages(rows: Rows, body: dict[str, Any]) -> Page[Timed]:
        return last_page_repeated(rows, body) if body["per_page"] == SIZE else refuse()

    assert len(read(spread(600), only_full_pages)) == 600


@pytest.mark.parametrize("events", [spread, in_one_second])
@pytest.mark.parametrize("count", [250, 499, 500, 749, 1249])
def test_a_full_page_is_not_the_end_although_the_total_says_so(
    events: Callable[[int], Rows], count: int
) -> None:
    def rounded_down(rows: Rows, body: dict[str, Any]) -> Page[Timed]:
        size = body["per_page"]
        pages = Pages(total_pages=max(1, len(rows) // size))
        return page_of(rows, body.get("page", 1), size=size, pages=pages)

    assert len(read(events(count), rounded_down)) == count


@pytest.mark.parametrize("more", [1, 10**12])
@pytest.mark.parametrize("events", [[], in_one_second(30), in_one_second(300), spread(600)])
def test_too_many_announced_pages_are_an_error_after_a_few_requests(
    events: Rows, more: int
) -> None:
    def announce_more(rows: Rows, body: dict[str, Any]) -> Page[Timed]:
        size = body["per_page"]
        pages = Pages(total_pages=total_of(rows, size) + more)
        return page_of(rows, body.get("page", 1), size=size, pages=pages)

    with pytest.raises(IntercomError, match=r"inconsistent|two empty pages"):
        read(events, announce_more)


def test_a_window_is_divided_into_a_limited_number_of_parts() -> None:
    assert len(divide((0, 10**8), 10**12)) == MAX_PARTS


@pytest.mark.parametrize(
    "link",
    [
        "?page=abc&cursor={}",
        "?page=&cursor={}",
        "?page=2.0&cursor={}",
        "?page=1&page=2&cursor={}",
        "?per_page=x&cursor={}",
        "?created_at_after=1&created_at_after=2&cursor={}",
        "?created_at_before=2026-01-01&cursor={}",
    ],
)
@pytest.mark.parametrize("empty_pages", [0, 1])
def test_a_link_with_any_parameters_is_followed(link: str, empty_pages: int) -> None:
    def linking(rows: Rows, body: dict[str, Any]) -> Page[Timed]:
        number = int(body.get("cursor", 1))
        more = (number - empty_pages) * 20 < len(rows)
        pages = Pages(link.format(number + 1) if more else None)
        return page_of(rows, number - empty_pages, size=20, pages=pages)

    assert len(read(in_one_second(50), linking)) == 50


@pytest.mark.parametrize("events", [spread, in_one_second])
@pytest.mark.parametrize("count", [251, 500, 600])
@pytest.mark.parametrize(
    ("link", "first"), [("?page={}&per_page=250", 0), ("?page={}", 7), ("?page=p{}", 1)]
)
def test_the_page_in_a_link_is_followed(
    link: str, first: int, count: int, events: Callable[[int], Rows]
) -> None:
    def linking(rows: Rows, body: dict[str, Any]) -> Page[Timed]:
        number, size = int(str(body.get("page", first)).strip("p")), body["per_page"]
        is_last = (number - first + 1) * size >= len(rows)
        pages = Pages(None if is_last else link.format(number + 1))
        return page_of(rows, number - first + 1, size=size, pages=pages)

    assert len(read(events(count), linking)) == count


def test_only_the_newest_total_counts() -> None:
    counts = iter([3600, 3600])  # for the first page, and the first reading

    def expiring(rows: Rows, body: dict[str, Any]) -> Page[Timed]:
        is_second = body["created_at_before"] - body["created_at_after"] == 2
        count = next(counts, len(rows)) if rows and is_second else len(rows)
        pages = Pages(total_pages=total_of(rows))
        return page_of(rows, body.get("page", 1), pages=pages, total_count=count)

    assert len(read(in_one_second(3000), expiring)) == 3000
    assert next(counts, None) is None


@pytest.mark.parametrize(("count", "warning"), [(1, "1 event outside"), (2, "2 events outside")])
def test_the_warning_counts_events_outside_of_the_window(
    count: int, warning: str, caplog: pytest.LogCaptureFixture
) -> None:
    def outside(*_: object) -> Page[Timed]:
        rows = [Timed(id=Id(f"{number}"), created_at=STOP + 10**6) for number in range(count)]
        return LOGS.response(rows=rows, pages=Pages(total_pages=1))

    read([], outside)

    assert warning in caplog.text
