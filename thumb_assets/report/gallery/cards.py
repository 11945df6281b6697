"""Reads what the page of covers shows of every video, by SQL from the catalog."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from thumb_assets.select.tell import is_last_resort, nothing_kept
from thumb_assets.store.catalog import Catalog
from thumb_assets.store.parquet import TableStore
from thumb_assets.wording import one_line

# Videos that cannot be opened have outcomes alone.
_VIDEOS = """
SELECT v.video_id, v.source_path, v.duration_seconds FROM videos v
UNION ALL
SELECT o.video_id, o.source_path, NULL FROM outcomes o
WHERE o.stage = 'videos' AND NOT EXISTS (SELECT 1 FROM videos x WHERE x.video_id = o.video_id)
ORDER BY 1
"""
_COVERS = """
SELECT t.video_id, t.file_name, t.file_sha256, t.width, t.height, s.combined_score, s.reason
FROM stills t JOIN selections s USING (video_id, frame_index) WHERE t.rank = 1
"""
_FAILED = """
SELECT video_id, message, source_path FROM outcomes WHERE status = 'failed' AND blocked_by IS NULL ORDER BY stage DESC
"""
_NOTHING_KEPT = "SELECT video_id, reason, num_candidates FROM nothing_kept"
# By name of a filter: the videos of which it is true.
_FLAGS: Mapping[str, str] = {
    "decided": "SELECT DISTINCT video_id FROM decisions",
    "screen": "SELECT DISTINCT video_id FROM candidate_frames WHERE state_start_frame_index IS NOT NULL",
    "faces": "SELECT DISTINCT video_id FROM faces",
    "text": "SELECT DISTINCT video_id FROM texts",
    "subtitles": "SELECT DISTINCT video_id FROM subtitles",
}
FLAGS = (*_FLAGS, "last_resort")
STATES = ("done", "nothing", "failed", "unfinished")


@dataclass(frozen=True)
class Card:
    """One video on the page of covers.

    Attributes:
        name: of its file, for people.
        seconds: its duration; None where it cannot be opened.
        state: one of STATES: stills, nothing worth keeping, failed, or not run to the end.
        why: the reason, where it failed or nothing was kept.
        cover: file_name, file_sha256, width and height of its best still; None where it has none.
        score: combined score of that.
        flags: those of FLAGS that are true of it.
    """

    video_id: str
    name: str
    seconds: float | None
    state: str
    why: str = ""
    cover: Mapping[str, Any] | None = None
    score: float | None = None
    flags: frozenset[str] = frozenset()

    @property
    def page(self) -> str:
        """Its page, relative to the folder."""
        return f"videos/{self.video_id}.html"


def cards_of(store: TableStore) -> list[Card]:
    """All videos that were tried, by video_id.

    Raises:
        MissingInputError: there is no catalog yet.
    """
    catalog = Catalog(store.catalog_path)
    covers = {row["video_id"]: row for row in catalog.query(_COVERS)}
    failed = {row["video_id"]: _without_path(row) for row in catalog.query(_FAILED)}
    nothing = nothing_of(catalog.query(_NOTHING_KEPT))
    flags = {name: {row["video_id"] for row in catalog.query(sql)} for name, sql in _FLAGS.items()}
    flags["last_resort"] = {video_id for video_id, row in covers.items() if is_last_resort(row["reason"])}
    cards = []
    for row in catalog.query(_VIDEOS):
        video_id = row["video_id"]
        cover = covers.get(video_id)
        state = (
            "failed" if video_id in failed else "done" if cover else "nothing" if video_id in nothing else "unfinished"
        )
        card = Card(
            video_id=video_id,
            name=one_line(PurePath(row["source_path"]).name or video_id),
            seconds=row["duration_seconds"],
            state=state,
            why=one_line(failed.get(video_id) or nothing.get(video_id, "")),
            cover=cover,
            score=None if cover is None else cover["combined_score"],
            flags=frozenset(name for name, ids in flags.items() if video_id in ids),
        )
        cards.append(card)
    return cards


def nothing_of(rows: list[dict[str, Any]]) -> dict[str, str]:
    """The reason why nothing was kept, by video, from rows of the view `nothing_kept`."""
    num_candidates: dict[str, dict[str, int]] = {}
    for row in rows:
        num_candidates.setdefault(row["video_id"], {})[row["reason"]] = row["num_candidates"]
    return {video_id: nothing_kept(by_reason) for video_id, by_reason in num_candidates.items()}


def _without_path(row: Mapping[str, Any]) -> str:
    """A reason without the folders of this machine: the pages may be given to others."""
    path = str(row["source_path"])
    return str(row["message"]).replace(path, PurePath(path).name)
