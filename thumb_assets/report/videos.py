"""The facts on each video that pages show, by SQL from the catalog: its state, why, its cover, what it shows.

All SQL here is put together of the texts of this module; what a page asks for is bound as a value.
"""
# ruff: noqa: S608

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from thumb_assets.select.reasons import LAST_RESORT_MARK
from thumb_assets.select.tell import nothing_kept
from thumb_assets.store.catalog import Catalog

STATES = ("done", "nothing", "failed", "unfinished")

# Every video that was tried, as `v`. One that cannot be opened has outcomes alone.
VIDEOS = """(
SELECT video_id, source_path, duration_seconds, width, height, rotation_degrees FROM videos
UNION ALL
SELECT o.video_id, o.source_path, NULL, NULL, NULL, NULL FROM outcomes o
WHERE o.stage = 'videos' AND o.status IN ('failed', 'skipped')
AND NOT EXISTS (SELECT 1 FROM videos x WHERE x.video_id = o.video_id)
) v"""
# Conditions on `v`; IS_LAST_RESORT needs the value `last_resort`, see GIVEN.
IS_FAILED = "EXISTS (SELECT 1 FROM outcomes o WHERE o.video_id = v.video_id AND o.status = 'failed')"
IS_SELECTED = "EXISTS (SELECT 1 FROM selections s WHERE s.video_id = v.video_id)"
IS_CHOSEN_FROM = (
    "EXISTS (SELECT 1 FROM outcomes o WHERE o.video_id = v.video_id AND o.stage = 'selections' AND o.status = 'done')"
)
STATE = f"""CASE WHEN {IS_FAILED} THEN 'failed' WHEN {IS_SELECTED} THEN 'done' WHEN {IS_CHOSEN_FROM} THEN 'nothing'
ELSE 'unfinished' END"""
IS_LAST_RESORT = (
    f"({IS_SELECTED} AND NOT EXISTS (SELECT 1 FROM selections s WHERE s.video_id = v.video_id "
    "AND instr(s.reason, :last_resort) = 0))"
)
GIVEN: Mapping[str, Any] = {"last_resort": LAST_RESORT_MARK}
# By name of a flag, when it is true of `v`.
FLAGS: Mapping[str, str] = {
    "is_decided": "EXISTS (SELECT 1 FROM decisions d WHERE d.video_id = v.video_id)",
    "is_screen": "EXISTS (SELECT 1 FROM candidate_frames c WHERE c.video_id = v.video_id "
    "AND c.state_start_frame_index IS NOT NULL)",
    "has_faces": "EXISTS (SELECT 1 FROM faces f WHERE f.video_id = v.video_id)",
    "has_text": "EXISTS (SELECT 1 FROM texts t WHERE t.video_id = v.video_id)",
    "has_subtitles": "EXISTS (SELECT 1 FROM subtitles u WHERE u.video_id = v.video_id)",
    "is_last_resort": IS_LAST_RESORT,
}
_ASKED = "(SELECT value FROM json_each(:ids))"


@dataclass(frozen=True)
class VideoFacts:
    """One video as pages show it.

    Attributes:
        path: of its file.
        seconds: its duration; None where it cannot be opened.
        state: one of STATES.
        failure: the message of the first stage that failed by itself; empty where none did.
        why_nothing: the reason why nothing was kept, in state `nothing`.
        cover: file_name, file_sha256, width and height of the best still, combined_score of its selection; None where
            there is none.
        flags: those of FLAGS that are true of it.
    """

    video_id: str
    path: str
    seconds: float | None
    state: str
    failure: str
    why_nothing: str
    cover: Mapping[str, Any] | None
    num_selections: int
    flags: frozenset[str]


def facts_of(catalog: Catalog, video_ids: Sequence[str] | None = None) -> list[VideoFacts]:
    """The facts of each video, in the order given; of all that were tried, by video_id, where none are given.

    Raises:
        MissingInputError: there is no catalog yet.
    """
    where = "" if video_ids is None else f"WHERE video_id IN {_ASKED}"
    ids = {} if video_ids is None else {"ids": json.dumps(list(video_ids))}
    flags = ", ".join(f"{sql} AS {name}" for name, sql in FLAGS.items())
    rows = catalog.query(
        f"SELECT video_id, source_path, duration_seconds, {STATE} AS state, (SELECT count(*) FROM selections s "
        f"WHERE s.video_id = v.video_id) AS num_selections, {flags} FROM {VIDEOS} {where} ORDER BY 1",
        {**GIVEN, **ids},
    )
    covers = catalog.query(
        "SELECT video_id, t.file_name, t.file_sha256, t.width, t.height, s.combined_score, min(t.rank) FROM stills t "
        f"LEFT JOIN selections s USING (video_id, frame_index) {where} GROUP BY video_id",
        ids,
    )
    failed = catalog.query(
        "SELECT video_id, message FROM outcomes WHERE status = 'failed' AND blocked_by IS NULL "
        f"{where.replace('WHERE', 'AND')} ORDER BY stage DESC",
        ids,
    )
    cover_of = {row["video_id"]: row for row in covers}
    failure_of = {row["video_id"]: str(row["message"]) for row in failed}
    why_nothing = _why_nothing(catalog, [row["video_id"] for row in rows if row["state"] == "nothing"])
    found = {
        row["video_id"]: VideoFacts(
            video_id=row["video_id"],
            path=row["source_path"],
            seconds=row["duration_seconds"],
            state=row["state"],
            failure=failure_of.get(row["video_id"], ""),
            why_nothing=why_nothing.get(row["video_id"], ""),
            cover=cover_of.get(row["video_id"]),
            num_selections=row["num_selections"],
            flags=frozenset(name for name in FLAGS if row[name]),
        )
        for row in rows
    }
    return [found[video_id] for video_id in (found if video_ids is None else video_ids) if video_id in found]


def _why_nothing(catalog: Catalog, video_ids: Sequence[str]) -> dict[str, str]:
    rows = catalog.query(
        f"SELECT video_id, reason, count(*) AS num FROM rejections WHERE video_id IN {_ASKED} GROUP BY 1, 2",
        {"ids": json.dumps(list(video_ids))},
    )
    by_video: dict[str, dict[str, int]] = {video_id: {} for video_id in video_ids}
    for row in rows:
        by_video[row["video_id"]][row["reason"]] = row["num"]
    return {video_id: nothing_kept(by_reason) for video_id, by_reason in by_video.items()}
