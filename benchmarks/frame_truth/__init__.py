"""Proves every exported picture against other programs: `uv run --group benchmarks python -m benchmarks.frame_truth`.

What belongs here: the hazards, the references made by other programs, the judges, the page. What does not: any part of
the job itself.
"""
