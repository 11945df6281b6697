"""Tests of the benchmarks on tiny inputs: `uv run pytest benchmarks`. They assert no time."""
