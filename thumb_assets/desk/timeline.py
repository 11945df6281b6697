"""A video as its page shows it: the scores of every frame, what stands on the timeline, what may be chosen."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

import pyarrow as pa

from thumb_assets.select.measure import CandidateArrays
from thumb_assets.select.score import score_candidates
from thumb_assets.select.tell import STORY_TABLES, story_of, tell_frame
from thumb_assets.settings.load import Settings
from thumb_assets.store.candidate_cache import CandidateCache
from thumb_assets.store.parquet import TableStore
from thumb_assets.video.geometry import Geometry
from thumb_assets.wording import one_line

# What is measured of every frame, by the name that people read.
SERIES = {
    "sharpness": "laplacian_variance",
    "brightness": "luma_mean",
    "contrast": "luma_std",
    "change": "frame_difference",
}
NUM_RUNNERS_UP = 24
_NUM_DIGITS = 4


@dataclass(frozen=True)
class Candidate:
    """A frame that may be chosen.

    Attributes:
        score: combined; None where it cannot be told from what is stored.
        rank: among the selections; None where it is none.
        reason: why it is no selection, in one word of the table `rejections`; empty for a selection.
        stage: where it was dropped; empty for a selection.
    """

    frame_index: int
    seconds: float
    score: float | None
    rank: int | None
    reason: str
    stage: str


def video_facts(store: TableStore, video_id: str, settings: Settings) -> dict[str, Any]:
    """Gathers all that the page of a video shows, as JSON has it.

    Returns:
        name, seconds (of each frame), duration, width and height (as displayed: upright, square pixels), series (a list
        per name, None where a frame has no value), shots and chapters and cues (start, end in seconds, text),
        candidates (as `Candidate`, by time), runners_up (frame_index, best first), nothing_kept (why, or empty).

    Raises:
        MissingInputError: the video was not read yet; says which stage to run.
        ContractError, StorageError: a table cannot be read.
    """
    video = store.read("videos", video_id).to_pylist()[0]
    frames = store.read("frames", video_id)
    seconds = [round(value, 6) for value in frames.column("pts_seconds").to_pylist()]
    end = (seconds[0] if seconds else 0.0) + video["duration_seconds"]
    found = candidates_of(store, video_id, settings)
    width, height = Geometry.from_row(video).display_size
    return {
        "video_id": video_id,
        "name": one_line(PurePath(video["source_path"]).name),
        "seconds": seconds,
        "duration": video["duration_seconds"],
        "width": width,
        "height": height,
        "series": {name: _rounded(frames.column(column).to_pylist()) for name, column in SERIES.items()},
        "shots": _shots(store.read_or_none("shots", video_id), seconds, end),
        "chapters": _spans(store.read_or_none("chapters", video_id), "start_pts_seconds", "title"),
        "cues": _spans(store.read_or_none("subtitles", video_id), "start_seconds", "text"),
        "candidates": [vars(candidate) for candidate in found],
        "runners_up": [candidate.frame_index for candidate in runners_up(found)],
        "nothing_kept": (store.footer("selections", video_id) or {}).get("nothing_kept", ""),
    }


def candidates_of(store: TableStore, video_id: str, settings: Settings) -> list[Candidate]:
    """The candidates of a video, by time, with the combined scores that the settings give them."""
    table = store.read_or_none("candidate_frames", video_id)
    if table is None:
        return []
    selected = {row["frame_index"]: row for row in _rows(store.read_or_none("selections", video_id))}
    dropped = {row["frame_index"]: row for row in _rows(store.read_or_none("rejections", video_id))}
    measured = CandidateCache(store, [video_id]).candidates(needs_selections=False).measured
    scores = {} if measured is None else _scores(measured, settings)
    # Those that were chosen keep the score that they were chosen by.
    scores |= {index: round(row["combined_score"], _NUM_DIGITS) for index, row in selected.items()}
    return [
        Candidate(
            row["frame_index"],
            row["pts_seconds"],
            scores.get(row["frame_index"]),
            selected.get(row["frame_index"], {}).get("rank"),
            str(dropped.get(row["frame_index"], {}).get("reason", "")),
            str(dropped.get(row["frame_index"], {}).get("stage", "")),
        )
        for row in table.to_pylist()
    ]


def runners_up(candidates: Iterable[Candidate], *, most: int = NUM_RUNNERS_UP) -> list[Candidate]:
    """The candidates that came next: those that no rule rejects before those that one does, each by score."""

    def order(candidate: Candidate) -> tuple[bool, float]:
        return candidate.stage == "reject", -(candidate.score or 0.0)

    return sorted((each for each in candidates if each.rank is None), key=order)[:most]


def why(store: TableStore, video_id: str, frame_index: int) -> str:
    """Tells why a frame was chosen or not, as `thumb-assets show --why` does.

    Raises:
        BadInputError: the video has no such frame.
        MissingInputError: nothing was chosen of the video yet.
    """
    return one_line(tell_frame(story_of({name: store.read(name, video_id) for name in STORY_TABLES}), frame_index))


def _scores(measured: CandidateArrays, settings: Settings) -> dict[int, float]:
    combined = score_candidates(measured, settings=settings.selection).combined
    pairs = zip(measured.frame_indices.tolist(), combined.tolist(), strict=True)
    return {frame_index: round(score, _NUM_DIGITS) for frame_index, score in pairs if math.isfinite(score)}


def _shots(shots: pa.Table | None, seconds: Sequence[float], end: float) -> list[dict[str, Any]]:
    rows = _rows(shots)
    starts = [seconds[row["start_frame_index"]] for row in rows]
    return [
        {"start": start, "end": after, "text": f"shot {row['shot_index']}, begins with a {row['transition']}"}
        for row, start, after in zip(rows, starts, [*starts[1:], end], strict=True)
    ]


def _spans(table: pa.Table | None, start: str, text: str) -> list[dict[str, Any]]:
    return [
        {"start": row[start], "end": row["end_seconds"], "text": one_line(" ".join((row[text] or "").split()))}
        for row in _rows(table)
    ]


def _rows(table: pa.Table | None) -> list[Mapping[str, Any]]:
    return [] if table is None else table.to_pylist()


def _rounded(values: Sequence[float | None]) -> list[float | None]:
    """Values with as many digits as a screen can show."""
    return [None if value is None or not math.isfinite(value) else float(f"{value:.4g}") for value in values]
