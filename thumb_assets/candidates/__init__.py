"""Frames of a video that are worth scoring: near the ends of shots, a uniform grid, sync frames, every n-th frame.

What belongs here: the sampling rules, applied to finished tables (`plan_candidates`) and while frames still arrive
(`CandidatePredictor`). What does not: finding shots (shots), decoding (video), judging a frame (the scorers, select).
A moment's frame is the one that a player shows then: the last one whose stamp is not behind it.
"""
