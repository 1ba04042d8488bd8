"""Tables are read in the forms in which people save them; ambiguous ones are refused."""

from datetime import date, datetime
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import click
import pytest
from openpyxl import Workbook

from intercom_access_review.project import iso_day
from intercom_access_review.spreadsheets import read_table

Sheet = tuple[str, list[list[Any]]]
"""The name and the rows of a sheet."""
TEXT = (
    'E-Mail,Name ,Cost center,left_on\r\n ann@x ,"Jörg\nA.",7,\r\n,,,\r\nb@x,"d, e",,31.12.2026\r\n'
)
ROWS = [
    {"email": "ann@x", "name": "Jörg A.", "left on": ""},
    {"email": "b@x", "name": "d, e", "left on": "31.12.2026"},
]
SAVED = {
    "UTF-8": TEXT.encode(),
    "UTF-8 with a mark": TEXT.encode("utf-8-sig"),
    "UTF-16": TEXT.encode("utf-16"),
    "UTF-16 without a mark": TEXT.encode("utf-16-le"),
    "UTF-16 big-endian": TEXT.encode("utf-16-be"),
    "semicolons": TEXT.replace("d, e", "d|e").replace(",", ";").replace("d|e", "d, e").encode(),
    "sep": ("sep=;\r\n" + TEXT.replace('"d, e"', '"d; e"').replace(",", ";")).encode(),
    "tabs in UTF-16": TEXT.replace("d, e", "d|e")
    .replace(",", "\t")
    .replace("d|e", "d, e")
    .encode("utf-16"),
    "missing values": b"email,name\nann@x\n",
    "quoted names": b'"name, first";email\nAnn;ann@x\n',
}


@pytest.mark.parametrize("case", list(SAVED)[:-2])
def test_csv_files_of_spreadsheet_programs_are_read(case: str, tmp_path: Path) -> None:
    path = tmp_path / "people.TXT"
    path.write_bytes(SAVED[case])

    table = read_table(path, ["email", "name"], ["left on", "person"])

    clean = [row | {"name": row["name"].replace(";", ",")} for _, row in table.rows]
    assert clean == ROWS
    assert [number for number, _ in table.rows] == [2, 4]
    assert table.ignored == ["Cost center"]
    assert table.columns == {"email", "name", "left on", ""}


def test_lines_may_lack_their_last_values(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_bytes(SAVED["missing values"])

    assert read_table(path, ["email", "name"]).rows == [(2, {"email": "ann@x", "name": ""})]


def umlauts(encoding: str) -> bytes:
    return "email,name\na@x,Jörg Müller\n".encode(encoding)


REFUSED = {
    "empty": (b"", r"the columns email, name are missing \(it has: none\)"),
    "columns": (b"e mail,first\n", r"the columns name are missing \(it has: e mail, first\)"),
    "twice": (b"email,name,E-MAIL\n", "more than one column is named email"),
    "values": (b"email,name\n\na@x,b, c\n", "line 3 has 3 values for 2 columns. Quote values"),
    "quotes": (b'email,name\n"a"@x,b@x\n', "not valid CSV"),
    "Windows": (umlauts("cp1252"), r"It looks like Windows-1252 \('Jörg'\)\. Save it as 'CSV U"),
    "Mac": (umlauts("mac_roman"), r"It looks like Mac OS Roman \('Jörg'\)"),
    "DOS": (umlauts("cp850"), r"It looks like code page 850 \('Jörg'\)"),
    "Cyrillic": ("email,name\na@x,Иван\n".encode("cp1251"), "Its encoding is unknown"),
    "half a UTF-16 character": (b"\xff\xfea", "not in UTF-8 or UTF-16"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_an_ambiguous_csv_file_is_refused(case: str, tmp_path: Path) -> None:
    content, reason = REFUSED[case]
    path = tmp_path / "people.csv"
    path.write_bytes(content)

    with pytest.raises(click.ClickException, match=f"Cannot read {path}: .*{reason}"):
        read_table(path, ["email", "name"])


def test_a_missing_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(click.ClickException, match=r"Cannot read .*people\.csv: No such file"):
        read_table(tmp_path / "people.csv", ["email"])


def book(*sheets: Sheet) -> Workbook:
    """Write a workbook. Sheets whose name begins with a dot are hidden."""
    made = Workbook()
    made.remove(made.worksheets[0])
    for name, rows in sheets:
        sheet = made.create_sheet(name)
        sheet.sheet_state = "hidden" if name.startswith(".") else "visible"
        for row in rows:
            sheet.append(row)
    return made


LAST_DAY = datetime(2026, 12, 31)  # noqa: DTZ001
PEOPLE: list[list[Any]] = [["email", "left on"], ["a@x", LAST_DAY], [None], ["b@x", 7]]
OLD: list[list[Any]] = [["email", "left on"], ["old@x", None]]


def test_the_visible_sheet_with_the_columns_is_read_with_real_dates(tmp_path: Path) -> None:
    made = book((".before", OLD), ("notes", [["anything"]]), ("people", PEOPLE), (".copy", OLD))
    made.save(tmp_path / "people.xlsx")

    assert read_table(tmp_path / "people.xlsx", ["email", "left on"]).rows == [
        (2, {"email": "a@x", "left on": "2026-12-31"}),
        (4, {"email": "b@x", "left on": "7"}),
    ]


SHEETS: dict[str, tuple[list[Sheet], str]] = {
    "two sheets": ([("people", PEOPLE), ("copy", OLD)], "2 sheets have rows. Remove or hide"),
    "hidden": ([(".people", PEOPLE), ("notes", [["x"]])], r"the columns email .*\(it has: x\)"),
    "formula": ([("people", [["email"], ["=A1"]])], "line 2 has a formula, '=A1'. Replace it"),
    "no sheet": ([(".", []), ("a", [])], "the columns email are missing"),
}


@pytest.mark.parametrize("case", SHEETS)
def test_an_ambiguous_spreadsheet_is_refused(case: str, tmp_path: Path) -> None:
    sheets, reason = SHEETS[case]
    book(*sheets).save(tmp_path / "people.xlsx")

    with pytest.raises(click.ClickException, match=reason):
        read_table(tmp_path / "people.xlsx", ["email"])


def test_a_spreadsheet_that_grows_when_unpacked_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.xlsx"
    with (
        ZipFile(path, "w", ZIP_DEFLATED) as parts,
        parts.open("bomb", "w", force_zip64=True) as file,
    ):
        for _ in range(101):
            file.write(bytes(1_000_000))

    with pytest.raises(click.ClickException, match="bytes when unpacked"):
        read_table(path, ["email"])


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-08-06", date(2026, 8, 6)),
        ("6.8.2026", date(2026, 8, 6)),
        ("06. 08. 2026", date(2026, 8, 6)),
        ("2026-08-06 00:00:00", date(2026, 8, 6)),
        ("31.2.2026", None),
        ("6.8.26", None),
        ("06/08/2026", None),
        ("46240", None),
        ("", None),
    ],
)
def test_dates_are_read_in_two_forms(text: str, day: date | None) -> None:
    assert iso_day(text) == (str(day) if day else text)
