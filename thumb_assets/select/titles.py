"""Titles of chapters out of what is said and written in them."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from thumb_assets.select.words import words_in

# Letters of a title, at most; fewer words than this say too little.
_MOST_LETTERS, _LEAST_WORDS = 60, 2
# A title is written so large beside the shorter side of the picture, and has so many letters. What stands in more than
# this share of the chapters is a mark of the whole video.
_LEAST_HEIGHT, _FEWEST_LETTERS, _MARK_SHARE = 0.07, 4, 0.5


def spoken_titles(subtitles: pa.Table | None, *, borders: NDArray[np.float64]) -> list[str | None]:
    """Titles chapters by the subtitle that best tells each from the others.

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


def written_titles(
    texts: pa.Table | None,
    *,
    borders: NDArray[np.float64],
    seconds: Mapping[int, float],
    frame_size: tuple[int, int],
) -> list[str | None]:
    """Titles chapters by the largest line written in each, the first of several.

    Args:
        texts: table of one video.
        borders: as above.
        seconds: by frame_index.
        frame_size: width and height of the displayed frame.

    Returns:
        C titles; None for a chapter without writing large enough.
    """
    found: list[dict[str, float]] = [{} for _ in borders[1:]]
    for row in [] if texts is None else texts.sort_by([("frame_index", "ascending")]).to_pylist():
        line = " ".join(row["text"].split())
        chapter = int(np.searchsorted(borders, seconds.get(row["frame_index"], -np.inf), side="right")) - 1
        is_large = min(row["height"], row["width"]) >= _LEAST_HEIGHT * min(frame_size)
        if is_large and sum(map(str.isalpha, line)) >= _FEWEST_LETTERS and 0 <= chapter < len(found):
            found[chapter][line] = max(found[chapter].get(line, 0.0), row["height"])
    in_chapters = Counter(line for lines in found for line in lines)
    marks = {line for line, number in in_chapters.items() if number > max(1, _MARK_SHARE * len(found))}
    best = [max((line for line in lines if line not in marks), key=lines.__getitem__, default=None) for lines in found]
    return [None if line is None else _shortened(line) for line in best]


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
        # Rounded: a set has no order, and sums in another order differ in the last digit.
        weight = round(sum(counts[word] * rarity[word] for word in words) / max(len(words), 1) ** 0.5, 9)
        if len(words) >= _LEAST_WORDS and weight > greatest:
            best, greatest = text, weight
    return None if best is None else _shortened(" ".join(best.split()))


def _shortened(text: str) -> str:
    """Cut behind a word where it is too long."""
    if len(text) <= _MOST_LETTERS:
        return text
    cut = text[: _MOST_LETTERS - 3]
    return f"{cut.rpartition(' ')[0] or cut}..."
