"""The list to sign, as CSV and as a spreadsheet: written, and read when it comes back."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from contextlib import closing
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any
from zipfile import ZipFile

from openpyxl import Workbook, load_workbook
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation
from safe import defuse, fuse, replacing

if TYPE_CHECKING:
    from pathlib import Path

SHOWN = {  # the columns of the snapshot, with widths in the spreadsheet
    "row": 24,
    "person": 24,
    "email": 28,
    "job title": 18,
    "kind": 11,
    "access": 24,
    "level": 11,
    "since": 22,
    "last event": 34,
    "privileged": 11,
    "findings": 34,
    "reviewer": 28,
}
DECIDED = {"decision": 12, "reason": 34, "until": 12, "decided by": 28, "decided on": 12}
COLUMNS = SHOWN | DECIDED
LIST = {  # the columns of a reviewer's own list, with what else there is to know
    **SHOWN,
    "role": 18,
    "teams": 30,
    "last decision": 34,
    "review": 20,
    "due": 22,
    **DECIDED,
}
DECISIONS = ("keep", "remove", "exception")
DATES = ("until", "decided on")
WRAPPED = ("findings", "teams", "last decision", "reason")
LARGEST = 100_000_000  # bytes of a spreadsheet once unpacked: about 100,000 rows
SPARE_COLUMNS = 50  # that a program may have added
LAST_ROW = 1_048_576  # of any spreadsheet; programs write it where they formatted all of a column
LONGEST = 32_000  # characters; a cell holds 32,767
HIDDEN = re.compile(  # controls, what turns the direction of a line, and what nobody sees
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b"
    r"\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ud800-\udfff\ufdd0-\ufdef\ufeff\uffa0\ufff9-\ufffb"
    r"\ufffe\uffff\U000e0000-\U000e007f]"
)

Texts = dict[str, str]
Line = tuple[int, list[str]]  # with its number in the file


class UnreadableError(Exception):
    """The file is not such a table; its text says what is wrong."""


def visible(text: str) -> str:
    """Show the characters that could hide something, such as a right-to-left override."""
    return HIDDEN.sub(lambda match: f"⟨U+{ord(match.group()):04X}⟩", text)


def plain(value: object) -> str:
    """Give a value as one line of text that both forms of the list can hold."""
    text = visible(" ".join(str("" if value is None else value).split()))
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def decoded(text: str) -> str:
    """Give the text that a cell stands for; CSV file and spreadsheet agree on it."""
    return " ".join(fuse(" ".join(text.split())).split())


def write_csv(path: Path, rows: list[Texts], columns: dict[str, int] = COLUMNS) -> None:
    """Write the list as CSV."""
    with replacing(path) as new, new.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows([defuse(row.get(name, "")) for name in columns] for row in rows)


def write_spreadsheet(path: Path, rows: list[Texts], columns: dict[str, int] = COLUMNS) -> None:
    """Write the list as a spreadsheet, with a drop-down for each decision."""
    book = Workbook()
    sheet = book.active
    sheet.title = "Access review"
    for number, (name, width) in enumerate(columns.items(), start=1):
        sheet.column_dimensions[get_column_letter(number)].width = width
        head = sheet.cell(1, number, name)
        head.font = Font(bold=True)
        head.fill = PatternFill("solid", fgColor="FFE8A3" if name in DECIDED else "DDE3EA")
    for line, row in enumerate(rows, start=2):
        for number, name in enumerate(columns, start=1):
            cell = sheet.cell(line, number)
            cell.alignment = Alignment(vertical="top", wrap_text=name in WRAPPED)
            cell.number_format = "yyyy-mm-dd" if name in DATES else "@"
            if row.get(name):
                cell.value = row[name]
                cell.data_type = "s"  # text, whatever it begins with
    last = len(rows) + 1
    letters = {name: get_column_letter(n) for n, name in enumerate(columns, start=1)}
    choice = DataValidation("list", formula1=f'"{",".join(DECISIONS)}"', allow_blank=True)
    choice.showErrorMessage = True
    choice.error = f"One of: {', '.join(DECISIONS)}"
    choice.add(f"{letters['decision']}2:{letters['decision']}{last}")
    sheet.add_data_validation(choice)
    sheet.freeze_panes = "C2"
    sheet.auto_filter.ref = f"A1:{get_column_letter(len(columns))}{last}"
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.fitToHeight = 0
    sheet.sheet_properties.pageSetUpPr.fitToPage = True
    sheet.print_title_rows = "1:1"
    with replacing(path) as new:
        book.save(new)


def access_in_words(kind: str, thing: str) -> str:
    """Name what somebody has, such as "team Support" or "workspace"."""
    return kind if thing in {"", kind} else f"{kind} {thing}"


def read(
    path: Path, columns: dict[str, int] = COLUMNS, most: int | None = None
) -> list[tuple[int, Texts]]:
    """Give the rows of a list with their line numbers; blanks around texts do not count.

    Args:
        path: A CSV file, or a spreadsheet.
        columns: The columns that it has, in any order.
        most: How many lines there may be; empty ones do not count.

    Raises:
        UnreadableError: if it is no such table, or has other columns.
    """
    lines = _csv_lines(path) if path.suffix == ".csv" else _sheet_lines(path, most)
    if most is not None and len(lines) > most:
        raise UnreadableError(f"it has more than {most:,} lines")
    head = [name.strip() for name in lines[0][1]] if lines else []
    while head and not head[-1]:  # columns that a program added at the end
        head.pop()
    if sorted(head) != sorted(columns):
        lacking = ", ".join(name for name in columns if name not in head) or "none"
        more = ", ".join(name for name in head if name not in columns) or "none"
        twice = ", ".join(name for name, count in Counter(head).items() if count > 1)
        raise UnreadableError(
            f"its columns are not those of the list (lacking: {lacking}; not known: {more}"
            + (f"; more than once: {twice})" if twice else ")")
        )
    rows = []
    for number, line in lines[1:]:
        values = [decoded(value) for value in line]
        if any(values[len(head) :]):
            raise UnreadableError(f"line {number} has more values than columns")
        values += [""] * (len(head) - len(values))
        if any(values):
            rows.append((number, dict(zip(head, values, strict=False))))
    return rows


def _csv_lines(path: Path) -> list[Line]:
    if path.stat().st_size > LARGEST:
        raise UnreadableError(f"it is larger than {LARGEST:,} bytes: no such list is")
    try:
        text = path.read_text(encoding="utf-8-sig")
        first = text.partition("\n")[0]
        delimiter = max(",;\t", key=first.count)  # what programs write depends on the country
        lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        filled = (line for line in enumerate(lines, start=1) if any(line[1]))
        return [(number, [plain(value) for value in line]) for number, line in filled]
    except UnicodeDecodeError as error:
        raise UnreadableError("it is not in UTF-8: save it as 'CSV UTF-8'") from error
    except csv.Error as error:
        raise UnreadableError(str(error)) from error


def _sheet_lines(path: Path, most: int | None) -> list[Line]:
    try:
        with ZipFile(path) as parts:
            size = sum(part.file_size for part in parts.infolist())
        lines = _lines_of(path, most) if size <= LARGEST else []
    except Exception as error:
        raise UnreadableError(f"it is no spreadsheet (.xlsx): {error}") from error
    if size > LARGEST:
        raise UnreadableError(
            f"it is {size:,} bytes large once unpacked, more than {LARGEST:,}: no such list is"
        )
    return lines


def _lines_of(path: Path, most: int | None) -> list[Line]:
    with closing(load_workbook(path, read_only=True)) as book:
        sheet = book.worksheets[0]
        sheet.reset_dimensions()  # what the file says of its size may be less than it holds
        last_column = len(LIST) + SPARE_COLUMNS
        rows = sheet.iter_rows(values_only=True, max_row=LAST_ROW, max_col=last_column)
        filled = (line for line in enumerate(rows, start=1) if line[1].count(None) < len(line[1]))
        some = islice(filled, None if most is None else most + 1)
        return [(number, [_cell(value) for value in row]) for number, row in some]


def _cell(value: Any) -> str:  # noqa: ANN401 (whatever a cell may hold)
    return value.date().isoformat() if isinstance(value, datetime) else plain(value)
