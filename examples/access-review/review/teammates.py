"""A second source: the teammates' export of Intercom's own screen, compared by address.

Its columns are not documented. The one with addresses is found by what it holds, or named as
`teammates_export_column` in seeds/settings.ini.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
import shutil
import sys
import time
from collections import Counter
from datetime import datetime, timezone
from typing import TYPE_CHECKING, NoReturn

import settings
from folders import OUTPUT, SEEDS, Row, sha256, write_seed
from safe import fuse, make_folder, replacing
from tables import visible
from warehouse import query

if TYPE_CHECKING:
    from pathlib import Path

NAME = "teammates-export.csv"
EXPORT = SEEDS / NAME
COMPARED = OUTPUT / NAME  # the file as it was compared
OLDEST = 24 * 60 * 60  # seconds
AHEAD = 5 * 60  # seconds that the clock of a file server may be ahead
LARGEST = 20_000_000  # bytes
DELIMITERS = ",;\t|"
ADDRESS = re.compile(r"[^@\s,;<>\"']+@[^@\s,;<>\"']+")

Table = tuple[list[str], list[list[str]]]


def fail(problem: str) -> NoReturn:
    """End before anything is read."""
    sys.exit(f"{EXPORT}: {problem}")


def text_of(content: bytes) -> str:
    """Give the text of a file in one of the encodings that spreadsheet programs write."""
    if content[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        encoding = "utf-16"
    elif content[1:2] == b"\0":
        encoding = "utf-16-le"
    elif content[:1] == b"\0":
        encoding = "utf-16-be"
    else:
        encoding = "utf-8-sig"
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        if encoding == "utf-8-sig":
            return content.decode("latin-1")  # of which only addresses count, which are in ASCII
        fail(f"it cannot be read as {encoding}: {error}")


def table_of(text: str) -> Table:
    """Give the head and the rows of a CSV file, whatever its delimiter."""
    delimiters = DELIMITERS
    if match := re.match(r"sep=(.)\r?\n", text):  # of Excel, for itself
        delimiters, text = match.group(1), text[match.end() :]
    tables = [_table(text, delimiter) for delimiter in delimiters]
    even = [(head, rows) for head, rows, problem in tables if not problem]
    head, rows = max(even, key=lambda table: len(table[0]), default=([], []))
    if len(head) < 2:  # noqa: PLR2004 (one column has no delimiter, or it is another one)
        head_of_all, _, problem = max(tables, key=lambda table: len(table[0]))
        if problem and (not head or len(head_of_all) > 1):
            fail(f"it is no CSV file of even rows: {problem}")
    return head, rows


def _table(text: str, delimiter: str) -> tuple[list[str], list[list[str]], str]:
    """Give the head, the rows, and what is wrong with them."""
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        lines = [(reader.line_num, line) for line in reader if any(map(str.strip, line))]
    except csv.Error as error:
        return [], [], str(error)
    if not lines:
        return [], [], "it holds nothing"
    head = [" ".join(name.split()) for name in lines[0][1]]
    rows = [[fuse(value.strip()) for value in line] for _, line in lines[1:]]
    for number, line in lines[1:]:
        if len(line) != len(head):
            problem = f"line {number} has {len(line)} values, and the first one has {len(head)}"
            return head, rows, problem
    return head, rows, ""


def column_of(head: list[str], rows: list[list[str]]) -> int:
    """Give the column with the addresses; it ends here where that is not certain."""
    if wanted := settings.value("teammates_export_column"):
        places = [n for n, name in enumerate(head) if name.casefold() == wanted.casefold()]
        if len(places) != 1:
            fail(
                f"teammates_export_column is {wanted!r}, which {len(places)} of its columns are "
                f"called: {', '.join(map(repr, head))}"
            )
        return places[0]
    places = []
    for number in range(len(head)):
        values = [row[number].lower() for row in rows if ADDRESS.fullmatch(row[number])]
        if 2 * len(set(values)) > len(rows):  # most are addresses, and not those of a few
            places.append(number)
    if len(places) != 1:
        which = ", ".join(repr(head[place]) for place in places) or "none"
        fail(
            f"it has {len(rows)} rows, and which column holds the addresses of the teammates is "
            f"not certain ({which}, of {', '.join(map(repr, head))}): name it as "
            "teammates_export_column in settings.ini"
        )
    if ADDRESS.fullmatch(name := head[places[0]]):
        fail(f"its first line holds the address {name}, and not the names of its columns")
    return places[0]


def age_problem(modified: float, now: float) -> str | None:
    """Say why a file of this time is not compared, if it is not."""
    at = datetime.fromtimestamp(modified, timezone.utc).isoformat(sep=" ", timespec="minutes")
    if now - modified > OLDEST:
        return f"it was saved at {at}, more than a day before: export it again"
    if modified - now > AHEAD:
        return f"it was saved at {at}, which is still to come by this machine's clock"
    return None


def check() -> Row | None:
    """Read the export, if there is one, and write what dbt compares; a wrong one ends the run."""
    for path in sorted(SEEDS.glob("*")):
        if re.search(r"teammates?[-_ ]?export", path.name.lower()) and path.name != NAME:
            print(f"{path} is not read: an export is named {NAME}", file=sys.stderr)
    COMPARED.unlink(missing_ok=True)
    if not EXPORT.exists():
        write_seed("teammates_export", ["email", "problem"], [])
        return None
    try:
        modified, content = EXPORT.stat().st_mtime, EXPORT.read_bytes()
    except OSError as error:
        fail(f"it cannot be read: {error.strerror}")
    if len(content) > LARGEST:
        fail(f"it is {len(content):,} bytes large, more than {LARGEST:,}: no such export is")
    known: Row = {
        "file": NAME,
        "sha256": hashlib.sha256(content).hexdigest(),
        "saved_at": datetime.fromtimestamp(modified, timezone.utc).isoformat(timespec="seconds"),
        "is_compared": False,
    }
    if problem := age_problem(modified, time.time()):
        problem = f"{NAME} was not compared: {problem}"
        print(f"{EXPORT.parent / problem}", file=sys.stderr)
        write_seed("teammates_export", ["email", "problem"], [{"problem": problem}])
        return known | {"problem": problem}
    head, rows = table_of(text_of(content))
    column = column_of(head, rows)
    values = [row[column] for row in rows]
    addresses = Counter(value.lower() for value in values if ADDRESS.fullmatch(value))
    if not addresses:  # nothing to compare must not look like no difference
        fail(f"none of its {len(rows)} rows has an address in the column {head[column]!r}")
    if any(not address.isascii() for address in addresses) and not is_unicode(content):
        fail("it is not in UTF-8, and its addresses are not in ASCII: save it as 'CSV UTF-8'")
    make_folder(OUTPUT)
    with replacing(COMPARED) as new:
        new.write_bytes(content)
    rows_of_seed = [{"email": address} for address in sorted(addresses)]
    write_seed("teammates_export", ["email", "problem"], rows_of_seed)
    return known | {
        "is_compared": True,
        "column": visible(head[column]),
        "rows": len(rows),
        "addresses": len(addresses),
        "more_than_once": sorted(visible(one) for one, n in addresses.items() if n > 1),
        "rows_without_an_address": len(values) - addresses.total(),
    }


def is_unicode(content: bytes) -> bool:
    """Tell whether a text has one of the encodings that hold every sign."""
    if b"\0" in content[:2] or content[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        return True
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def results(known: Row | None) -> Row | None:
    """Give what became of the comparison, counted, for the evidence."""
    if not known or not known["is_compared"]:
        return known
    counts = {row["side"]: row["n"] for row in query(COUNTS)}
    (list_,) = query(IN_LIST)
    return known | {
        "only_in_the_export": counts.get("export", 0),
        "only_in_intercoms_list": counts.get("list", 0),
        "compared_teammates": list_["compared"],
        "not_compared": {
            "teammates_without_an_address": list_["without"],
            "accounts_of_intercoms_bot": list_["bots"],
        },
    }


COUNTS = "select side, count(*) as n from export_differences group by side"
IN_LIST = """
    select
        count(case when account_type <> 'bot' and email is not null then 1 end) as compared,
        count(case when account_type <> 'bot' and email is null then 1 end) as without,
        count(case when account_type = 'bot' then 1 end) as bots
    from people where is_there
"""


def copy_compared(known: Row | None, folder: Path) -> None:
    """Copy the export that was compared into a folder."""
    if not known or not known["is_compared"]:
        return
    if not COMPARED.is_file() or sha256(COMPARED) != known["sha256"]:
        sys.exit(f"{COMPARED} is not what was compared: run 'meltano run access-sync' again")
    with replacing(folder / NAME) as new:
        shutil.copyfile(COMPARED, new)
