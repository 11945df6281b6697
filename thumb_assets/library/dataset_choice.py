"""Chooses the frames of a library for a dataset: its stills, those that people pinned, or candidates as well."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from thumb_assets.dataset.picks import Pick
from thumb_assets.errors import BadInputError, MissingInputError
from thumb_assets.events import Events
from thumb_assets.export.plan import estimate_num_bytes, plan_stills
from thumb_assets.library.decide import present_videos
from thumb_assets.pipeline.guidance import Guides
from thumb_assets.pipeline.stages import nothing_to_read
from thumb_assets.select.score import Scores, score_candidates
from thumb_assets.settings.load import Settings
from thumb_assets.store.candidate_cache import CandidateCache
from thumb_assets.store.collections import collections, frames_of
from thumb_assets.store.library import Library
from thumb_assets.store.parquet import TableStore
from thumb_assets.video.geometry import Geometry
from thumb_assets.wording import count

_PINS = {"pin", "cover"}
_REMAKE = "make them again: thumb-assets run --stages stills"
# By frame of a candidate that was not selected: its combined_score and percentiles.
FrameScores = Mapping[int, Mapping[str, float | None]]


@dataclass
class Chosen:
    """Frames that may go in.

    Attributes:
        scores: by video, of candidates that were not selected.
        left_out: by reason, how many videos.
    """

    picks: list[Pick] = field(default_factory=list)
    scores: dict[str, FrameScores] = field(default_factory=dict)
    left_out: Counter[str] = field(default_factory=Counter)


def choose_frames(store: TableStore, settings: Settings, *, events: Events) -> Chosen:
    """Finds the frames that the settings of datasets ask for; nothing is decoded.

    Raises:
        BadInputError: there is no such collection.
        MissingInputError: stills are missing or changed, or nothing was selected yet.
        ContractError: a table is damaged. StorageError: the disk does not answer.
    """
    if settings.dataset.collection:
        chosen = _candidates(store, settings, events, _collected(store, settings.dataset.collection))
    elif settings.dataset.what == "candidates":
        chosen = _candidates(store, settings, events)
    else:
        chosen = _stills(store, settings, events)
    floor = settings.dataset.min_score
    chosen.picks = [pick for pick in chosen.picks if pick.is_pinned or pick.score >= floor]
    return chosen


def wanted_table(video_id: str, rows: list[dict[str, Any]]) -> pa.Table:
    """The frames of a video in the form in which selections are exported as stills.

    Args:
        rows: frame_index, pts, pts_seconds and combined_score of each.
    """
    best_first = sorted(rows, key=lambda row: (-row["combined_score"], row["frame_index"]))
    ranked = [{"video_id": video_id, **row, "rank": rank} for rank, row in enumerate(best_first, start=1)]
    return pa.Table.from_pylist(ranked)


def _stills(store: TableStore, settings: Settings, events: Events) -> Chosen:
    chosen, wrong = Chosen(), []
    video_ids = store.video_ids("selections")
    if not video_ids:
        raise nothing_to_read("has selections", ())
    for done, video_id in enumerate(video_ids, start=1):
        events.progress("videos read", done, len(video_ids))
        selected = {row["frame_index"]: row["combined_score"] for row in store.read("selections", video_id).to_pylist()}
        stills = store.read_or_none("stills", video_id)
        rows = [] if stills is None else stills.to_pylist()
        if {row["frame_index"] for row in rows} != set(selected):
            chosen.left_out["their stills are not those of their selections; run the stage stills first"] += 1
            continue
        decisions = _decisions(store, video_id)
        for row in rows:
            frame = row["frame_index"]
            is_pinned = decisions.get(frame) in _PINS
            if decisions.get(frame) == "ban" or (settings.dataset.what == "pinned" and not is_pinned):
                continue
            path = store.stills_dir(video_id) / row["file_name"]
            if not _has_size(path, row["num_bytes"]):
                wrong.append(path)
            chosen.picks.append(Pick(video_id, frame, selected[frame], is_pinned, row["num_bytes"]))
    if wrong:
        raise MissingInputError(f"{count(len(wrong), 'still')} missing or changed, such as {wrong[0]}; {_REMAKE}")
    return chosen


def _collected(store: TableStore, name: str) -> dict[str, frozenset[int]]:
    """The frames of a collection, by video."""
    frames: dict[str, set[int]] = {}
    for frame in frames_of(collections(store, present_videos(store)), name):
        frames.setdefault(frame.video_id, set()).add(frame.frame_index)
    return {video_id: frozenset(own) for video_id, own in frames.items()}


def _candidates(
    store: TableStore, settings: Settings, events: Events, collected: Mapping[str, frozenset[int]] | None = None
) -> Chosen:
    """The candidates of the library, or those of a collection."""
    stored = CandidateCache(store, collected, events=events).candidates()
    measured, chosen = stored.measured, Chosen()
    if stored.errors:
        raise MissingInputError(next(iter(stored.errors.values())))
    if measured is None:
        raise nothing_to_read("has scored candidates", stored.missing.values())
    for stage, number in Counter(stored.missing.values()).items():
        chosen.left_out[f"run the stage {stage} first"] += number
    library, guides = Library(store.data_dir), Guides(settings, store)
    scored: dict[bool, Scores] = {}
    for video, video_id in enumerate(measured.video_ids):
        events.progress("videos read", video + 1, len(measured.video_ids))
        if not _is_here(library, video_id):
            chosen.left_out["their files are gone, and candidates are decoded from them"] += 1
            continue
        guidance = guides.of_video(video_id, stored.clip_footers.get(video_id))
        has_library = "clip" in guidance.library
        if has_library not in scored:  # all that the guidance of two videos can differ in, beside embeddings
            scored[has_library] = score_candidates(measured, settings=settings.selection, guidance=guidance)
        span = measured.span(video)
        frames = measured.frame_indices[span].tolist()
        known = _scores_of(scored[has_library], span, frames)
        if collected is not None:
            if not collected[video_id] <= known.keys():
                chosen.left_out["frames of the collection are no candidates, so they have no scores"] += 1
            known = {frame: values for frame, values in known.items() if frame in collected[video_id]}
        _add_candidates(chosen, store, settings, video_id, known)
    return chosen


def _add_candidates(
    chosen: Chosen, store: TableStore, settings: Settings, video_id: str, scores: dict[int, dict[str, float | None]]
) -> None:
    selected = {row["frame_index"]: row["combined_score"] for row in store.read("selections", video_id).to_pylist()}
    rejected = {row["frame_index"]: row for row in store.read("rejections", video_id).to_pylist()}
    decisions = _decisions(store, video_id)
    is_collected = bool(settings.dataset.collection)  # by people, who may like what rules reject
    is_alike = {"near_duplicate"} if settings.dataset.is_deduplicated else set()
    kept = []
    for frame, known in scores.items():
        rejection = rejected.get(frame, {"stage": "", "reason": ""})
        is_good = is_collected or frame in selected
        is_good |= rejection["stage"] != "reject" and rejection["reason"] not in is_alike
        score = selected.get(frame, known["combined_score"])
        if is_good and decisions.get(frame) != "ban" and score is not None:
            kept.append((frame, score))
    (video,) = store.read("videos", video_id).to_pylist()
    width, height = Geometry.from_row(video).display_size
    row = {"frame_index": 0, "pts": 0, "pts_seconds": 0.0, "combined_score": 0.0}
    planned = plan_stills(
        wanted_table(video_id, [row]), video_id=video_id, width=width, height=height, settings=settings.stills
    )
    num_bytes = estimate_num_bytes(planned)
    chosen.picks += [Pick(video_id, frame, score, decisions.get(frame) in _PINS, num_bytes) for frame, score in kept]
    chosen.scores[video_id] = {frame: scores[frame] for frame, _ in kept if frame not in selected}


def _scores_of(scores: Scores, span: slice, frames: list[int]) -> dict[int, dict[str, float | None]]:
    columns = {f"{name}_percentile": values[span] for name, values in scores.percentiles.items()}
    columns |= {"combined_score": scores.combined[span], "face_bonus": scores.face_bonus[span]}
    known = {name: [None if value != value else value for value in of.tolist()] for name, of in columns.items()}  # noqa: PLR0124 - NaN
    return {frame: {name: values[place] for name, values in known.items()} for place, frame in enumerate(frames)}


def _decisions(store: TableStore, video_id: str) -> dict[int, str]:
    table = store.read_or_none("decisions", video_id)
    return {} if table is None else {row["frame_index"]: row["decision"] for row in table.to_pylist()}


def _has_size(path: Path, num_bytes: int) -> bool:
    try:
        return path.stat().st_size == num_bytes
    except OSError:
        return False


def _is_here(library: Library, video_id: str) -> bool:
    try:
        library.find(video_id)
    except BadInputError:
        return False
    return True
