"""Guides of a choice beyond what was measured of the video: words, a learned scorer, the library's scores."""

from collections.abc import Mapping, Sequence
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
    why_plain: WhyPlain = lambda _query, _texts: "words are compared by their letters"
    unread: ThumbAssetsError | None = None

    def require_matched(self, measured: CandidateArrays) -> None:
        """Raises `unread` where a video has embeddings that the words cannot be held against, and no text at all."""
        if self.unread is None:
            return
        for video, vectors in enumerate(measured.embeddings):
            if vectors.shape[1] and not any(any(own) for own in _texts_of(measured, video).values()):
                raise self.unread

    def wanted(self, measured: CandidateArrays) -> NDArray[np.float64]:
        """Likeness to what is looked for, (N,) float64, -1..1; NaN where it is not known."""
        return _greatest_cosines(measured, self.looking_for)

    def said(self, measured: CandidateArrays, setting: str = "looking_for") -> NDArray[np.float64]:
        """Likeness of the subtitle at each candidate, or of what is written there, to the words of a setting.

        Returns:
            (N,) float64, 0..1; NaN in videos of which no text is like them, as where there are none.
        """
        said = np.full(len(measured.frame_indices), np.nan)
        if setting not in self.words:
            return said
        for video in range(len(measured.video_ids)):
            own = [self._likeness_of(self.words[setting], texts) for texts in _texts_of(measured, video).values()]
            if any(each.any() for each in own):
                said[measured.span(video)] = np.max(own, axis=0)
        return said

    def quoted(self, measured: CandidateArrays, position: int, setting: str = "looking_for") -> tuple[str, str] | None:
        """The text of a candidate of the first video that is most like the words: where it stands, and the text."""
        if setting not in self.words:
            return None
        places = [
            (place, texts, self._likeness_of(self.words[setting], texts)[position])
            for place, texts in _texts_of(measured, 0).items()
        ]
        place, texts, likeness = max(places, key=lambda each: each[2], default=("", (), 0.0))
        if not likeness:
            return None
        text = texts[position]
        return place, text if place == "subtitle" else _most_like(self.likeness, self.words[setting], text)

    def _likeness_of(self, query: str, texts: Sequence[str]) -> NDArray[np.float64]:
        """Likeness of each text, or of its line that is most like the words."""
        if not any(texts):
            return np.zeros(len(texts))
        parts = list(dict.fromkeys(part for text in texts for part in (" ".join(text.split()), *text.split("\n"))))
        of_part = dict(zip(parts, self.likeness(query, parts).tolist(), strict=True))
        return np.array([max(of_part[" ".join(text.split())], *map(of_part.get, text.split("\n"))) for text in texts])

    def avoided(self, measured: CandidateArrays) -> NDArray[np.float64] | None:
        """Likeness to what is to be avoided above that to a good frame, (N,); None where nothing is to be."""
        if self.avoid is None:
            return None
        return _greatest_cosines(measured, self.avoid) - measured["positive_similarity"]


NO_GUIDANCE = Guidance()


def _texts_of(measured: CandidateArrays, video: int) -> dict[str, tuple[str, ...]]:
    """Known subtitles and writing at the candidates of a video, by source."""
    texts = {"subtitle": measured.texts, "writing": measured.written}
    return {place: own[video] for place, own in texts.items() if own}


def _most_like(likeness: Likeness, query: str, text: str) -> str:
    """The line of a text that is most like the words; all of it where that is more."""
    parts = [*text.split("\n"), " ".join(text.split())]
    return parts[int(np.argmax(likeness(query, parts)))]


def _greatest_cosines(measured: CandidateArrays, prompts: NDArray[np.float32] | None) -> NDArray[np.float64]:
    cosines = np.full(len(measured.frame_indices), np.nan)
    if prompts is None:
        return cosines
    texts = prompts.astype(np.float64).T
    for video, embeddings in enumerate(measured.embeddings):
        if embeddings.shape[1] == len(texts):
            cosines[measured.span(video)] = (embeddings.astype(np.float64) @ texts).max(axis=1)
    return cosines
