"""Compares the tap with a minimal script and other connectors: `python -m benchmarks`."""
