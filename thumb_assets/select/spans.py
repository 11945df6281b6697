"""Cuts a video into spans of like content: clusters of its candidates in looks and time, borders where shots begin."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from thumb_assets.select.similarity import FloatArray, known_rows
from thumb_assets.settings import ChaptersSettings

# More candidates than this are not compared with one another: those in between follow the nearest one in time.
_MOST_COMPARED = 2048
# DBSCAN takes no radius of 0; pictures so near are the same.
_LEAST_RADIUS = 1e-6
# Where no radius is set, this share of the candidates has its nearest ones within it. The others are outliers, and a
# radius by them would join everything.
_RADIUS_PERCENTILE = 90.0
# A span of no length is none: stamps of damaged files repeat.
_SHORTEST_SECONDS = 0.001


@dataclass(frozen=True, eq=False)
class Timeline:
    """The shots of one video and its candidates, both ascending in time.

    Attributes:
        borders: (S + 1,) float64, seconds at which each of S shots begins, and at which the last one ends; ascending.
        shots: (N,) int64, each candidate's shot, counted from 0.
        seconds: (N,) float64.
        vectors: (N, D) float32 of L2 norm 1, or 0 where nothing is known.
        is_shown: (N,) bool; a candidate that shows nothing, such as black, has no say.
    """

    borders: NDArray[np.float64]
    shots: NDArray[np.int64]
    seconds: NDArray[np.float64]
    vectors: FloatArray
    is_shown: NDArray[np.bool_]

    @property
    def is_heard(self) -> NDArray[np.bool_]:
        """(N,) bool: those that show something; all where none does."""
        return self.is_shown if self.is_shown.any() else np.ones_like(self.is_shown)


def spans_of(timeline: Timeline, *, settings: ChaptersSettings, alike_distance: float) -> list[int]:
    """The shots with which spans of like content begin, ascending; the first is 0.

    Candidates are clustered, each shot belongs to the cluster of most of its candidates, and neighbouring shots of one
    cluster are a span: a cluster that comes back later is another span. Then those that are too short join whichever
    neighbour is more like them, the shortest first, and, while there are too many, the two neighbours most alike.

    Args:
        timeline: one shot or more.
        settings: eps, min_samples, time_weight, min_chapter_seconds, max_chapters.
        alike_distance: see `clusters_of`.
    """
    if not len(timeline.shots):
        return [0]
    clusters = clusters_of(timeline, settings=settings, alike_distance=alike_distance)
    merger = _Merger(timeline, _clusters_of_shots(clusters, timeline))
    merger.join_short(max(settings.min_chapter_seconds, _SHORTEST_SECONDS))
    merger.join_to(settings.max_chapters)
    return merger.starts


def clusters_of(timeline: Timeline, *, settings: ChaptersSettings, alike_distance: float) -> NDArray[np.int64]:
    """The cluster of each candidate: DBSCAN in a space of looks and time.

    Ester et al., "A density-based algorithm for discovering clusters in large spatial databases with noise", KDD 1996;
    the radius is found as there, from the distances to the k-th nearest neighbours. Noise, what shows nothing and what
    nothing is known of belong where their nearest neighbour in time does.

    Args:
        timeline: one candidate or more.
        settings: eps (None: found from the video), min_samples, time_weight.
        alike_distance: the radius is no less where it is found: what is nearer looks the same.

    Returns:
        (N,) int64, clusters counted from 0.
    """
    from sklearn.cluster import DBSCAN

    is_known = known_rows(timeline.vectors)
    used = np.flatnonzero(is_known & timeline.is_heard)
    if not len(used):
        used = np.flatnonzero(is_known)
    if not len(used):
        return np.zeros(len(timeline.shots), np.int64)
    if len(used) > _MOST_COMPARED:
        used = used[np.linspace(0, len(used) - 1, _MOST_COMPARED).round().astype(np.int64)]
    distances = _distances(timeline.vectors[used], timeline.seconds[used], time_weight=settings.time_weight)
    eps = settings.eps or max(_radius(distances, min_samples=settings.min_samples), alike_distance, _LEAST_RADIUS)
    found = DBSCAN(eps=eps, min_samples=settings.min_samples, metric="precomputed").fit_predict(distances)
    if (found < 0).all():
        found = np.zeros_like(found)
    clustered = used[found >= 0]
    nearest = _nearest(timeline.seconds, timeline.seconds[clustered])
    return np.asarray(found[found >= 0][nearest], np.int64)


def _distances(vectors: FloatArray, seconds: NDArray[np.float64], *, time_weight: float) -> NDArray[np.float64]:
    """(n, n): sqrt(2 - 2 cos + (time_weight x minutes)^2), 0 to itself."""
    minutes = (seconds[:, None] - seconds) / 60
    squared = 2 - 2 * (vectors @ vectors.T).astype(np.float64).clip(-1, 1) + (time_weight * minutes) ** 2
    np.fill_diagonal(squared, 0.0)
    return np.sqrt(squared)


def _radius(distances: NDArray[np.float64], *, min_samples: int) -> float:
    """Within which most candidates have as many neighbours, themselves counted, as the heart of a cluster has to."""
    place = min(min_samples, len(distances)) - 1
    return float(np.percentile(np.partition(distances, place, axis=1)[:, place], _RADIUS_PERCENTILE))


def _nearest(seconds: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.int64]:
    """For each the place of the nearest in time of the others (ascending, one or more), the earlier of two."""
    behind = np.searchsorted(others, seconds).clip(0, len(others) - 1)
    before = np.maximum(behind - 1, 0)
    return np.where(np.abs(seconds - others[before]) <= np.abs(seconds - others[behind]), before, behind)


def _clusters_of_shots(clusters: NDArray[np.int64], timeline: Timeline) -> list[int]:
    """Of each shot the cluster of most of its candidates, the first of equals; one without follows the one before."""
    votes: dict[int, dict[int, int]] = {}
    for is_counted in (
        timeline.is_heard,
        ~timeline.is_heard,
    ):  # what shows nothing decides only where nothing else does
        silent = set(timeline.shots.tolist()) - votes.keys()
        for shot, cluster, counts in zip(timeline.shots.tolist(), clusters.tolist(), is_counted.tolist(), strict=True):
            if counts and shot in silent:
                own = votes.setdefault(shot, {})
                own[cluster] = own.get(cluster, 0) + 1
    last = int(clusters[0])
    result = []
    for shot in range(len(timeline.borders) - 1):
        if shot in votes:
            last = max(votes[shot], key=votes[shot].__getitem__)
        result.append(last)
    return result


class _Merger:
    """Runs of shots, joined step by step."""

    def __init__(self, timeline: Timeline, clusters: list[int]) -> None:
        self._borders = timeline.borders.tolist()
        self._end = self._borders[-1]
        self.starts = [shot for shot, cluster in enumerate(clusters) if not shot or cluster != clusters[shot - 1]]
        self._clusters = [clusters[start] for start in self.starts]
        is_heard = timeline.is_heard
        # What all of the video has in common says nothing of which of two neighbours is more alike.
        vectors = timeline.vectors - timeline.vectors[is_heard].mean(axis=0, dtype=np.float64)
        bounds = np.searchsorted(timeline.shots, [*self.starts, len(clusters)])
        self._sums = [
            vectors[first:last][is_heard[first:last]].sum(axis=0)
            for first, last in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True)
        ]

    def join_short(self, min_seconds: float) -> None:
        while len(self.starts) > 1:
            lengths = [self._length(place) for place in range(len(self.starts))]
            place = int(np.argmin(lengths))
            if lengths[place] >= min_seconds:
                return
            before = self._similarity(place - 1) if place else -np.inf
            after = self._similarity(place) if place + 1 < len(self.starts) else -np.inf
            self._join(place - 1 if before >= after else place)

    def join_to(self, max_spans: int) -> None:
        while len(self.starts) > max_spans:
            self._join(int(np.argmax([self._similarity(place) for place in range(len(self.starts) - 1)])))

    def _length(self, place: int) -> float:
        end = self._borders[self.starts[place + 1]] if place + 1 < len(self.starts) else self._end
        return float(end - self._borders[self.starts[place]])

    def _similarity(self, place: int) -> float:
        """Cosine of a span's mean vector to that of the next one, both beside the video's."""
        first, second = self._sums[place], self._sums[place + 1]
        norms = float(np.linalg.norm(first) * np.linalg.norm(second))
        return float(first @ second) / norms if norms > 0 else 0.0

    def _join(self, place: int) -> None:
        """A span with the next one; the longer one's cluster is theirs, and neighbours of that cluster join too."""
        if self._length(place) < self._length(place + 1):
            self._clusters[place] = self._clusters[place + 1]
        self._drop(place)
        if place + 1 < len(self.starts) and self._clusters[place] == self._clusters[place + 1]:
            self._drop(place)
        if place and self._clusters[place - 1] == self._clusters[place]:
            self._drop(place - 1)

    def _drop(self, place: int) -> None:
        self._sums[place] = self._sums[place] + self._sums[place + 1]
        del self.starts[place + 1], self._clusters[place + 1], self._sums[place + 1]
