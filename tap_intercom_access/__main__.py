"""The entry point. It installs the signal handlers first, because the other imports take long."""

from __future__ import annotations

import gc

from tap_intercom_access.signals import handle_signals


def main() -> None:
    """Run the tap's command line."""
    handle_signals()
    gc.disable()  # imported objects stay in use, so checking them for garbage only costs time
    from tap_intercom_access.cli import main as run  # noqa: PLC0415 (takes half a second)

    gc.freeze()
    gc.enable()
    run()


if __name__ == "__main__":
    main()
