"""The best picture of the last minutes of a source: a still of one of its segments, as it lies on disk."""

from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from thumb_assets.errors import ContractError
from thumb_assets.store.parquet import TableStore
from thumb_assets.store.segments import Segment, Segments


@dataclass(frozen=True)
class BestPicture:
    """A still and when it was shown.

    Attributes:
        path: of the still.
        shown_at: in seconds since the epoch.
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


def best_picture(store: TableStore, source: str, *, now: float, minutes: float) -> BestPicture | None:
    """The still of the greatest score that was shown in the last minutes; the newest of equal ones.

    Args:
        source: by its name.
        now: seconds since the epoch.
        minutes: as `live.best_minutes`.

    Returns:
        None where nothing was shown, or nothing of it is worth keeping.

    Raises:
        StorageError: the disk does not answer.
    """
    segments = Segments(store.segments_path).of(source, since=now - 60 * minutes)
    found = [picture for segment in segments if segment.state == "done" for picture in _pictures(store, segment)]
    shown = [picture for picture in found if now - 60 * minutes <= picture.shown_at]
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
