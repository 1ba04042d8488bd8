"""Write review worksheets as CSV files and spreadsheets, and read completed ones."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import yaml
from openpyxl import Workbook
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation

from intercom_access_review.files import make_folder, replacing
from intercom_access_review.spreadsheets import csv_text, read_table
from intercom_access_review.texts import comparison_key, reveal_hidden, unescape_formulas

FORM = yaml.safe_load((Path(__file__).parent / "templates" / "worksheet.yml").read_text("utf-8"))
DECISIONS: list[str] = FORM["decisions"]
ATTESTATION: str = FORM["attestation"]
SHOWN: dict[str, int] = FORM["shown"]
DECIDED: dict[str, int] = FORM["decided"]
COLUMNS = SHOWN | DECIDED
OLD_DECISIONS = {"keep": "approve", "remove": "revoke", "exception": "exception"}
OLD_COLUMNS = {"since": "first observed", "last event": "last activity", "findings": "items"}
"""Decisions and columns in worksheets of versions before this package."""
DATES = ("until", "decided on")
WRAPPED = ("items", "role description", "teams", "last decision", "reason")
LONGEST = 32_000
"""The longest value in characters. A cell of a spreadsheet holds 32,767."""

PLAIN = re.compile(r"[a-z0-9][a-z0-9@._+-]{0,99}")
DEVICE = re.compile(r"(all|aux|con|nul|prn|com\d|lpt\d)(\..*)?")
"""Names that Windows reserves, and `all`, the worksheet with all rows."""

Texts = dict[str, str]


def reviewer_of_attestation(key: str) -> str:
    """Return the reviewer of an attestation row, or an empty string for other rows."""
    return key.removeprefix("attestation/") if key.startswith("attestation/") else ""


def file_name(address: str) -> str:
    """Return the name of a reviewer's worksheet without its suffix, safe on every file system."""
    address = address.lower()
    if PLAIN.fullmatch(address) and not DEVICE.fullmatch(address):
        return address
    safe = re.sub(r"[^a-z0-9@._+-]", "_", address)[:60]
    return f"_{safe}-{hashlib.sha256(address.encode()).hexdigest()[:16]}"


def plain(value: object, longest: int = LONGEST) -> str:
    """Return a value as one line that fits in a cell, with hidden characters revealed."""
    text = reveal_hidden(" ".join(str("" if value is None else value).split()))
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def as_read(text: str) -> str:
    """Return a value in the form in which worksheets are read."""
    return " ".join(unescape_formulas(plain(text)).split())


def value_of(column: str, text: str) -> str:
    """Return a value as it is read. Case and invisible characters count only in what is shown."""
    if column not in DECIDED or column == "reason":
        return as_read(text)
    value = as_read(comparison_key(text))
    return OLD_DECISIONS.get(value, value) if column == "decision" else value


def write_csv(path: Path, rows: list[Texts]) -> None:
    """Write a worksheet as a CSV file."""
    values = ([row.get(name, "") for name in COLUMNS] for row in rows)
    with replacing(path) as file:
        file.write(csv_text(COLUMNS, values).encode("utf-8-sig"))


def write_spreadsheet(path: Path, rows: list[Texts]) -> None:
    """Write a worksheet as a spreadsheet, with a sheet of instructions."""
    book = Workbook()
    fill_in(book, rows)
    help_sheet = book.create_sheet("Instructions")
    help_sheet.column_dimensions["A"].width = 100
    for line in FORM["instructions"]:
        help_sheet.append([line])
    with replacing(path) as file:
        book.save(file)


def fill_in(book: Workbook, rows: list[Texts]) -> None:
    """Fill in the sheet of a worksheet, with a list of the possible decisions in each row."""
    sheet = book.active
    sheet.title = "Access review"
    letters = {name: get_column_letter(n) for n, name in enumerate(COLUMNS, start=1)}
    for name, width in COLUMNS.items():
        sheet.column_dimensions[letters[name]].width = width
        head = sheet[f"{letters[name]}1"]
        head.value, head.font = name, Font(bold=True)
        head.fill = PatternFill("solid", fgColor="FFE8A3" if name in DECIDED else "DDE3EA")
    for line, row in enumerate(rows, start=2):
        for name, letter in letters.items():
            cell = sheet[f"{letter}{line}"]
            cell.alignment = Alignment(vertical="top", wrap_text=name in WRAPPED)
            cell.number_format = "yyyy-mm-dd" if name in DATES else "@"
            if row.get(name):
                cell.value = row[name]
                cell.data_type = "s"  # a string, whatever it begins with
    last = len(rows) + 1
    choice = DataValidation("list", formula1=f'"{",".join(DECISIONS)}"', allow_blank=True)
    choice.showErrorMessage = True
    choice.error = f"Use {', '.join(DECISIONS)}."
    choice.add(f"{letters['decision']}2:{letters['decision']}{last}")
    sheet.add_data_validation(choice)
    sheet.freeze_panes = "C2"
    sheet.auto_filter.ref = f"A1:{get_column_letter(len(COLUMNS))}{last}"


def write_worksheet(folder: Path, review: str, reviewer: str, rows: list[Texts]) -> Texts:
    """Write the worksheet of a reviewer, and return its attestation row."""
    attestation = {"row": f"attestation/{reviewer}", "person": ATTESTATION, "reviewer": reviewer}
    attestation["review"] = f"review of {review}"
    make_folder(folder)
    write_both(folder / file_name(reviewer), [*rows, attestation])
    return attestation


def write_worksheets(folder: Path, review: str, rows: list[Texts]) -> None:
    """Write a worksheet for each reviewer, and one with all rows."""
    make_folder(folder)
    every = list(rows)
    for reviewer in sorted({row["reviewer"] for row in rows} - {""}):
        own = [row for row in rows if row["reviewer"] == reviewer]
        every.append(write_worksheet(folder, review, reviewer, own))
    write_both(folder / "all", every)


def write_both(path: Path, rows: list[Texts]) -> None:
    """Write a worksheet as a CSV file and as a spreadsheet. The path has no suffix."""
    write_csv(path.with_name(f"{path.name}.csv"), rows)
    write_spreadsheet(path.with_name(f"{path.name}.xlsx"), rows)


def read_rows(path: Path) -> list[tuple[int, Texts]]:
    """Read the rows of a worksheet (CSV or spreadsheet), with their line numbers.

    Raises:
        click.ClickException: The file is not a worksheet.
    """
    optional = [*SHOWN, *OLD_COLUMNS]
    rows = read_table(path, ("row", "reviewer", *DECIDED), optional, clean=str).rows
    return [
        (number, {OLD_COLUMNS.get(name, name): value_of(name, text) for name, text in row.items()})
        for number, row in rows
    ]
