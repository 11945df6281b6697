"""Words that are looked for, held against the text that is heard or read at each candidate."""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

# (query, texts) -> (N,) float64 in 0..1: how well each text answers the query; an empty text gets 0.
Likeness = Callable[[str, Sequence[str]], NDArray[np.float64]]
# (query, texts) -> why the texts are not compared by their meaning, one clause; None where they are.
WhyPlain = Callable[[str, Sequence[str]], str | None]
# Less of the query than this is chance: an article, half of a name.
_LEAST_SHARE = 0.5
# The weight of a word that every text has.
_LEAST_WEIGHT = 0.1
# Cosines of meanings: less than the first is chance, and from the second on two texts say the same.
_UNLIKE, _SAME = 0.25, 0.85
# Words of English fall into 1.0 to 1.5 of the model's pieces on average, of German into 2; a single one
# into any number.
_MOST_PIECES, _FEWEST_WORDS, _LEAST_OF_SCRIPT = 1.7, 4, 0.7
# Of so many words some are these, if they are English.
_ENOUGH_WORDS, _LEAST_OF_ENGLISH = 20, 0.03
_ENGLISH = frozenset(("the", "and", "of", "to", "is", "you", "that", "it", "for", "with", "this", "are", "have", "we"))
# Whose words are remembered: those of a page of videos, held against one query after the other.
_MOST_TEXTS = 50_000
_WORD = re.compile(r"\w+")
# Scripts that do not part words: their text is compared by pairs of letters.
_UNPARTED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\U00020000-\U0002ffff]+")


def share_of_words(query: str, texts: Sequence[str]) -> NDArray[np.float64]:
    """The share of a query's words that each text has; less than half counts as none.

    A word weighs the more the fewer texts have it (inverse document frequency; Sparck Jones, "A statistical
    interpretation of term specificity", 1972). Case and accents do not count; forms of a word do.

    >>> share_of_words("the goal", ["the start", "Goal!", "", "the end"]).round(2).tolist()
    [0.0, 0.67, 0.0, 0.0]
    """
    known = [words_in(text) for text in texts]
    places = {word: np.flatnonzero([word in words for words in known]) for word in sorted(words_in(query))}
    return shares_by_places(places, num_texts=len(texts), num_filled=sum(1 for words in known if words))


def shares_by_places(
    places: Mapping[str, NDArray[np.int64]], *, num_texts: int, num_filled: int
) -> NDArray[np.float64]:
    """As `share_of_words`, where it is known which texts have which word.

    Args:
        places: by word of the query the texts that have it.
        num_texts: N.
        num_filled: how many of them have any word.

    Returns:
        (N,) float64 in 0..1.
    """
    weights = {word: np.log((1 + num_filled) / (1 + len(own))) + _LEAST_WEIGHT for word, own in places.items()}
    shares = np.zeros(num_texts)
    for word, own in places.items():
        shares[own] += weights[word]
    total = sum(weights.values())
    shares = shares / total if total else shares
    return np.where(shares >= _LEAST_SHARE, shares, 0.0)


def likeness_of_cosines(cosines: NDArray[np.float64]) -> NDArray[np.float64]:
    """The likeness, 0..1, of texts whose meanings have these cosines."""
    return np.clip((cosines - _UNLIKE) / (_SAME - _UNLIKE), 0.0, 1.0)


class Meanings(Protocol):
    """Texts as vectors; `meaning.SentenceEncoder` is one."""

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(N, D) of L2 norm 1."""

    def pieces_per_word(self, text: str) -> float:
        """Into how many pieces that it knows a word falls on average; 0 without words."""


class LikenessOfMeaning:
    """Compares texts by what they mean, and by their words: the greater likeness counts.

    Texts or words that are not English, which is all the model knows, are compared by their words alone.

    Args:
        meanings: a model of English.
    """

    def __init__(self, meanings: Meanings) -> None:
        self._meanings = meanings
        self._known: dict[str, NDArray[np.float32]] = {}
        self._why: dict[tuple[str, tuple[str, ...]], str | None] = {}
        self._english: dict[str, bool] = {}

    def __call__(self, query: str, texts: Sequence[str]) -> NDArray[np.float64]:
        """See `Likeness`."""
        by_words = share_of_words(query, texts)
        if self.why_plain(query, texts) is not None:
            return by_words
        filled = [place for place, text in enumerate(texts) if text.strip()]
        cosines = np.zeros(len(texts))
        cosines[filled] = self._vectors([texts[place] for place in filled]) @ self._vectors([query])[0]
        return np.asarray(np.maximum(by_words, likeness_of_cosines(cosines)))

    def why_plain(self, query: str, texts: Sequence[str]) -> str | None:
        """See `WhyPlain`."""
        key = (query, tuple(dict.fromkeys(texts)))
        if key not in self._why:
            reason = None if self.knows(key[1]) else "what is heard or read there is not English"
            self._why[key] = reason if self._is_english(query) else "the words are not English"
        return self._why[key]

    def knows(self, texts: Sequence[str]) -> bool:
        """True where texts are English as a whole."""
        joined = " ".join(dict.fromkeys(texts))
        if joined not in self._english:
            self._english[joined] = self._is_english(joined)
        return self._english[joined]

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """The meaning of each text as (N, D) of L2 norm 1; nothing is remembered."""
        return self._meanings.encode(texts)

    def _is_english(self, text: str) -> bool:
        letters = [letter for letter in text if letter.isalpha()]
        latin = sum(unicodedata.name(letter, "").startswith("LATIN") for letter in letters)
        words = text.casefold().split()
        share = sum(word in _ENGLISH for word in words) / max(len(words), 1)
        return (
            latin >= _LEAST_OF_SCRIPT * len(letters)
            and (len(words) < _ENOUGH_WORDS or share >= _LEAST_OF_ENGLISH)
            and (len(words) < _FEWEST_WORDS or self._meanings.pieces_per_word(text) <= _MOST_PIECES)
        )

    def _vectors(self, texts: Sequence[str]) -> NDArray[np.float64]:
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        if new:
            self._known.update(zip(new, self._meanings.encode(new), strict=True))
        return np.array([self._known[text] for text in texts], np.float64).reshape(len(texts), -1)


@lru_cache(maxsize=_MOST_TEXTS)
def words_in(text: str) -> frozenset[str]:
    """The words of a text without case and accents; pairs of letters where its script does not part words.

    >>> sorted(words_in("Été: 東京都"))
    ['ete', '京都', '東京']
    """
    letters = unicodedata.normalize("NFKD", text).casefold()
    plain = unicodedata.normalize("NFC", "".join(each for each in letters if unicodedata.category(each) != "Mn"))
    words = set(_WORD.findall(_UNPARTED.sub(" ", plain)))
    for run in _UNPARTED.findall(plain):
        words |= {run[place : place + 2] for place in range(max(1, len(run) - 1))}
    return frozenset(words)
