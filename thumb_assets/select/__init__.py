"""From measurements to the few frames worth keeping: measure, judge by rules, score, choose, tell.

What belongs here: pure, deterministic functions from Arrow tables and numpy arrays to Arrow tables, with what rejects
a frame declared in `rules`, and what its score is made of in `components`. What does not: measuring a frame, reading or
writing files, pictures and models.
"""
