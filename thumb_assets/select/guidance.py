"""Guides of a choice beyond what was measured of the video: words, a learned scorer, the library's scores."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from thumb_assets.errors import ThumbAssetsError
from thumb_assets.select.measure import CandidateArrays
from thumb_assets.select.words import Likeness, WhyPlain, share_of_words


class Scorer(Protocol):
    """Gives every candidate a score; see `learned`."""

    @property
    def embedding_model(self) -> str:
        """The model whose embeddings it knows, as `CandidateArrays.embedding_models` names it."""
        ...

    def scores(self, measured: CandidateArrays) -> NDArray[np.float64]:
        """(N,) float64, more is better; NaN where there is none."""
        ...


@dataclass(frozen=True, eq=False)
class Guidance:
    """Guides of a choice; one that is not there has no say.

    Attributes:
        words: the words themselves, by setting: `looking_for`, `avoid`.
        likeness: holds words against the text of subtitles.
        why_plain: why it does not compare meanings.
        unread: why the model of the embeddings does not read the words, where it does not.
        looking_for, avoid: (P, D) float32 of L2 norm 1, prompts as the model of the embeddings sees them.
        scorer: a learned scorer.
        library: by component (and `iqa.METRIC`) the library's values, (M,) float64 ascending, more is better.
    """

    looking_for: NDArray[np.float32] | None = None
    avoid: NDArray[np.float32] | None = None
    scorer: Scorer | None = None
    library: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    words: Mapping[str, str] = field(default_factory=dict)
    likeness: Likeness = share_of_words
    why_plain: WhyPlain = lambda _query, _texts: "words are compared by their letters"  # noqa: E731
    unread: ThumbAssetsError | None = None

    def require_matched(self, measured: CandidateArrays) -> None:
        """Raises `unread` where a video has embeddings that the words cannot be held against, and no subtitles."""
        if self.unread is None:
            return
        texts = measured.texts or ((),) * len(measured.video_ids)
        if any(vectors.shape[1] and not any(own) for vectors, own in zip(measured.embeddings, texts, strict=True)):
            raise self.unread

    def wanted(self, measured: CandidateArrays) -> NDArray[np.float64]:
        """Likeness to what is looked for, (N,) float64, -1..1; NaN where it is not known."""
        return _greatest_cosines(measured, self.looking_for)

    def said(self, measured: CandidateArrays, setting: str = "looking_for") -> NDArray[np.float64]:
        """Likeness of the subtitle at each candidate to the words of a setting.

        Returns:
            (N,) float64, 0..1; NaN in videos of which no subtitle is like them, as where there are none.
        """
        said = np.full(len(measured.frame_indices), np.nan)
        if setting not in self.words:
            return said
        for video, texts in enumerate(measured.texts):
            own = self.likeness(self.words[setting], texts) if any(texts) else np.zeros(0)
            if own.any():
                said[measured.span(video)] = own
        return said

    def avoided(self, measured: CandidateArrays) -> NDArray[np.float64] | None:
        """Likeness to what is to be avoided above that to a good frame, (N,); None where nothing is to be."""
        if self.avoid is None:
            return None
        return _greatest_cosines(measured, self.avoid) - measured["positive_similarity"]


NO_GUIDANCE = Guidance()


def _greatest_cosines(measured: CandidateArrays, prompts: NDArray[np.float32] | None) -> NDArray[np.float64]:
    cosines = np.full(len(measured.frame_indices), np.nan)
    if prompts is None:
        return cosines
    texts = prompts.astype(np.float64).T
    for video, embeddings in enumerate(measured.embeddings):
        if embeddings.shape[1] == len(texts):
            cosines[measured.span(video)] = (embeddings.astype(np.float64) @ texts).max(axis=1)
    return cosines
