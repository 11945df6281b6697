"""Recall and speed of each shot detector on known transitions: `uv run python -m benchmarks.shots`.

What belongs here: clips with known transitions (labelled ones where they are, edits made by recipe), the rule that
holds found starts against them, the report. What does not: a detector, or any assertion on a time or a score.
"""
