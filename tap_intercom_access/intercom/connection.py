"""The way to Intercom, which all who ask share: one rate limit, one clock, a session per thread."""

from __future__ import annotations

import threading
from http import HTTPStatus
from typing import Any

import requests

from tap_intercom_access.intercom import rate_limit
from tap_intercom_access.intercom.clock import Clock


class Connection:
    """Sends requests once the limit allows it; waiting is never a failed try."""

    def __init__(self) -> None:
        """Start unconnected."""
        self.clock = Clock()
        self._limit = rate_limit.RateLimit()
        self._of_this_thread = threading.local()  # a session of requests is not made to be shared

    def send(self, method: str, url: str, **options: Any) -> requests.Response:  # noqa: ANN401
        """Send a request as `requests.Session.request` does, again after every 429.

        Returns:
            The response; a 429 only if it asks to wait for more than MAX_WAIT in total.

        Raises:
            OSError: whatever requests raises.
        """
        if not hasattr(self._of_this_thread, "session"):
            self._of_this_thread.session = requests.Session()
        waited = 0.0
        while True:
            self._limit.take()
            response: requests.Response = self._of_this_thread.session.request(
                method, url, **options
            )
            self.clock.observe(response.headers)
            now = self.clock.now()
            self._limit.learn(response.headers, now)
            if response.status_code != HTTPStatus.TOO_MANY_REQUESTS:
                return response
            wait = rate_limit.asked_wait(response.headers, now)
            if waited + wait > rate_limit.MAX_WAIT:
                return response
            self._limit.pause(wait)
            waited += wait
