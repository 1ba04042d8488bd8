"""The command. It installs the signal handlers before it imports the rest."""

from __future__ import annotations

import gc

from tap_intercom_access.signals import handle_signals


def main() -> None:
    """Run the tap's command line."""
    handle_signals()
    gc.disable()  # imported objects aren't garbage: looking for some takes time, now and later
    from tap_intercom_access.cli import main as run  # noqa: PLC0415 (it takes half a second)

    gc.freeze()
    gc.enable()
    run()


if __name__ == "__main__":
    main()
