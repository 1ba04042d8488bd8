"""An API client for Intercom, without Singer. It reads lists completely, or raises an error."""

from tap_intercom_access.intercom.client import Intercom, Observer
from tap_intercom_access.intercom.endpoints import Endpoint, list_of
from tap_intercom_access.intercom.errors import IntercomError, RefusedError
from tap_intercom_access.intercom.responses import Id, Row

__all__ = [
    "Endpoint",
    "Id",
    "Intercom",
    "IntercomError",
    "Observer",
    "RefusedError",
    "Row",
    "list_of",
]
