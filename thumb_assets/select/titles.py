"""Titles of chapters out of what is said in them."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from thumb_assets.select.words import words_in

# Letters of a title, at most; fewer words than this say too little.
_MOST_LETTERS, _LEAST_WORDS = 60, 2


def spoken_titles(subtitles: pa.Table | None, *, borders: NDArray[np.float64]) -> list[str | None]:
    """Of each chapter the subtitle that says most of what is said in it and not in the others.

    A word weighs as often as the chapter has it, times its rarity among the chapters (tf-idf; Salton and Buckley,
    "Term-weighting approaches in automatic text retrieval", 1988); a subtitle has the weight of its words over the
    square root of their number.

    Args:
        subtitles: table of one video; of several sources, such as languages, that with the most cues counts.
        borders: (C + 1,) float64, seconds at which each of C chapters begins, and at which the last one ends.

    Returns:
        C titles; None for a chapter in which little is said.
    """
    said = _texts_of(subtitles, borders)
    words = [Counter(word for text in texts for word in words_in(text)) for texts in said]
    in_chapters = Counter(word for own in words for word in own)
    rarity = {word: float(np.log((1 + len(said)) / number)) for word, number in in_chapters.items()}
    return [_title(texts, own, rarity) for texts, own in zip(said, words, strict=True)]


def _texts_of(subtitles: pa.Table | None, borders: NDArray[np.float64]) -> list[list[str]]:
    texts: list[list[str]] = [[] for _ in borders[1:]]
    if subtitles is None or not subtitles.num_rows:
        return texts
    sources = subtitles.column("source").to_pylist()
    (source, _), *_ = Counter(sources).most_common(1)
    chapters = np.searchsorted(borders, subtitles.column("start_seconds").to_numpy(), side="right") - 1
    for own, chapter, text in zip(sources, chapters.tolist(), subtitles.column("text").to_pylist(), strict=True):
        if own == source and 0 <= chapter < len(texts):
            texts[chapter].append(text)
    return texts


def _title(texts: Sequence[str], counts: Counter[str], rarity: dict[str, float]) -> str | None:
    best, greatest = None, 0.0
    for text in texts:
        words = words_in(text)
        weight = sum(counts[word] * rarity[word] for word in words) / max(len(words), 1) ** 0.5
        if len(words) >= _LEAST_WORDS and weight > greatest:
            best, greatest = text, weight
    return None if best is None else _shortened(" ".join(best.split()))


def _shortened(text: str) -> str:
    """Cut behind a word where it is too long."""
    if len(text) <= _MOST_LETTERS:
        return text
    cut = text[: _MOST_LETTERS - 3]
    return f"{cut.rpartition(' ')[0] or cut}..."
