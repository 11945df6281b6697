"""The spaces in which pictures are compared: by their looks, and by the embeddings that words are held against."""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
import xxhash
from numpy.typing import NDArray

from thumb_assets.events import UNWATCHED, Events
from thumb_assets.search.space import Unit, VectorSpace
from thumb_assets.select.measure import CandidateArrays
from thumb_assets.select.similarity import comparable_vectors
from thumb_assets.settings.selection import SimilaritySettings

FloatArray = NDArray[np.float64]
Positions = NDArray[np.int64]
Kind = Literal["looks", "embeddings"]

# Frames by which it is known how like a picture is to any words. Cosines that are no more than the first number of
# standard deviations above that mean nothing, and from the second on the picture shows the words.
_NUM_USUAL, _CHANCE, _SURE = 1000, 1.0, 5.0


class PictureSpace:
    """The candidates of some videos, by one kind of vectors; positions are those of the candidates.

    Args:
        kind: `looks`: as the survey compares frames; `embeddings`: of the model alone.
        videos: places of the videos, all of one model.
        contents: by video the hash of what its vectors are made of.
        folder: for its files; None keeps them in memory.

    Attributes:
        model: of the embeddings, as `CandidateArrays.embedding_models` names it; None where there are none.
    """

    def __init__(
        self,
        kind: Kind,
        measured: CandidateArrays,
        videos: list[int],
        contents: Mapping[str, str],
        *,
        settings: SimilaritySettings,
        folder: Path | None,
        events: Events = UNWATCHED,
    ) -> None:
        self.model = measured.embedding_models[videos[0]]
        self._kind, self._measured, self._videos, self._settings = kind, measured, videos, settings
        starts, ends = measured.offsets[:-1][videos], measured.offsets[1:][videos]
        self._starts = np.concatenate([[0], np.cumsum(ends - starts)])
        self._positions = np.concatenate([np.arange(*each) for each in zip(starts, ends, strict=True)])
        self._own_of = np.full(len(measured.frame_indices), -1)
        self._own_of[self._positions] = np.arange(len(self._positions))
        names = [measured.video_ids[video] for video in videos]
        counts = (ends - starts).tolist()
        units = [Unit(name, contents[name], count) for name, count in zip(names, counts, strict=True)]
        sizes = (measured.embeddings[videos[0]].shape[1], measured.descriptors[videos[0]].shape[1])
        weight = settings.descriptor_weight if kind == "looks" else 0
        name = xxhash.xxh3_64_hexdigest(repr((kind, self.model, sizes, weight)).encode())
        self._space = VectorSpace(folder, f"{kind}-{name}", units, self._rows_of, events=events)

    def __len__(self) -> int:
        """The number of candidates."""
        return len(self._positions)

    @property
    def notes(self) -> list[str]:
        """See `VectorSpace`."""
        return self._space.notes

    def vector(self, position: int) -> NDArray[np.float32] | None:
        """The vector of the candidate at a position: (D,) float32; None where it has none here."""
        own = int(self._own_of[position])
        if own < 0:
            return None
        unit = int(np.searchsorted(self._starts, own, side="right")) - 1
        vector = self._rows_of(unit, np.array([own - self._starts[unit]]))[0]
        return vector if vector.any() else None

    def nearest(self, question: NDArray[np.float32], *, number: int) -> tuple[Positions, FloatArray]:
        """See `VectorSpace`."""
        own, cosines = self._space.nearest(question, number=number)
        return self._positions[own], cosines

    def within(self, mask: NDArray[np.bool_]) -> Positions:
        """The positions of this space at which a mask over all candidates is True."""
        return np.asarray(self._positions[mask[self._positions]])

    def exact(self, question: NDArray[np.float32], positions: Positions) -> tuple[Positions, FloatArray]:
        """The candidates at some positions, nearest first, and their cosines."""
        cosines = self._space.cosines(question, self._own(positions))
        known = np.flatnonzero(~np.isnan(cosines))
        order = known[np.lexsort((positions[known], -cosines[known]))]
        return positions[order], cosines[order]

    def likeness(self, question: NDArray[np.float32], cosines: FloatArray) -> FloatArray:
        """How far cosines to words are above the usual, 0..1."""
        usual = self._usual @ question
        spread = max(float(usual.std()), 1e-6)
        return np.asarray(np.clip(((cosines - usual.mean()) / spread - _CHANCE) / (_SURE - _CHANCE), 0.0, 1.0))

    @cached_property
    def _usual(self) -> NDArray[np.float32]:
        """Vectors of frames at even steps through the library."""
        steps = np.unique(np.linspace(0, len(self._positions) - 1, _NUM_USUAL).astype(np.int64))
        units = np.searchsorted(self._starts, steps, side="right") - 1
        parts = [self._rows_of(unit, steps[units == unit] - self._starts[unit]) for unit in np.unique(units).tolist()]
        vectors = np.concatenate(parts)
        return np.asarray(vectors[vectors.any(axis=1)])

    def _own(self, positions: Positions) -> Positions:
        """Positions in the space of those candidates that are in it."""
        own = self._own_of[positions]
        return np.asarray(own[own >= 0])

    def _rows_of(self, place: int, rows: Positions | slice) -> NDArray[np.float32]:
        """Vectors of some candidates of the video at a place."""
        embeddings = self._measured.embeddings[self._videos[place]][rows]
        descriptors = self._measured.descriptors[self._videos[place]][rows]
        if self._kind == "embeddings":
            descriptors = descriptors[:, :0]
        vectors = comparable_vectors(embeddings, descriptors, settings=self._settings)
        return np.zeros((len(embeddings), 1), np.float32) if vectors is None else vectors


def picture_spaces(
    kind: Kind,
    measured: CandidateArrays,
    contents: Mapping[str, str],
    *,
    settings: SimilaritySettings,
    folder: Path | None,
    events: Events = UNWATCHED,
) -> tuple[PictureSpace, ...]:
    """One space per model; that of the most frames first.

    A model's name says how long its embeddings are; a file of weights under the same name may not.
    """
    videos_of: dict[tuple[object, ...], list[int]] = {}
    for video, model in enumerate(measured.embedding_models):
        sizes = (measured.embeddings[video].shape[1], measured.descriptors[video].shape[1])
        sizes = sizes if kind == "looks" else (sizes[0], 0)
        if any(sizes):
            videos_of.setdefault((model, *sizes), []).append(video)
    spaces = [
        PictureSpace(kind, measured, videos, contents, settings=settings, folder=folder, events=events)
        for videos in videos_of.values()
    ]
    return tuple(sorted(spaces, key=lambda space: -len(space)))
