"""The best picture of the last minutes of a source: a still of one of its segments, as it lies on disk."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa

from thumb_assets.errors import ContractError, ThumbAssetsError
from thumb_assets.select.score import score_candidates
from thumb_assets.settings.selection import SelectionSettings
from thumb_assets.store.candidate_rows import MEASURED_SCHEMA, measured_of_rows, measured_row
from thumb_assets.store.parquet import TableStore
from thumb_assets.store.segments import Segment, Segments


@dataclass(frozen=True)
class BestPicture:
    """A still and when it was shown.

    Attributes:
        shown_at: in seconds since the epoch.
        score: among all candidates of the last minutes.
        path: of the still.
    """

    source: str
    video_id: str
    frame_index: int
    pts_seconds: float
    shown_at: float
    score: float
    reason: str
    path: Path
    file_sha256: str

    def as_json(self) -> dict[str, Any]:
        """The facts as a page or a message tells them."""
        return {
            "source": self.source,
            "video_id": self.video_id,
            "frame_index": self.frame_index,
            "pts_seconds": self.pts_seconds,
            "shown_at": datetime.fromtimestamp(self.shown_at, tz=timezone.utc).isoformat(timespec="milliseconds"),
            "score": self.score,
            "reason": self.reason,
            "file_name": self.path.name,
            "file_sha256": self.file_sha256,
        }


def best_picture(
    store: TableStore, source: str, *, now: float, minutes: float, selection: SelectionSettings
) -> BestPicture | None:
    """The still of the greatest score that was shown in the last minutes; the newest of equal ones.

    A stored score is a rank within its segment, so the candidates of all these segments are ranked together.

    Args:
        source: by its name.
        now: seconds since the epoch.
        minutes: as `live.best_minutes`.
        selection: weights of the scores.

    Returns:
        None where nothing was shown, or nothing of it is worth keeping.

    Raises:
        StorageError: the disk does not answer.
    """
    segments = Segments(store.segments_path).of(source, since=now - 60 * minutes)
    found = [picture for segment in segments if segment.state == "done" for picture in _pictures(store, segment)]
    shown = _ranked([picture for picture in found if now - 60 * minutes <= picture.shown_at], store, selection)
    return max(shown, key=lambda picture: (picture.score, picture.shown_at), default=None)


def _pictures(store: TableStore, segment: Segment) -> list[BestPicture]:
    """The stills of a segment; those that are made again or removed just now are left out."""
    try:
        stills, selections = (store.read_or_none(name, segment.video_id) for name in ("stills", "selections"))
    except ContractError:
        return []
    if stills is None or selections is None:
        return []
    chosen = {row["frame_index"]: row for row in selections.to_pylist()}
    folder = store.stills_dir(segment.video_id)
    pictures = []
    for still in stills.to_pylist():
        row, path = chosen.get(still["frame_index"]), folder / still["file_name"]
        if row is not None and path.is_file():
            picture = BestPicture(
                source=segment.source,
                video_id=segment.video_id,
                frame_index=row["frame_index"],
                pts_seconds=row["pts_seconds"],
                shown_at=segment.wall_time(row["pts_seconds"]),
                score=row["combined_score"],
                reason=row["reason"],
                path=path,
                file_sha256=still["file_sha256"],
            )
            pictures.append(picture)
    return pictures


def _ranked(pictures: Sequence[BestPicture], store: TableStore, selection: SelectionSettings) -> list[BestPicture]:
    """The pictures with their scores among the candidates of all their segments."""
    rows = []
    for video_id in dict.fromkeys(picture.video_id for picture in pictures):
        try:
            changed_ns = store.table_path("selections", video_id).stat().st_mtime_ns
            rows.append(_row(store.data_dir, video_id, changed_ns))
        except (OSError, ThumbAssetsError):  # removed or made again just now
            continue
    if not rows:
        return []
    measured = measured_of_rows(pa.Table.from_pylist(rows, schema=MEASURED_SCHEMA))
    combined = score_candidates(measured, settings=selection, is_pooled=True).combined
    scores = {
        (video_id, int(frame_index)): float(score)
        for video, video_id in enumerate(measured.video_ids)
        for frame_index, score in zip(
            measured.frame_indices[measured.span(video)], combined[measured.span(video)], strict=True
        )
    }
    return [
        replace(picture, score=scores[place])
        for picture in pictures
        if (place := (picture.video_id, picture.frame_index)) in scores
    ]


@lru_cache(maxsize=4096)
def _row(data_dir: Path, video_id: str, _changed_ns: int) -> dict[str, Any]:
    """The tables that selection reads of a segment; read once for each selection that is made of it."""
    row = measured_row(TableStore(data_dir), video_id, frozenset())
    return {**row, "video_id": video_id, "versions": ""}
