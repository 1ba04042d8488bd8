"""The command: it imports little before a signal finds it ready."""

from __future__ import annotations

import gc

from tap_intercom_access.signals import handle_signals


def main() -> None:
    """Run the tap's command line."""
    handle_signals()
    gc.disable()  # nothing that is imported is garbage: looking for some takes time, now and later
    from tap_intercom_access.tap import main as run  # noqa: PLC0415 (it takes half a second)

    gc.freeze()
    gc.enable()
    gc.set_threshold(20_000)  # rows are no cycles: they go without it
    run()


if __name__ == "__main__":
    main()
