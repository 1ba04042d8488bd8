"""Waiting times of the rate limit, and Intercom's clock, without a tap."""

import math
import threading
import time
from email.utils import formatdate

import pytest
from typing_extensions import override

from tap_intercom_access.intercom.clock import Clock, date_of
from tap_intercom_access.intercom.rate_limit import RateLimit, requested_wait

NOW = 1_800_000_000


class FakeTime:
    """A clock that moves only while code waits, so that tests don't depend on speed."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture(autouse=True)
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeTime:
    fake = FakeTime()

    class Condition(threading.Condition):
        @override
        def wait(self, timeout: float | None = None) -> bool:
            assert timeout is not None
            fake.seconds += timeout
            return False

    monkeypatch.setattr(time, "monotonic", fake.monotonic)
    monkeypatch.setattr(threading, "Condition", Condition)
    return fake


def period(left: object, reset: float, size: object = 5) -> dict[str, str]:
    return {
        "X-RateLimit-Limit": str(size),
        "X-RateLimit-Remaining": str(left),
        "X-RateLimit-Reset": str(reset),
    }


def limit_after(*responses: dict[str, str]) -> RateLimit:
    """Return a rate limit after these responses."""
    limit = RateLimit()
    for headers in responses:
        limit.learn(headers, NOW)
    return limit


def waited(limit: RateLimit, times: int = 1) -> object:
    """Return the seconds that a number of requests wait."""
    began = time.monotonic()
    for _ in range(times):
        limit.take()
    return pytest.approx(time.monotonic() - began)


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({}, 10),
        ({"Retry-After": "7"}, 7),
        ({"Retry-After": "0"}, 1),
        ({"Retry-After": "1.5"}, 1.5),
        ({"Retry-After": "soon"}, 10),
        ({"Retry-After": "nan"}, 10),
        ({"Retry-After": formatdate(NOW + 9, usegmt=True)}, 9),
        ({"Retry-After": formatdate(NOW + 9)}, 9),
        ({"X-RateLimit-Reset": str(NOW + 8)}, 8),
        ({"X-RateLimit-Reset": str(NOW - 8)}, 1),
        ({"X-RateLimit-Reset": "0"}, 10),
        ({"Retry-After": "3", "X-RateLimit-Reset": str(NOW + 8)}, 8),
        ({"Retry-After": "12", "X-RateLimit-Reset": str(NOW + 8)}, 12),
    ],
)
def test_the_wait_after_a_429(headers: dict[str, str], wait: float) -> None:
    assert requested_wait(headers, NOW) == wait


LIMITS: dict[str, tuple[list[dict[str, str]], list[float]]] = {
    "a period that is used up": ([period(0, NOW + 0.4)], [0.4]),
    "one request left": ([period(1, NOW + 0.4)], [0, 0.4]),
    "three requests left": ([period(3, NOW + 0.4)], [0, 0, 0, 0.4]),
    "an end in the past": ([period(0, NOW - 0.4)], [0]),
    "an end that is too far away": ([period(0, NOW + 301)], [0]),
    "an end that is not a number": ([period(0, math.nan)], [0]),
    "an unknown number": ([period("?", NOW + 0.4)], [0]),
    "a response that comes late": ([period(1, NOW + 0.5), period(2, NOW + 0.5)], [0, 0.5]),
    "other apps": ([period(3, NOW + 0.5), period(0, NOW + 0.5)], [0.5]),
    "the next period": ([period(1, NOW + 0.5), period(4, NOW + 10)], [0, 0, 0, 0]),
}


@pytest.mark.parametrize(("headers", "waits"), LIMITS.values(), ids=LIMITS)
def test_requests_wait_for_the_next_period_if_none_is_left(
    headers: list[dict[str, str]], waits: list[float]
) -> None:
    limit = limit_after(*headers)

    assert [waited(limit) for _ in waits] == waits


def test_the_earliest_end_of_a_period_is_used() -> None:
    limit = limit_after(period(0, NOW + 2))
    limit.learn(period(0, NOW + 2), NOW + 1.7)

    assert waited(limit) == 0.3


def test_a_new_period_has_the_limit_of_the_last_one() -> None:
    limit = limit_after(period(0, NOW + 0.3, size=2))
    assert waited(limit, times=2) == 0.3

    limit.learn(period(1, NOW + 0.8, size=2), NOW + 0.3)  # the answer to the first of the two

    assert waited(limit) == 0.5


@pytest.mark.parametrize(("size", "more"), [(5, 3), ("?", 4)])
def test_requests_before_the_first_response_of_a_period_count(size: object, more: int) -> None:
    limit = limit_after(period(0, NOW + 0.2, size))
    assert waited(limit, times=2) == 0.2

    limit.learn(period(4, NOW + 0.9, size), NOW + 0.2)  # the answer to the first of the two

    assert waited(limit, times=more) == 0
    assert waited(limit) == 0.7


def test_a_pause_delays_requests_even_if_some_are_left() -> None:
    limit = limit_after(period(5, NOW + 10))
    limit.pause(0.4)
    limit.pause(0.1)

    assert waited(limit) == 0.4
    assert waited(limit) == 0


@pytest.mark.parametrize(
    ("header", "date"),
    [
        ("Sat, 01 Jan 2000 00:00:10 GMT", 946684810),
        ("Sat, 01 Jan 2000 02:00:10 +0200", 946684810),
        ("Mon, 01 Jan 2024 00:00:00 +999999999999999", None),
        ("Fri, 31 Dec 9999 23:59:59 -2359", None),
        ("Mon, 99 Jan 99999 99:99:99 GMT", None),
        ("?", None),
        (None, None),
    ],
)
def test_a_date_of_http(header: str | None, date: float | None) -> None:
    assert date_of(header) == date


def test_this_machines_clock_is_used_until_the_first_response(fake: FakeTime) -> None:
    clock = Clock()
    before = time.time()
    assert before <= clock.now() <= time.time()
    clock.observe({"Date": "?"})
    clock.observe({})
    assert not clock.is_set

    clock.observe({"Date": formatdate(NOW, usegmt=True)})

    assert clock.is_set
    fake.seconds += 7
    assert clock.now() == pytest.approx(NOW + 7, abs=0.001)
