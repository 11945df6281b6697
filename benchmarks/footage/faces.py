"""First picks with a whole, open-eyed face, of the clips that have a candidate with one.

No label says where a face is: the measures of table `faces` do, so look at the picks as well.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from benchmarks.footage.labels import Clip
from benchmarks.page import table
from thumb_assets.select.choose import pick
from thumb_assets.select.faces import are_clear, eyes_open
from thumb_assets.select.measure import FACE_VALUES, CandidateArrays, FaceArrays
from thumb_assets.settings.selection import SelectionSettings

# From here on eyes are more open than closed, by what is usual in the video.
_OPEN = 0.5


@dataclass(frozen=True)
class FirstPick:
    """A clip with a candidate that has a whole, open-eyed face, and its first picks.

    Attributes:
        num_with: candidates that have one, of `num_candidates`.
        before, after: frame_index of the first pick where faces are not looked for, and where they are; None without.
        is_before, is_after: whether it has one.
    """

    clip: Clip
    num_with: int
    num_candidates: int
    before: int | None
    after: int | None
    is_before: bool
    is_after: bool


def has_open_eyed_face(measured: CandidateArrays, settings: SelectionSettings) -> npt.NDArray[np.bool_]:
    """(N,) bool: candidates with a clear face that lies in the picture whole and whose eyes are known to be open."""
    faces = measured.faces
    videos = np.repeat(np.arange(len(measured.video_ids)), np.diff(faces.offsets))
    widths, heights = measured.frame_sizes[videos].T
    is_whole = (np.minimum(faces.x, faces.y) >= 0) & (faces.x + faces.width <= widths)
    is_whole &= faces.y + faces.height <= heights
    with np.errstate(invalid="ignore"):  # NaN where nobody knows
        is_open = eyes_open(measured) >= _OPEN
    found = np.zeros(len(measured.frame_indices), dtype=np.bool_)
    is_one = are_clear(measured, settings=settings) & is_whole & is_open
    found[(measured.offsets[videos] + faces.positions)[is_one]] = True
    return found


def without_faces(measured: CandidateArrays) -> CandidateArrays:
    """The same candidates as `faces.detector=none` has them measured."""
    num_videos = len(measured.video_ids)
    empty = FaceArrays(
        np.zeros(num_videos + 1, np.int64), np.zeros(0, np.int64), **{name: np.zeros(0) for name in FACE_VALUES}
    )
    return replace(measured, faces=empty, has_faces=np.zeros(num_videos, np.bool_))


def first_picks(
    clips: Sequence[Clip], measured: Sequence[CandidateArrays], settings: SelectionSettings
) -> list[FirstPick]:
    """The clips where a first pick with such a face is possible, in their order.

    Args:
        clips: labelled ones.
        measured: of each its candidates, with faces, in the same order, one video each.
        settings: of ours.
    """
    found = []
    for clip, own in zip(clips, measured, strict=True):
        is_one = has_open_eyed_face(own, settings)
        if is_one.any():
            places = [_first(each, settings) for each in (without_faces(own), own)]
            frames = [None if place is None else int(own.frame_indices[place]) for place in places]
            hits = [place is not None and bool(is_one[place]) for place in places]
            found.append(FirstPick(clip, int(is_one.sum()), len(is_one), *frames, *hits))
    return found


def _first(measured: CandidateArrays, settings: SelectionSettings) -> int | None:
    (chosen,) = pick(measured, settings=settings).chosen
    return int(chosen[0]) if len(chosen) else None


def told(picks: Sequence[FirstPick]) -> str:
    """The shares in a sentence, and a row per clip; one sentence where no clip has such a candidate."""
    if not picks:
        return "No candidate of these clips has one."
    before, after = sum(each.is_before for each in picks), sum(each.is_after for each in picks)
    rows = [
        (
            each.clip.name,
            f"{each.num_with} of {each.num_candidates}",
            _cell(each.before, is_one=each.is_before),
            _cell(each.after, is_one=each.is_after),
        )
        for each in picks
    ]
    sentence = (
        "Of the clips where a candidate has one, the first pick has one in "
        f"{before} of {len(picks)} where faces are not looked for (`faces.detector=none`), and in {after} of "
        f"{len(picks)} by default."
    )
    return sentence + "\n\n" + table(("clip", "candidates with one", "first pick, no faces", "first pick"), rows)


def _cell(frame_index: int | None, *, is_one: bool) -> str:
    return "none" if frame_index is None else f"{frame_index}, {'yes' if is_one else 'no'}"
