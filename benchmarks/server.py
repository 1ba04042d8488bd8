"""Serves prepared responses from another process, so that preparing them isn't measured."""

from __future__ import annotations

import bisect
import json
import sys
import threading
import time
from typing import Any

import waitress
from flask import Flask, Response, request

from tap_intercom_access.sandbox.demo import generate_workspace
from tap_intercom_access.sandbox.history import generate_events
from tap_intercom_access.sandbox.models import DAY

COUNTS = {"requests": 0, "under_way": 0, "at_once": 0}
COUNTING = threading.Lock()
THREADS = 16
SINGLE = 500  # largest number of admins that can also be read one by one


def pages(kind: str, rows: list[dict[str, Any]], size: int) -> dict[str, bytes]:
    """Return all pages of a list, by cursor."""
    answers = {}
    for start in range(0, max(1, len(rows)), size):
        more = start + size < len(rows)
        next_page = {"per_page": size, "starting_after": str(start + size)} if more else None
        answer: dict[str, Any] = {"type": f"{kind}.list", f"{kind}s": rows[start : start + size]}
        if more or start:
            answer["pages"] = {"type": "pages", "next": next_page}
        answers[str(start or "")] = json.dumps(answer).encode()
    return answers


def app(admins: int, teams: int, size: int, events: int, latency: int) -> Flask:
    """Return the application. It answers after a latency in milliseconds."""
    workspace = generate_workspace(admins, teams)
    lists = {
        "admins": pages("admin", workspace.admin_rows(), size or max(1, admins)),
        "teams": pages("team", workspace.team_rows(), size or max(1, teams)),
    }
    single = (
        {str(row["id"]): json.dumps(row) for row in workspace.admin_rows()}
        if admins <= SINGLE
        else {}
    )
    made = Flask("benchmarks")

    @made.before_request
    def wait() -> None:
        if request.path == "/count":
            return
        with COUNTING:
            COUNTS["requests"] += 1
            COUNTS["under_way"] += 1
            COUNTS["at_once"] = max(COUNTS["at_once"], COUNTS["under_way"])
        time.sleep(latency / 1000)

    @made.teardown_request
    def done(_: BaseException | None) -> None:
        if request.path != "/count":
            with COUNTING:
                COUNTS["under_way"] -= 1

    @made.get("/<any(admins,teams):name>")
    def a_list(name: str) -> Response:
        return Response(
            lists[name][request.args.get("starting_after", "")], mimetype="application/json"
        )

    @made.get("/admins/<admin_id>")
    def an_admin(admin_id: str) -> Response:
        return Response(single[admin_id], mimetype="application/json")

    serve_events(made, events)

    @made.get("/tags")  # tap-intercom 2.2.5 tests its token with this endpoint
    def tags() -> Response:
        return Response('{"type":"list","data":[]}', mimetype="application/json")

    @made.get("/count")
    def count() -> Response:
        with COUNTING:
            counted = json.dumps(COUNTS)
            COUNTS.update(requests=0, at_once=0)
        return Response(counted, mimetype="application/json")

    return made


def serve_events(made: Flask, events: int) -> None:
    """Add the endpoints of activity logs, newest events first."""
    now = int(time.time())
    history = generate_events(events, now - 89 * DAY, now - DAY) if events else []
    times = [event["created_at"] for event in history]
    texts = [json.dumps(event) for event in history]

    @made.post("/admins/activity_logs/search")
    def search() -> Response:
        parameters = request.get_json()
        first = bisect.bisect_right(times, parameters["created_at_after"])
        last = bisect.bisect_right(times, parameters.get("created_at_before", now))
        per_page, page = parameters["per_page"], parameters.get("page", 1)
        stop = max(first, last - per_page * (page - 1))  # newest first
        events_json = ",".join(reversed(texts[max(first, stop - per_page) : stop]))
        total = max(1, -(-(last - first) // per_page))
        state = f'"page":{page},"per_page":{per_page},"total_pages":{total},"next":null'
        return Response(
            f'{{"type":"activity_log.list","pages":{{{state}}},"activity_logs":[{events_json}]}}',
            mimetype="application/json",
        )

    @made.get("/admins/activity_logs")  # as Airbyte's connector reads it
    def listed() -> Response:
        parameters = request.args
        first = bisect.bisect_left(times, int(parameters["created_at_after"]))
        last = bisect.bisect_right(times, int(parameters.get("created_at_before", now)))
        page, total = int(parameters.get("page", 1)), max(1, -(-(last - first) // 20))
        stop = max(first, last - 20 * (page - 1))
        query = "&".join(f"{name}={value}" for name, value in parameters.items() if name != "page")
        url = f"https://api.intercom.io/admins/activity_logs?{query}&page={page + 1}"
        pages = {"type": "pages", "page": page, "per_page": 20, "total_pages": total}
        pages["next"] = url if page < total else None
        events_json = ",".join(reversed(texts[max(first, stop - 20) : stop]))
        return Response(
            f'{{"type":"activity_log.list","pages":{json.dumps(pages)},"activity_logs":[{events_json}]}}',
            mimetype="application/json",
        )


if __name__ == "__main__":
    numbers = [int(argument) for argument in sys.argv[1:]]
    server = waitress.create_server(app(*numbers), host="127.0.0.1", port=0, threads=THREADS)
    sys.stdout.write(f"http://127.0.0.1:{server.effective_port}\n")
    sys.stdout.flush()
    server.run()
