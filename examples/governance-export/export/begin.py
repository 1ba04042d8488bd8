"""First step: makes room for the rows of a run; the last complete files stay where they are."""

from __future__ import annotations

from datetime import datetime

import sign_ins
from files import OUTPUT, RUN, STREAMS, make_folder, restore_output, write_text


def main() -> None:
    """Empty run/, and report what output/ holds until the run is complete."""
    restore_output()
    sign_ins.keep_of_unfinished_run()
    make_folder(RUN)
    for stream in STREAMS:
        write_text(RUN / f"{stream}.jsonl", "")  # target-jsonl appends, and would let all read it
    if OUTPUT.exists():
        made = datetime.fromtimestamp(OUTPUT.stat().st_mtime).astimezone().isoformat(" ", "seconds")
        print(f"output/ holds the complete files of {made}: they stay until this run is complete")


if __name__ == "__main__":
    main()
