"""Read tables from CSV files in any common form, and from spreadsheets (.xlsx)."""

import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from zipfile import ZipFile

import click
from openpyxl import load_workbook
from openpyxl.cell.read_only import EmptyCell, ReadOnlyCell

from intercom_access_review.texts import escape_formulas, single_line

if TYPE_CHECKING:  # a private module
    from openpyxl.worksheet._read_only import ReadOnlyWorksheet

CSV_SUFFIXES = {".csv", ".txt"}
"""Spreadsheet programs save text in UTF-16 as .txt."""
DELIMITERS = (",", ";", "\t", "|")
ENCODINGS = {"cp1252": "Windows-1252", "mac_roman": "Mac OS Roman", "cp850": "code page 850"}
"""Encodings that an error message can suggest. They can't be recognized with certainty."""
LARGEST = 100_000_000
"""The largest unpacked size of a spreadsheet in bytes: about 100,000 rows."""
MOST_COLUMNS = 200
LAST_ROW = 1_048_576

Line = tuple[int, list[str]]


class Table(NamedTuple):
    """The rows of a table."""

    columns: set[str]
    ignored: list[str]
    """The names of ignored columns."""
    rows: list[tuple[int, dict[str, str]]]
    """The rows by column, with their line numbers."""


def unreadable(path: Path, problem: str) -> click.ClickException:
    """Return an error about a file that is not the expected table."""
    return click.ClickException(f"Cannot read {path}: {problem}.")


def read_table(
    path: Path,
    required: Collection[str],
    optional: Collection[str] = (),
    clean: Callable[[str], str] = single_line,
) -> Table:
    """Read a CSV file, or the visible sheet of a spreadsheet that has the columns.

    Case, spaces, and punctuation in names of columns don't matter. Other columns are ignored.

    Args:
        path: The file.
        required: The columns that it must have.
        optional: The columns that it may have.
        clean: Cleans a value.

    Raises:
        click.ClickException: The file cannot be read, or lacks a column.
    """
    known = {key_of(name): name for name in (*required, *optional)}
    is_csv = path.suffix.lower() in CSV_SUFFIXES
    sheets = [lines for lines in ([csv_lines(path)] if is_csv else sheets_of(path)) if lines]
    heads = [[known.get(key_of(name), "") for name in lines[0][1]] for lines in sheets]
    found = [n for n, head in enumerate(heads) if set(required) <= set(head)]
    names = [single_line(name) for name in sheets[0][0][1]] if sheets else []
    if not found:
        missing = [name for name in required if not heads or name not in heads[0]]
        has = ", ".join(filter(None, names)) or "none"
        raise unreadable(path, f"the columns {', '.join(missing)} are missing (it has: {has})")
    if len(found) > 1:
        raise unreadable(path, f"{len(found)} sheets have rows. Remove or hide the other ones")
    head, lines = heads[found[0]], sheets[found[0]][1:]
    if twice := [name for name, count in Counter(head).items() if name and count > 1]:
        raise unreadable(path, f"more than one column is named {', '.join(twice)}")
    rows = []
    for number, line in lines:
        if any(line[len(head) :]):
            more = f"has {len(line)} values for {len(head)} columns"
            raise unreadable(path, f"line {number} {more}. Quote values that contain delimiters")
        values = [clean(value) for value in line] + [""] * (len(head) - len(line))
        rows.append((number, {n: value for n, value in zip(head, values, strict=False) if n}))
    ignored = [name for name, known_as in zip(names, head, strict=False) if name and not known_as]
    return Table(set(head), ignored, rows)


