"""The measurements that rules are held against, and what some rules make of them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from thumb_assets.select.faces import eyes_of_largest, face_shares
from thumb_assets.select.measure import BANNED, CandidateArrays
from thumb_assets.select.similarity import like_banned
from thumb_assets.select.spoilers import likeness_to_end, story_places
from thumb_assets.select.states import kept_shares
from thumb_assets.settings.selection import SelectionSettings

FloatArray = NDArray[np.float64]
# Variance of the Laplacian over that of the luma, which darkness leaves as it is: .0006 to .008 in blurred videos, .03
# in one of a tenth of its light.
_MOST_STRUCTURE = 0.012


@dataclass(frozen=True)
class Evidence:
    """The measurements that rules are held against.

    Attributes:
        measured: the candidates of one video or of many.
        settings: the thresholds.
        avoided: (N,) likeness to what is to be avoided above that to a good frame; None where nothing is.
        said: (N,) likeness of subtitle or writing to what is to be avoided; None where nothing is.
    """

    measured: CandidateArrays
    settings: SelectionSettings
    avoided: FloatArray | None = None
    said: FloatArray | None = None


def title_card_margin(evidence: Evidence) -> FloatArray:
    """Likeness to a title card above that to a good frame."""
    return np.asarray(evidence.measured["title_card_similarity"] - evidence.measured["positive_similarity"])


def luma_of_blank(evidence: Evidence) -> FloatArray:
    """Mean luma of pictures that are even throughout; NaN of others."""
    measured, least = evidence.measured, evidence.settings.reject.min_content_std
    return np.where(measured["luma_std"] < least, measured["luma_mean"], np.nan)


def acutance_of_smooth(evidence: Evidence) -> FloatArray:
    """NaN where the picture has fine structure: of a dark scene no edge stands out, of a covered lens there is none."""
    measured = evidence.measured
    is_smooth = measured["laplacian_variance"] < _MOST_STRUCTURE * measured["luma_std"] ** 2
    return np.where(is_smooth, measured["acutance"], np.nan)


def looks_banned(evidence: Evidence) -> FloatArray:
    """1 for what looks like a banned frame."""
    return np.asarray(like_banned(evidence.measured, settings=evidence.settings), np.float64)


def banned(evidence: Evidence) -> FloatArray:
    """1 for what people banned."""
    return np.asarray(evidence.measured["decision"] == BANNED, np.float64)


def without_state(evidence: Evidence) -> FloatArray:
    """1 for what shows no state of the screen."""
    return np.isnan(evidence.measured["state_seconds"]).astype(np.float64)


def kept_by_next(evidence: Evidence) -> FloatArray:
    """Share of its edges that the next state of the screen keeps."""
    return kept_shares(evidence.measured)


def faces_around(evidence: Evidence) -> FloatArray:
    """Share of the candidates around it that show a face, see `faces.face_shares`."""
    return face_shares(evidence.measured, settings=evidence.settings)


def eyes_of_cover(evidence: Evidence) -> FloatArray | None:
    """Openness of the largest face's eyes, see `faces.eyes_of_largest`; None but for the covers of a test."""
    if evidence.settings.strategy != "variants":
        return None
    return eyes_of_largest(evidence.measured, settings=evidence.settings)


def unrated(evidence: Evidence) -> FloatArray:
    """1 for what could not be rated for safety."""
    return np.isnan(evidence.measured["unsafe_probability"]).astype(np.float64)


def places_in_story(evidence: Evidence) -> FloatArray | None:
    """Place of each in the story, see `spoilers.story_places`; None where spoilers are no concern."""
    if not evidence.settings.spoiler_safe:
        return None
    return story_places(evidence.measured, settings=evidence.settings)


def foretelling(evidence: Evidence) -> FloatArray | None:
    """By how much each is more like the end than like the rest, see `spoilers.likeness_to_end`; None likewise."""
    if not evidence.settings.spoiler_safe:
        return None
    return likeness_to_end(evidence.measured, settings=evidence.settings)
