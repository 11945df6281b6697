"""The frames of a library that can be compared, in an order of its own, and by what they are compared."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from thumb_assets.select.measure import CandidateArrays
from thumb_assets.select.rules import NOTHING
from thumb_assets.select.similarity import comparable_vectors
from thumb_assets.select.verdicts import judge
from thumb_assets.settings.selection import SelectionSettings

# Embeddings of different models have nothing to do with each other. None: a video without any.
Model = tuple[str, str] | None
# These show nothing, and in every library alike. A mark on a plain ground has few bits and is something.
_SHOWS_NOTHING = {"too_dark", "too_bright", "too_flat", "damaged"}


@dataclass(frozen=True)
class Comparable:
    """The frames that can be compared with each other: M of videos whose embeddings are of one model.

    Attributes:
        model: its name and the tag of its weights.
        frames: (M,) int64, their positions in the library, ascending.
        vectors: (M, D) float32 of L2 norm 1; a product is the weighted mean of the cosines.
    """

    model: Model
    frames: NDArray[np.int64]
    vectors: NDArray[np.float32]


@dataclass(frozen=True)
class LibraryFrames:
    """The candidates of V videos, N in all, ascending by video_id and frame_index.

    Attributes:
        video_ids: V names, ascending.
        videos: (N,) int64, the place of each one's video.
        frame_indices: (N,) int64. seconds: (N,) float64. hashes: (N,) uint64.
        comparable: what can be compared, by model.
        num_videos_of: by model how many videos there are.
        without_appearance: videos that cannot be compared since their looks were not measured.
    """

    video_ids: tuple[str, ...]
    videos: NDArray[np.int64]
    frame_indices: NDArray[np.int64]
    seconds: NDArray[np.float64]
    hashes: NDArray[np.uint64]
    comparable: tuple[Comparable, ...]
    num_videos_of: Mapping[Model, int]
    without_appearance: tuple[str, ...]

    def video_id(self, frame: int) -> str:
        """The video of the frame at a position."""
        return self.video_ids[int(self.videos[frame])]


def frames_of(
    measured: CandidateArrays, clip_footers: Mapping[str, Mapping[str, str]], *, settings: SelectionSettings
) -> LibraryFrames:
    """Collects the comparable measurements; frames that show nothing are left out.

    Args:
        measured: the videos, in any order.
        clip_footers: model_name and pretrained of the embeddings, by video that has any.
        settings: the mix of embedding and descriptor (`similarity`), and what shows nothing (`reject`).
    """
    order = sorted(range(len(measured.video_ids)), key=measured.video_ids.__getitem__)
    lengths = np.diff(measured.offsets)[order]
    rows = np.concatenate([np.zeros(0, np.int64), *(np.r_[measured.span(video)] for video in order)])
    has_looks = ~np.isnan(measured["luma_entropy"])
    rules = [rule for rule in judge(measured, settings=settings).rules if rule.tier == NOTHING]
    broken = [rule.is_broken for rule in rules if rule.reason in _SHOWS_NOTHING]
    is_compared = (has_looks & ~np.any(broken, axis=0))[rows]
    ids = tuple(measured.video_ids[video] for video in order)
    videos = np.repeat(np.arange(len(order)), lengths)
    models = [_model_of(clip_footers.get(video_id)) for video_id in ids]
    with_looks = {ids[video] for video in np.unique(videos[has_looks[rows]])}
    with_frames = {ids[video] for video in np.unique(videos)}
    return LibraryFrames(
        video_ids=ids,
        videos=videos,
        frame_indices=measured.frame_indices[rows],
        seconds=measured["pts_seconds"][rows],
        hashes=measured.difference_hash[rows],
        comparable=tuple(_comparable(measured, order, videos, is_compared, models, settings=settings)),
        num_videos_of={model: models.count(model) for model in sorted(set(models), key=str)},
        without_appearance=tuple(sorted(with_frames - with_looks)),
    )


def _model_of(footer: Mapping[str, str] | None) -> Model:
    return None if footer is None else (footer.get("model_name", ""), footer.get("pretrained", ""))


def _comparable(
    measured: CandidateArrays,
    order: list[int],
    videos: NDArray[np.int64],
    is_compared: NDArray[np.bool_],
    models: list[Model],
    *,
    settings: SelectionSettings,
) -> list[Comparable]:
    starts = np.searchsorted(videos, np.arange(len(order) + 1))
    # A model's name says how long its embeddings are; a file of weights under the same name may not.
    kinds = [
        (model, measured.embeddings[video].shape[1], measured.descriptors[video].shape[1])
        for model, video in zip(models, order, strict=True)
    ]
    parts = []
    for kind in sorted(set(kinds), key=str):
        places = [place for place, other in enumerate(kinds) if other == kind]
        frames = np.concatenate([np.arange(starts[place], starts[place + 1]) for place in places])
        vectors = comparable_vectors(
            np.concatenate([measured.embeddings[order[place]] for place in places]),
            np.concatenate([measured.descriptors[order[place]] for place in places]),
            settings=settings.similarity,
        )
        if vectors is None:
            continue
        is_used = is_compared[frames] & vectors.any(axis=1)
        parts.append(Comparable(kind[0], frames[is_used], vectors[is_used]))
    return parts
