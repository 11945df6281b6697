"""Words that are looked for, held against the text that is heard or read at each candidate."""

import re
import unicodedata
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

# (query, texts) -> (N,) float64 in 0..1: how well each text answers the query; an empty text gets 0.
Likeness = Callable[[str, Sequence[str]], NDArray[np.float64]]
# Less of the query than this is chance: an article, half of a name.
_LEAST_SHARE = 0.5
# The weight of a word that every text has.
_LEAST_WEIGHT = 0.1
_WORD = re.compile(r"\w+")
# Scripts that do not part words: their text is compared by pairs of letters.
_UNPARTED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\U00020000-\U0002ffff]+")


def share_of_words(query: str, texts: Sequence[str]) -> NDArray[np.float64]:
    """The share of a query's words that each text has; less than half counts as none.

    A word weighs the more the fewer texts have it (inverse document frequency; Sparck Jones, "A statistical
    interpretation of term specificity", 1972). Case and accents do not count; forms of a word do.

    >>> share_of_words("the goal", ["the start", "Goal!", "", "the end"]).round(2).tolist()
    [0.0, 0.65, 0.0, 0.0]
    """
    wanted = words_in(query)
    known = [words_in(text) for text in texts]
    num_texts = sum(1 for words in known if words)
    weights = {
        word: np.log((1 + num_texts) / (1 + sum(word in words for words in known))) + _LEAST_WEIGHT for word in wanted
    }
    total = sum(weights.values())
    shares = np.array([sum(weights[word] for word in wanted & words) for words in known], np.float64)
    shares = shares / total if total else np.zeros(len(texts))
    return np.where(shares >= _LEAST_SHARE, shares, 0.0)


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
