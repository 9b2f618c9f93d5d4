"""Measurements beside peers: `python -m benchmarks`."""
