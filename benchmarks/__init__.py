"""How fast the tap is, against the limit and against its peers: `python -m benchmarks`."""
