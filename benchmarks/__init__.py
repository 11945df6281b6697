"""How far the whole job is from its limit: `uv run python -m benchmarks`.

What belongs here: the contestants, their repetitions, the report. What does not: any part of the job itself, and any
assertion on a time (the tests only look at the shape of the report).
"""
