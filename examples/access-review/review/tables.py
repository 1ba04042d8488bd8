"""The list to sign, as CSV and as a spreadsheet: written, and read when it comes back."""

from __future__ import annotations

import csv
import io
import re
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

from openpyxl import Workbook, load_workbook
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation

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
DECISIONS = ("keep", "remove", "exception")
DATES = ("until", "decided on")
FORMULA = re.compile(r"\s*[=+\-@＝＋－＠\t\r]")  # noqa: RUF001 (spreadsheet programs know them, too)
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")

Texts = dict[str, str]


class UnreadableError(Exception):
    """The file is not such a table; its text says what is wrong."""


def plain(value: object) -> str:
    """Give a value as text without what neither form can hold."""
    return "" if value is None else CONTROL.sub("\N{REPLACEMENT CHARACTER}", str(value))


def defused(text: str) -> str:
    """Keep a spreadsheet program that opens a CSV file from taking a text for a formula."""
    return f"'{text}" if FORMULA.match(text) else text


def write_csv(path: Path, rows: list[Texts]) -> None:
    """Write the list as CSV."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows([defused(row.get(name, "")) for name in COLUMNS] for row in rows)


def write_spreadsheet(path: Path, rows: list[Texts]) -> None:
    """Write the list as a spreadsheet, with a drop-down for each decision."""
    book = Workbook()
    sheet = book.active
    sheet.title = "Access review"
    for number, (name, width) in enumerate(COLUMNS.items(), start=1):
        sheet.column_dimensions[get_column_letter(number)].width = width
        head = sheet.cell(1, number, name)
        head.font = Font(bold=True)
        head.fill = PatternFill("solid", fgColor="FFE8A3" if name in DECIDED else "DDE3EA")
    for line, row in enumerate(rows, start=2):
        for number, name in enumerate(COLUMNS, start=1):
            cell = sheet.cell(line, number)
            cell.alignment = Alignment(vertical="top", wrap_text=name in {"findings", "reason"})
            cell.number_format = "yyyy-mm-dd" if name in DATES else "@"
            if row.get(name):
                cell.value = row[name]
                cell.data_type = "s"  # text, whatever it begins with
    last = len(rows) + 1
    letters = {name: get_column_letter(n) for n, name in enumerate(COLUMNS, start=1)}
    choice = DataValidation("list", formula1=f'"{",".join(DECISIONS)}"', allow_blank=True)
    choice.showErrorMessage = True
    choice.error = f"One of: {', '.join(DECISIONS)}"
    choice.add(f"{letters['decision']}2:{letters['decision']}{last}")
    sheet.add_data_validation(choice)
    sheet.freeze_panes = "C2"
    sheet.auto_filter.ref = f"A1:{get_column_letter(len(COLUMNS))}{last}"
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.fitToHeight = 0
    sheet.sheet_properties.pageSetUpPr.fitToPage = True
    sheet.print_title_rows = "1:1"
    book.save(path)


def read(path: Path) -> list[tuple[int, Texts]]:
    """Give the rows of a list with their line numbers; blanks around texts do not count.

    Raises:
        UnreadableError: if it is no such table, or has other columns.
    """
    lines = _csv_lines(path) if path.suffix == ".csv" else _sheet_lines(path)
    head = [name.strip() for name in lines[0]] if lines else []
    while head and not head[-1]:  # columns that a program added at the end
        head.pop()
    if sorted(head) != sorted(COLUMNS):
        lacking = ", ".join(COLUMNS.keys() - set(head)) or "none"
        more = ", ".join(name for name in head if name not in COLUMNS) or "none"
        raise UnreadableError(
            f"its columns are not those of the list (lacking: {lacking}; not known: {more})"
        )
    rows = []
    for number, line in enumerate(lines[1:], start=2):
        values = [_text(value) for value in line]
        if any(values[len(head) :]):
            raise UnreadableError(f"line {number} has more values than columns")
        values += [""] * (len(head) - len(values))
        if any(values):
            rows.append((number, dict(zip(head, values, strict=False))))
    return rows


def _text(value: str) -> str:
    value = " ".join(value.split())
    return value[1:] if value.startswith("'") and FORMULA.match(value[1:]) else value


def _csv_lines(path: Path) -> list[list[str]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
        first = text.partition("\n")[0]
        delimiter = max(",;\t", key=first.count)  # what programs write depends on the country
        return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except UnicodeDecodeError as error:
        raise UnreadableError("it is not in UTF-8: save it as 'CSV UTF-8'") from error
    except csv.Error as error:
        raise UnreadableError(str(error)) from error


def _sheet_lines(path: Path) -> list[list[str]]:
    try:
        sheet = load_workbook(path, read_only=True).worksheets[0]
        return [[_cell(value) for value in row] for row in sheet.iter_rows(values_only=True)]
    except (BadZipFile, KeyError, IndexError, OSError, ValueError, SyntaxError) as error:
        raise UnreadableError(f"it is no spreadsheet (.xlsx): {error}") from error


def _cell(value: Any) -> str:  # noqa: ANN401 (whatever a cell may hold)
    return value.date().isoformat() if isinstance(value, datetime) else plain(value)
