"""What holds the next stream that somebody writes: keys, times, forms of lists, selection."""

from dataclasses import replace
from typing import Annotated

import msgspec
import pytest

from tap_intercom_access.intercom import (
    Id,
    Intercom,
    IntercomError,
    Row,
    list_of,
)
from tap_intercom_access.sandbox.server import Sandbox
from tap_intercom_access.streams.schema import AS_DATE_TIME, column, record_of, schema_of


class Shift(msgspec.Struct):
    id: Annotated[Id, column("Id.")]
    begins_at: Annotated[int | None, AS_DATE_TIME, column("When it begins.")] = None
    ends_at: Annotated[int | None, AS_DATE_TIME, column("When it ends.")] = msgspec.field(
        name="end", default=None
    )


class Nested(msgspec.Struct):
    id: Annotated[Id, column("Id.")]
    shift: Annotated[Shift | None, column("Shift.")] = None


def test_times_and_renamed_fields_become_columns_by_themselves() -> None:
    shift = msgspec.convert({"id": "1", "begins_at": 5, "end": 0}, Shift)

    assert record_of(shift) == {
        "id": "1",
        "begins_at": "1970-01-01T00:00:05+00:00",
        "ends_at": "1970-01-01T00:00:00+00:00",
    }
    assert record_of(msgspec.convert({"id": "1"}, Shift))["ends_at"] is None


def test_a_time_within_an_object_is_refused_rather_than_left_as_it_is() -> None:
    with pytest.raises(TypeError, match="Shift has a field"):
        schema_of(Nested, "Nested.")


def test_a_bare_array_is_checked_as_any_list(sandbox: Sandbox) -> None:
    endpoint = replace(list_of("rows", Row, "/admins", name="admins"), is_array=True)
    intercom = Intercom(sandbox.token, sandbox.base_url)

    def read(body: object) -> list[str]:
        sandbox.respond("/admins", body)
        return [row.id for row in intercom.rows(endpoint)]

    assert read([{"id": 1}, {"id": "2"}, {"id": "1"}]) == ["1", "2"]
    with pytest.raises(IntercomError, match=r"\[1\].id"):
        read([{"id": 1}, {"id": None}])
    bodies: tuple[object, ...] = ({}, {"admins": []}, "x")
    for body in bodies:
        with pytest.raises(IntercomError, match="is not a list of admins"):
            read(body)
