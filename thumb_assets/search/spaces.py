"""The spaces in which pictures are compared: by their looks, and by the embeddings that words are held against."""

from collections.abc import Mapping
from functools import cached_property
from itertools import pairwise
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

# Vectors that are held at a time, where many are compared one by one.
_ROWS_PER_BLOCK = 20_000
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
        self._positions = np.concatenate([np.arange(*each) for each in zip(starts, ends, strict=True)])
        self._is_own = np.zeros(len(measured.frame_indices), np.bool_)
        self._is_own[self._positions] = True
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
        if not self._is_own[position]:
            return None
        vector = self._vectors_at(np.array([position]))[0]
        return vector if vector.any() else None

    def nearest(self, question: NDArray[np.float32], *, number: int) -> tuple[Positions, FloatArray]:
        """See `VectorSpace`."""
        own, cosines = self._space.nearest(question, number=number)
        return self._positions[own], cosines

    def within(self, mask: NDArray[np.bool_]) -> Positions:
        """The positions of this space at which a mask over all candidates is True."""
        return np.flatnonzero(mask & self._is_own)

    def exact(
        self, question: NDArray[np.float32], positions: Positions, *, number: int
    ) -> tuple[Positions, FloatArray]:
        """The nearest of the candidates at some positions, each compared: nearest first, and their cosines."""
        cosines = np.full(len(positions), np.nan)
        for start in range(0, len(positions), _ROWS_PER_BLOCK):
            block = slice(start, start + _ROWS_PER_BLOCK)
            vectors = self._vectors_at(positions[block])
            cosines[block] = np.where(vectors.any(axis=1), vectors @ question, np.nan)
        known = np.flatnonzero(~np.isnan(cosines))
        order = known[np.lexsort((positions[known], -cosines[known]))][:number]
        return positions[order], cosines[order]

    def likeness(self, question: NDArray[np.float32], cosines: FloatArray) -> FloatArray:
        """The share by which cosines to words are above the usual, 0..1."""
        usual = self._usual @ question
        spread = max(float(usual.std()), 1e-6)
        return np.asarray(np.clip(((cosines - usual.mean()) / spread - _CHANCE) / (_SURE - _CHANCE), 0.0, 1.0))

    @cached_property
    def _usual(self) -> NDArray[np.float32]:
        """Vectors of frames at even steps through the library."""
        steps = np.unique(np.linspace(0, len(self._positions) - 1, _NUM_USUAL).astype(np.int64))
        vectors = self._vectors_at(self._positions[steps])
        return np.asarray(vectors[vectors.any(axis=1)])

    def _rows_of(self, place: int, rows: Positions | slice) -> NDArray[np.float32]:
        """Vectors of some candidates of the video at a place."""
        video = self._videos[place]
        return self._vectors(self._measured.embeddings[video][rows], self._measured.descriptors[video][rows])

    def _vectors_at(self, positions: Positions) -> NDArray[np.float32]:
        """Vectors of the candidates at some positions, in their order."""
        measured = self._measured
        videos = np.searchsorted(measured.offsets, positions, side="right") - 1
        rows = positions - measured.offsets[videos]
        bounds = np.flatnonzero(np.diff(videos, prepend=-1, append=-1))
        spans = [(int(videos[begin]), rows[begin:end]) for begin, end in pairwise(bounds.tolist())]
        parts = [
            np.concatenate([of_video[video][own] for video, own in spans])
            for of_video in (measured.embeddings, measured.descriptors)
        ]
        return self._vectors(*parts)

    def _vectors(self, embeddings: NDArray[np.float16], descriptors: NDArray[np.float16]) -> NDArray[np.float32]:
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
