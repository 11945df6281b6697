"""The rows of one video's pictures, from its tables; see `tables.dataset` for the columns."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from thumb_assets.dataset.ownership import Ownership
from thumb_assets.dataset.scores import MEASURED, makers_of, rows_at, score_values
from thumb_assets.select.aligned import texts_at, written_on
from thumb_assets.tables.declaration import TableContract

# The tables of a video that its rows are made of.
TABLES_OF_ROWS: tuple[str, ...] = tuple(
    dict.fromkeys(
        [
            *("videos", "candidate_frames", "selections", "rejections", "decisions", "subtitles", "texts", "chapters"),
            *(table for table, _ in MEASURED.values()),
            *("faces", "iqa_scores"),
        ]
    )
)
_DECISIONS = {"pin", "cover"}


@dataclass(frozen=True)
class VideoFacts:
    """The values that the rows of one video share.

    Attributes:
        source: its path below the library folder, or its file's name.
        group_id: see `groups_of_videos`.
    """

    video_id: str
    source: str
    owner: Ownership
    group_id: str
    split: str


def rows_of_video(
    facts: VideoFacts,
    stills: Sequence[Mapping[str, Any]],
    tables: Mapping[str, pa.Table | None],
    contract: TableContract,
    *,
    scores: Mapping[int, Mapping[str, float | None]],
    is_commercial: bool,
) -> list[dict[str, Any]]:
    """The rows of pictures in the order of `stills`, all but the columns file_name and still_sha256.

    Args:
        stills: rows as of the table `stills`, of the pictures that are wanted, ascending by frame_index.
        tables: TABLES_OF_ROWS of the video; None for one that there is not.
        scores: by candidate that is no selection its combined_score and percentiles.
        is_commercial: leave out scores whose model forbids commercial use, or whose terms are not known.
    """
    frames = [row["frame_index"] for row in stills]
    (video,) = tables["videos"].to_pylist()  # type: ignore[union-attr]
    by_frame = {
        name: {row["frame_index"]: row for row in rows_at(tables.get(name), frames)}
        for name in ("candidate_frames", "selections", "rejections", "decisions")
    }
    makers = makers_of(tables)
    hidden = [name for name, maker in makers.items() if is_commercial and not maker.is_commercial]
    values = score_values(tables, frames, left_out=hidden)
    made_by = {f"{name}_model": maker.model for name, maker in makers.items() if name not in hidden}
    made_by |= {f"{name}_licence": makers[name].licence for name in makers if name not in hidden}  # type: ignore[misc]
    words = _words(tables, frames, by_frame)
    licence = facts.owner.licence
    rows = []
    for still in stills:
        frame = still["frame_index"]
        selection, rejection = by_frame["selections"].get(frame), by_frame["rejections"].get(frame, {})
        decision = by_frame["decisions"].get(frame, {}).get("decision")
        known = {
            **values[frame],
            **made_by,
            **words[frame],
            **(selection or scores.get(frame, {})),
            "split": facts.split,
            "video_id": facts.video_id,
            "source": facts.source,
            "licence": None if licence is None else licence.name,
            "author": facts.owner.author,
            "group_id": facts.group_id,
            "frame_index": frame,
            "pts": still["pts"],
            "time_base": f"{video['time_base_num']}/{video['time_base_den']}",
            "pts_seconds": (selection or by_frame["candidate_frames"][frame])["pts_seconds"],
            "video_sha256": video["video_sha256"],
            **{name: still[name] for name in ("luma_hash", "width", "height")},
            "is_selected": selection is not None,
            "rank": None if selection is None else selection["rank"],
            "decision": decision if decision in _DECISIONS else None,
            "reason": rejection.get("reason") if selection is None else selection["reason"],
        }
        rows.append({column.name: known.get(column.name) for column in contract.columns})
    return rows


def _words(
    tables: Mapping[str, pa.Table | None], frames: Sequence[int], by_frame: Mapping[str, Mapping[int, Any]]
) -> dict[int, dict[str, str | None]]:
    """By frame the subtitle shown, the writing read and the title of the chapter."""
    seconds = [
        (by_frame["selections"].get(each) or by_frame["candidate_frames"][each])["pts_seconds"] for each in frames
    ]
    captions = texts_at(tables.get("subtitles"), seconds=np.asarray(seconds, np.float64))
    written = written_on(tables.get("texts"), frame_indices=np.asarray(frames, np.int64))
    chapters = tables.get("chapters")
    starts = [] if chapters is None else chapters.column("start_frame_index").to_pylist()
    titles = [] if chapters is None else chapters.column("title").to_pylist()
    found = {}
    for place, frame in enumerate(frames):
        chapter = bisect_right(starts, frame) - 1
        found[frame] = {
            "caption": captions[place] or None,
            "written": written[place] or None,
            "chapter": titles[chapter] if chapter >= 0 else None,
        }
    return found
