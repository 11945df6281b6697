"""Chapters: spans of like content that tile a video, each with the candidate that stands for it and a title."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from thumb_assets.select.align import require_video
from thumb_assets.select.combine import score_candidates
from thumb_assets.select.measured import Measured, ScoreTables, measured_from_tables
from thumb_assets.select.pick import one_thread
from thumb_assets.select.rank import percentile_ranks
from thumb_assets.select.reject import EXCLUDED, NOTHING, judge
from thumb_assets.select.similarity import FloatArray, comparable_vectors, max_cosine_of
from thumb_assets.select.spans import Timeline, spans_of
from thumb_assets.settings import ChaptersSettings, SelectionSettings
from thumb_assets.tables import Verdict, conform, empty_table, table_from_rows


@dataclass(frozen=True, eq=False)
class Labels:
    """Titles that a chapter can have.

    Attributes:
        texts: L of them.
        vectors: (L, D) float32 of L2 norm 1, as the model of the stored embeddings sees them.
    """

    texts: tuple[str, ...]
    vectors: FloatArray


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
        labels: None gives no titles.

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
    own = selection.model_copy(update={"window_seconds": None})
    measured = measured_from_tables(candidates, scores)
    tiers = judge(measured, settings=own).tiers
    combined = score_candidates(measured, settings=own).combined
    timeline = _timeline(measured, tiers, scores.frames, scores.shots, duration_seconds, selection=own)
    max_cosine = max_cosine_of(measured.embeddings[0], measured.descriptors[0], settings=own.similarity)
    with one_thread():
        starts = spans_of(timeline, settings=settings, alike_distance=np.sqrt(2 - 2 * max_cosine))
    first_frames = scores.shots.sort_by("start_frame_index").column("start_frame_index").to_pylist()
    num_shots = len(first_frames)
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
                "title": title,
                "title_similarity": similarity,
                "num_candidates": len(inside),
            }
        )
    return table_from_rows("chapters", rows)


def verify_chapters(chapters: pa.Table, shots: pa.Table) -> Verdict:
    """Whether the chapters tile the video without a gap, in frames and in seconds, each beginning with a shot.

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
    measured: Measured,
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
