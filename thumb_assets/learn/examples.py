"""Brings labels and measurements together: which labelled candidates there is something to learn from."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from thumb_assets.learn.labels import Label, LeftOut
from thumb_assets.select.learned_head import features_by_video
from thumb_assets.select.measure import CandidateArrays


@dataclass(frozen=True, eq=False)
class Examples:
    """R labelled candidates, ascending by video and frame.

    Attributes:
        embedding_model: of all their embeddings.
        features: (R, F) float64, see `features_by_video`.
        targets, weights: (R,) float64, see `Label`.
        videos: (R,) int64, 0 for those of the first video, 1 for the next.
        positions: (R,) int64, their places in `CandidateArrays`.
    """

    embedding_model: str
    features: NDArray[np.float64]
    targets: NDArray[np.float64]
    weights: NDArray[np.float64]
    videos: NDArray[np.int64]
    positions: NDArray[np.int64]

    @property
    def num_videos(self) -> int:
        """Different ones."""
        return len(np.unique(self.videos))

    def rows(self, places: NDArray[np.int64]) -> "Examples":
        """Some of them."""
        return Examples(
            self.embedding_model,
            features=self.features[places],
            targets=self.targets[places],
            weights=self.weights[places],
            videos=self.videos[places],
            positions=self.positions[places],
        )


def examples_of(labels: Sequence[Label], measured: CandidateArrays | None, *, left_out: LeftOut) -> Examples | None:
    """The labelled candidates that have embeddings, of the model that most of them have.

    Args:
        labels: see `merged`.
        measured: of the labelled videos, in any order; None where none has candidates.
        left_out: takes the labels of frames that are no candidates or have no such embedding.

    Returns:
        None where there is none.
    """
    placed = _placed(labels, measured, left_out)
    if measured is None or not placed:
        return None
    num_by_model = Counter(measured.embedding_models[video] or "" for _, video, _ in placed)
    model = min(num_by_model, key=lambda name: (-num_by_model[name], name))
    chosen = []
    for label, video, position in placed:
        if (measured.embedding_models[video] or "") == model:
            chosen.append((label, video, position))
        else:
            left_out.add(f"its embedding is of another model than most: {model}", (label.video_id, label.frame_index))
    places = np.array([position for *_, position in chosen], np.int64)
    videos = np.array([video for _, video, _ in chosen], np.int64)
    return Examples(
        model,
        features=_features(measured, model=model, places=places, videos=videos),
        targets=np.array([label.target for label, *_ in chosen]),
        weights=np.array([label.weight for label, *_ in chosen]),
        videos=np.cumsum(np.diff(videos, prepend=videos[0]) != 0),
        positions=places,
    )


def _placed(
    labels: Sequence[Label], measured: CandidateArrays | None, left_out: LeftOut
) -> list[tuple[Label, int, int]]:
    """Each label of a candidate with an embedding, the place of its video, and its own."""
    place_of = {} if measured is None else {video_id: place for place, video_id in enumerate(measured.video_ids)}
    placed = []
    for label in labels:
        frame = (label.video_id, label.frame_index)
        if measured is None or label.video_id not in place_of:
            left_out.add("its video has no candidate frames yet; run it first", frame)
            continue
        video = place_of[label.video_id]
        span = measured.span(video)
        place = int(np.searchsorted(measured.frame_indices[span], label.frame_index))
        if place == span.stop - span.start or measured.frame_indices[span.start + place] != label.frame_index:
            left_out.add("no candidate frame of its video", frame)
        elif not measured.embeddings[video].shape[1] or np.isnan(measured.embeddings[video][place]).any():
            left_out.add("has no embedding; run the stage `clip_scores`", frame)
        else:
            placed.append((label, video, span.start + place))
    return placed


def _features(
    measured: CandidateArrays, *, model: str, places: NDArray[np.int64], videos: NDArray[np.int64]
) -> NDArray[np.float64]:
    of_video = {}
    for video, features in features_by_video(measured, embedding_model=model):
        of_video[video] = features[places[videos == video] - measured.offsets[video]]
    return np.concatenate([of_video[video] for video in dict.fromkeys(videos.tolist())])
