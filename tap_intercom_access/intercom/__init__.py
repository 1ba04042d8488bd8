"""Intercom's API, without Singer: send a request, read a list to its end, or know why not."""

from tap_intercom_access.intercom.client import Intercom
from tap_intercom_access.intercom.endpoints import Endpoint, array_of, list_of, object_of
from tap_intercom_access.intercom.errors import IntercomError, RefusedError, UnreadableError
from tap_intercom_access.intercom.responses import Id, Row

__all__ = [
    "Endpoint",
    "Id",
    "Intercom",
    "IntercomError",
    "RefusedError",
    "Row",
    "UnreadableError",
    "array_of",
    "list_of",
    "object_of",
]
