"""How far ours is from its limits, and what others cost for the same: `uv run python -m benchmarks`.

What belongs here: the clips, the contestants, their repetitions, the page (`docs/performance.md`). What does not: any
part of the job itself, and any assertion on a time (the tests only look at the shape of the page).
"""
