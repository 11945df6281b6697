"""Chapters: spans of like content that tile a video, each with the candidate that stands for it and a title."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from thumb_assets.inference import one_thread
from thumb_assets.select.measure import CandidateArrays, ScoreTables, arrays_from_tables, require_video
from thumb_assets.select.ranks import percentile_ranks
from thumb_assets.select.rules import EXCLUDED, NOTHING
from thumb_assets.select.score import score_candidates
from thumb_assets.select.similarity import FloatArray, comparable_vectors, known_rows, max_cosine_of
from thumb_assets.select.titles import spoken_titles, written_titles
from thumb_assets.select.verdicts import judge
from thumb_assets.settings.selection import SelectionSettings
from thumb_assets.settings.stages import ChaptersSettings
from thumb_assets.tables.checks import Verdict
from thumb_assets.tables.conform import conform, empty_table, table_from_rows

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
class Labels:
    """Titles that a chapter can have.

    Attributes:
        texts: L of them.
        vectors: (L, D) float32 of L2 norm 1, as the model of the stored embeddings sees them.
    """

    texts: tuple[str, ...]
    vectors: FloatArray


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


def chapters_of(
    candidates: pa.Table,
    scores: ScoreTables,
    *,
    duration_seconds: float,
    settings: ChaptersSettings,
    selection: SelectionSettings,
    labels: Labels | None = None,
) -> pa.Table:
    """The chapters of one video; see `spans_of` for where they begin. Where nothing is known of looks, it is one.

    Args:
        candidates: table `candidate_frames` of one video.
        scores: what is known of them; `frames` and `shots` have to be there.
        duration_seconds: of the video, from its first frame on.
        settings: of the chapters.
        selection: what makes two frames alike, which rules a frame that stands for a chapter should not break, the
            weights of its score; `window_seconds` does not count here.
        labels: None gives no titles but those of subtitles.

    Returns:
        Table `chapters`; no row for a video without a frame.

    Raises:
        ContractError: `candidates` breaks its contract, or a row belongs to another video.
        ValueError: `frames` or `shots` are not there.
    """
    if scores.frames is None or scores.shots is None:
        raise ValueError("chapters are cut from frames and shots, and one of the tables is not there")
    candidates = conform("candidate_frames", candidates)
    if not scores.shots.num_rows or not candidates.num_rows:
        return empty_table("chapters")
    video_id = candidates.column("video_id")[0].as_py()
    for name, table in {"candidate_frames": candidates, **scores.tables()}.items():
        require_video(table, name, video_id=video_id)
    own = selection.model_copy(update={"window_seconds": None, "screens": "off"})
    measured = arrays_from_tables(candidates, scores)
    tiers = judge(measured, settings=own).tiers
    combined = score_candidates(measured, settings=own).combined
    timeline = _timeline(measured, tiers, scores.frames, scores.shots, duration_seconds, selection=own)
    max_cosine = max_cosine_of(measured.embeddings[0], measured.descriptors[0], settings=own.similarity)
    with one_thread():
        starts = spans_of(timeline, settings=settings, alike_distance=np.sqrt(2 - 2 * max_cosine))
    first_frames = scores.shots.sort_by("start_frame_index").column("start_frame_index").to_pylist()
    num_shots = len(first_frames)
    subtitles = scores.subtitles if settings.titles_from_subtitles else None
    borders = timeline.borders[[*starts, num_shots]]
    spoken = spoken_titles(subtitles, borders=borders)
    seconds = dict(zip(measured.frame_indices.tolist(), measured["pts_seconds"].tolist(), strict=True))
    texts = scores.texts if settings.titles_from_writing and scores.frame_size else None
    written = written_titles(texts, borders=borders, seconds=seconds, frame_size=scores.frame_size or (0, 0))
    rows: list[dict[str, Any]] = []
    for index, (first, last) in enumerate(zip(starts, [*starts[1:], num_shots], strict=True)):
        inside = np.flatnonzero((timeline.shots >= first) & (timeline.shots < last))
        place = _representative(inside, tiers=tiers, combined=combined, vectors=timeline.vectors)
        title, similarity = _title(measured.embeddings[0][inside[tiers[inside] != NOTHING]], labels, settings=settings)
        rows.append(
            {
                "video_id": video_id,
                "chapter_index": index,
                "start_frame_index": first_frames[first],
                "exclusive_end_frame_index": first_frames[last] if last < num_shots else scores.frames.num_rows,
                "start_pts_seconds": float(timeline.borders[first]),
                "end_seconds": float(timeline.borders[last]),
                "frame_index": None if place is None else int(measured.frame_indices[place]),
                "title": title or written[index] or spoken[index],
                "title_similarity": similarity,
                "num_candidates": len(inside),
            }
        )
    return table_from_rows("chapters", rows)


def verify_chapters(chapters: pa.Table, shots: pa.Table) -> Verdict:
    """Checks that the chapters tile the video without a gap, in frames and in seconds, each beginning with a shot.

    Args:
        chapters: table `chapters` of one video.
        shots: table `shots` of the same video.
    """
    starts = set(shots.column("start_frame_index").to_pylist())
    num_frames = max(shots.column("exclusive_end_frame_index").to_pylist(), default=0)
    problems = []
    frame, seconds = 0, None
    for row in chapters.sort_by("chapter_index").to_pylist():
        name = f"chapter {row['chapter_index']}"
        start, end, representative = row["start_frame_index"], row["exclusive_end_frame_index"], row["frame_index"]
        if start != frame:
            problems.append(f"{name} begins at frame {start}, not at {frame} where the one before ends")
        if start not in starts:
            problems.append(f"{name} begins at frame {start}, where no shot does")
        if end <= start or row["end_seconds"] < row["start_pts_seconds"]:
            problems.append(f"{name} ends before it begins")
        if seconds is not None and row["start_pts_seconds"] != seconds:
            problems.append(f"{name} begins at {row['start_pts_seconds']} s, the one before ends at {seconds} s")
        if representative is not None and not start <= representative < end:
            problems.append(f"{name} is represented by frame {representative}, which is not in it")
        frame, seconds = end, row["end_seconds"]
    if frame != num_frames:
        problems.append(f"the last chapter ends at frame {frame}, the video at {num_frames}")
    return Verdict.of(
        "The chapters tile the video, each begins with a shot, and the frame that stands for it is in it.",
        num_checked=chapters.num_rows,
        problems=problems,
    )


def _timeline(
    measured: CandidateArrays,
    tiers: NDArray[np.int64],
    frames: pa.Table,
    shots: pa.Table,
    duration_seconds: float,
    *,
    selection: SelectionSettings,
) -> Timeline:
    frame_seconds = frames.sort_by("frame_index").column("pts_seconds").to_numpy()
    # Stamps of a damaged file repeat or jump back; chapters do not.
    latest = np.maximum.accumulate(frame_seconds)
    starts = shots.sort_by("start_frame_index").column("start_frame_index").to_numpy()
    end = max(float(frame_seconds[0]) + duration_seconds, float(latest[-1]))
    vectors = comparable_vectors(measured.embeddings[0], measured.descriptors[0], settings=selection.similarity)
    num_candidates = len(measured.frame_indices)
    return Timeline(
        borders=np.append(latest[starts], end),
        shots=np.searchsorted(starts, measured.frame_indices, side="right") - 1,
        seconds=latest[measured.frame_indices],
        vectors=np.zeros((num_candidates, 0), np.float32) if vectors is None else vectors,
        is_shown=tiers != NOTHING,
    )


def _representative(
    inside: NDArray[np.int64], *, tiers: NDArray[np.int64], combined: NDArray[np.float64], vectors: FloatArray
) -> int | None:
    """The candidate that is most like the others of its chapter and good, out of those that break the fewest rules.

    None where there is none, or people banned all of them.
    """
    if not len(inside) or tiers[inside].min() == EXCLUDED:
        return None
    best = inside[tiers[inside] == tiers[inside].min()]
    typical = percentile_ranks((vectors[best] @ vectors[best].sum(axis=0)).astype(np.float64).round(5))
    return int(best[np.argmax(typical + combined[best])])


def _title(
    embeddings: NDArray[np.float16], labels: Labels | None, *, settings: ChaptersSettings
) -> tuple[str | None, float | None]:
    """The label most like the mean of the embeddings, and its cosine; nothing where another one is nearly as like."""
    known = embeddings[~np.isnan(embeddings).any(axis=1)].astype(np.float64)
    if labels is None or not len(known) or known.shape[1] != labels.vectors.shape[1]:
        return None, None
    mean = known.mean(axis=0)
    cosines = labels.vectors.astype(np.float64) @ (mean / max(float(np.linalg.norm(mean)), 1e-12))
    best = int(np.argmax(cosines))
    others = np.delete(cosines, best)
    if len(others) and cosines[best] - others.max() < settings.min_label_margin:
        return None, None
    return labels.texts[best], float(cosines[best])


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
    """The cluster of most of each shot's candidates, the first of equals; a shot without any follows the one before."""
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
