"""Compares videos: finds frames that several of them share, and the distribution of scores in the library.

What belongs here: nearest neighbours among many vectors, what makes two frames of different videos alike, groups of
such frames, quantiles of scores; arrays in, arrays out, the same whatever the order of videos. What does not: what is
alike within a video and what follows from any of it (select), reading and writing (store, pipeline). Only this room
imports usearch.
"""

from thumb_assets.survey.alike import Alike, alike_frames, groups_of_alike
from thumb_assets.survey.frames import LibraryFrames, frames_of
from thumb_assets.survey.index import VectorIndex, near_pairs
from thumb_assets.survey.reference import MAX_QUANTILES, Reference, reference_of

__all__ = [
    "MAX_QUANTILES",
    "Alike",
    "LibraryFrames",
    "Reference",
    "VectorIndex",
    "alike_frames",
    "frames_of",
    "groups_of_alike",
    "near_pairs",
    "reference_of",
]
