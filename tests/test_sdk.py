"""The SDK's standard tests of taps, with the sandbox."""

from singer_sdk.testing import get_tap_test_class

from tap_intercom_access.sandbox.demo import demo
from tap_intercom_access.sandbox.server import Sandbox
from tap_intercom_access.tap import TapIntercomAccess

# The SDK creates the tests when this file is imported, so the sandbox must already run.
SANDBOX = Sandbox(demo()).__enter__()

CONFIG = {"access_token": SANDBOX.token, "base_url": SANDBOX.base_url}
CATALOG = TapIntercomAccess(config=CONFIG).catalog_dict
for entry in CATALOG["streams"]:
    for metadata in entry["metadata"]:
        metadata["metadata"]["selected"] = True

TestTapIntercomAccess = get_tap_test_class(
    TapIntercomAccess, config=CONFIG, catalog=CATALOG, parse_env_config=False
)