def csv_text(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return CSV in which formulas are escaped, so that no spreadsheet program runs them."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(head)
    writer.writerows([escape_formulas(cell) for cell in row] for row in rows)
    return text.getvalue()


def key_of(name: str) -> str:
    """Return the form in which names of columns are compared."""
    return re.sub(r"[\W_]", "", name.casefold())


def csv_lines(path: Path) -> list[Line]:
    """Return the lines of a CSV file, without empty ones.

    Raises:
        click.ClickException: It cannot be read.
    """
    try:
        text = decoded(path, path.read_bytes())
        marked = re.match(r"\s*sep=(.)\r?\n", text)
        text = text[marked.end() :] if marked else text
        delimiter = marked.group(1) if marked else delimiter_of(text)
        lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        return [(n, line) for n, line in enumerate(lines, start=1) if any(map(str.strip, line))]
    except OSError as error:
        raise unreadable(path, str(error.strerror)) from error
    except csv.Error as error:
        raise unreadable(path, f"it is not valid CSV ({error})") from error


def delimiter_of(text: str) -> str:
    """Return the delimiter that splits the first line into the most columns."""

    def columns(delimiter: str) -> int:
        lines = csv.reader(io.StringIO(text.lstrip(), newline=""), delimiter=delimiter)
        return len(next(lines, ()))

    return max(DELIMITERS, key=columns)


def decoded(path: Path, content: bytes) -> str:
    """Return a text in UTF-8 or UTF-16.

    Raises:
        click.ClickException: It is in another encoding; the message names the likely one.
    """
    if content[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        encoding = "utf-16"
    else:  # only the first byte of a letter is zero in UTF-16, and none is in UTF-8
        encoding = {(True, False): "utf-16-be", (False, True): "utf-16-le"}.get(
            (content[:1] == b"\0", content[1:2] == b"\0"), "utf-8-sig"
        )
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        raise unreadable(
            path, f"it is not in UTF-8 or UTF-16. {likely(content)} Save it as 'CSV UTF-8'"
        ) from error


def likely(content: bytes) -> str:
    """Return a sentence with the likely encoding of a text, and a word in it as an example."""
    for encoding, name in ENCODINGS.items():
        text = content.decode(encoding, "replace")
        words = re.findall(r"\w*[^\W\x00-\x7f]\w*", text)
        odd = re.search(r"[^\w\s\x00-\x7f€\u2013\u2014\u2018\u2019\u201c-\u201e\u2026«»°§]", text)
        if words and not odd and all(is_word(word) for word in words):
            return f"It looks like {name} ({words[0]!r})."
    return "Its encoding is unknown."


def is_word(word: str) -> bool:
    """Return whether a string looks like a word: no capitals inside, and mostly plain letters."""
    plain = sum(letter.isascii() for letter in word)
    return (word[1:].islower() or word.isupper() or len(word) == 1) and 2 * plain >= len(word) - 1


def sheets_of(path: Path) -> list[list[Line]]:
    """Return the lines of each visible sheet of a spreadsheet, without empty ones.

    Raises:
        click.ClickException: It cannot be read.
    """
    try:
        with ZipFile(path) as parts:
            size = sum(part.file_size for part in parts.infolist())
        if size <= LARGEST:
            with closing(load_workbook(path, read_only=True)) as book:
                return [lines_of(s) for s in book.worksheets if s.sheet_state == "visible"]
    except Exception as error:
        raise unreadable(path, f"it is not a spreadsheet (.xlsx): {error}") from error
    raise unreadable(path, f"it has {size:,} bytes when unpacked, more than {LARGEST:,}")


def lines_of(sheet: "ReadOnlyWorksheet") -> list[Line]:
    """Return the lines of a sheet, without empty ones."""
    sheet.reset_dimensions()  # the size in the file can be less than the actual one
    rows = enumerate(sheet.iter_rows(max_row=LAST_ROW, max_col=MOST_COLUMNS), start=1)
    filled = ((n, row) for n, row in rows if any(cell.value not in {None, ""} for cell in row))
    return [(n, [cell_text(cell) for cell in row]) for n, row in filled]


def cell_text(cell: ReadOnlyCell | EmptyCell) -> str:
    """Return a cell as a string. Dates have the form 2026-08-26."""
    if cell.data_type == "f":  # its value can change after the file was archived
        raise ValueError(f"line {cell.row} has a formula, {cell.value!r}. Replace it by its value")
    if isinstance(cell.value, datetime):
        return cell.value.date().isoformat()
    return "" if cell.value is None else str(cell.value)
