"""The distance of ours from its limits, and the cost of others for the same: `uv run python -m benchmarks`.

What belongs here: the clips, the contestants, their repetitions, the page (`docs/results/performance.md`), and tests of
these. What does not: any part of the job itself, and any assertion on a time (the tests look at the shape of the page).
"""
