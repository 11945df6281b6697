"""The limit of any choice: the best three of ours' candidates, chosen by who knows the truth.

Of every three candidates that ours does not reject. They are no contestants: they say how much of a miss is the
choice's, and how much lies in the videos, the candidates and the score.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from itertools import combinations

import numpy as np

from benchmarks.selection import measures
from benchmarks.selection.picks import Pick
from benchmarks.selection.signals import Signals
from benchmarks.selection.truth import Truth

_NUM_PICKS = 3


def best_score_of_all_found(candidates: Sequence[Pick], truth: Truth, signals: Signals) -> list[Pick]:
    """The best score among the threes that show the most moments with the fewest near pairs.

    Args:
        candidates: with their scores.
        truth: of the video.
        signals: of the video.

    Returns:
        Best first; fewer than three where there are fewer candidates.
    """

    @cache
    def num_near(one: Pick, other: Pick) -> int:
        return measures.num_near_duplicates([one, other], truth, signals.lumas, k=2)

    def value(three: Sequence[Pick]) -> tuple[float, int, float]:
        num_pairs = sum(num_near(one, other) for one, other in combinations(three, 2))
        return measures.recall(three, truth, k=_NUM_PICKS), -num_pairs, _mean_score(three)

    return max(_threes(candidates), key=value)


def best_coverage(candidates: Sequence[Pick], truth: Truth, signals: Signals) -> list[Pick]:
    """The three with the best coverage of all frames, whatever their scores, moments and likeness; see above."""
    del truth
    embeddings = signals.embeddings

    def value(three: Sequence[Pick]) -> float:
        return -measures.coverage(embeddings[[signals.place(pick.frame_index) for pick in three]], embeddings)

    return max(_threes(candidates), key=value)


def _threes(candidates: Sequence[Pick]) -> Iterator[list[Pick]]:
    in_order = sorted(candidates, key=lambda pick: (-(pick.score or 0.0), pick.frame_index))
    yield from map(list, combinations(in_order, min(_NUM_PICKS, len(in_order))))


def _mean_score(picks: Sequence[Pick]) -> float:
    return float(np.mean([pick.score or 0.0 for pick in picks])) if picks else 0.0


LIMITS: Mapping[str, Callable[[Sequence[Pick], Truth, Signals], list[Pick]]] = {
    "limit/all_found": best_score_of_all_found,
    "limit/coverage": best_coverage,
}
