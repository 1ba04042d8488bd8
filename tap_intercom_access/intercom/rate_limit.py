"""Waiting for Intercom's rate limit, in one HTTP session that everybody who asks shares."""

from __future__ import annotations

import logging
import math
import time
from datetime import timezone
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from typing_extensions import override

logger = logging.getLogger("tap-intercom-access")

PERIOD = 10.0
"""Seconds that Intercom counts requests in: the wait when a 429 does not say how long."""

MAX_WAIT = 300.0
"""Seconds that one request waits for the limit, over all its 429s, before the sync fails."""


def new_session() -> requests.Session:
    """Make a session that waits for the limit: one rate limit, one set of connections."""
    session = requests.Session()
    session.mount("https://", (adapter := RateLimitAdapter()))
    session.mount("http://", adapter)
    return session


class RateLimitAdapter(HTTPAdapter):
    """Transport that waits for Intercom's rate limit, so that waiting is never a failed try.

    A 429 that would make a request wait for more than MAX_WAIT in total is handed on.

    Source: https://developers.intercom.com/docs/references/rest-api/errors/rate-limiting
    """

    resume_at = 0.0

    @override
    def send(
        self,
        request: requests.PreparedRequest,
        *args: Any,
        **kwargs: Any,
    ) -> requests.Response:
        """Send the request once the limit allows it, again after every 429."""
        waited = 0.0
        while True:
            ahead = self.resume_at - time.time()
            if 0 < ahead <= MAX_WAIT:
                logger.info("Rate limit used up: waiting %.1f seconds for its reset", ahead)
                time.sleep(ahead)
            response = super().send(request, *args, **kwargs)
            self.resume_at = _reset(response) if _used_up(response) else 0.0
            if response.status_code != HTTPStatus.TOO_MANY_REQUESTS:
                return response
            wait = _asked_wait(response)
            if waited + wait > MAX_WAIT:
                self.resume_at = 0.0
                return response
            self.resume_at = time.time() + wait
            waited += wait
            response.close()


def _used_up(response: requests.Response) -> bool:
    return response.headers.get("X-RateLimit-Remaining", "").strip() == "0"


def _reset(response: requests.Response) -> float:
    """Unix time in seconds at which the limit starts anew; 0 where the response does not say."""
    return _number(response.headers.get("X-RateLimit-Reset")) or 0.0


def _asked_wait(response: requests.Response) -> float:
    """Seconds to wait after a 429: the longest that its headers ask for, at least one."""
    asked = []
    if reset := _reset(response):
        asked.append(reset - time.time())
    if (retry_after := _retry_after(response.headers.get("Retry-After"))) is not None:
        asked.append(retry_after)
    return max(1.0, *asked) if asked else PERIOD


def _retry_after(value: str | None) -> float | None:
    """Seconds that a Retry-After header asks for, in either of its forms."""
    if value is None or (seconds := _number(value)) is not None:
        return None if value is None else seconds
    try:
        until = parsedate_to_datetime(value)
    except ValueError:
        return None
    return (until if until.tzinfo else until.replace(tzinfo=timezone.utc)).timestamp() - time.time()


def _number(value: str | None) -> float | None:
    try:
        number = float(value or "")
    except ValueError:
        return None
    return number if math.isfinite(number) else None
