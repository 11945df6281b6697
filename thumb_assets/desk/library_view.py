"""Asks the catalog for the videos of the library page: filters, order, one window at a time.

All SQL here is put together of the texts of this module; what a request says is bound as a value.
"""
# ruff: noqa: S608

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from thumb_assets.select.tell import LAST_RESORT_MARK, nothing_kept
from thumb_assets.store.catalog import Catalog
from thumb_assets.wording import one_line

Choice = Literal["", "yes", "no"]
State = Literal["", "done", "nothing", "failed", "unfinished", "running"]
MOST_VIDEOS = 200

# Every video that was tried. One that cannot be opened has outcomes alone.
_VIDEOS = """
SELECT video_id, source_path, duration_seconds, width, height, rotation_degrees FROM videos
UNION ALL
SELECT o.video_id, o.source_path, NULL, NULL, NULL, NULL FROM outcomes o
WHERE o.stage = 'videos' AND o.status IN ('failed', 'skipped')
AND NOT EXISTS (SELECT 1 FROM videos x WHERE x.video_id = o.video_id)
"""
_IS_FAILED = "EXISTS (SELECT 1 FROM outcomes o WHERE o.video_id = v.video_id AND o.status = 'failed')"
_IS_SELECTED = "EXISTS (SELECT 1 FROM selections s WHERE s.video_id = v.video_id)"
_IS_CHOSEN_FROM = (
    "EXISTS (SELECT 1 FROM outcomes o WHERE o.video_id = v.video_id AND o.stage = 'selections' AND o.status = 'done')"
)
_STATE = f"""CASE WHEN {_IS_FAILED} THEN 'failed' WHEN {_IS_SELECTED} THEN 'done' WHEN {_IS_CHOSEN_FROM} THEN 'nothing'
ELSE 'unfinished' END"""
_IS_LAST_RESORT = (
    f"({_IS_SELECTED} AND NOT EXISTS (SELECT 1 FROM selections s WHERE s.video_id = v.video_id "
    "AND instr(s.reason, :last_resort) = 0))"
)
_HAS = {
    "is_decided": "EXISTS (SELECT 1 FROM decisions d WHERE d.video_id = v.video_id)",
    "is_screen": "EXISTS (SELECT 1 FROM candidate_frames c WHERE c.video_id = v.video_id "
    "AND c.state_start_frame_index IS NOT NULL)",
    "has_faces": "EXISTS (SELECT 1 FROM faces f WHERE f.video_id = v.video_id)",
    "has_text": "EXISTS (SELECT 1 FROM texts t WHERE t.video_id = v.video_id)",
}
# Lead of the best frame over the second: the smaller, the more a person's word is worth.
_LEAD = """(SELECT max(s.combined_score) FROM selections s WHERE s.video_id = v.video_id AND s.rank = 1)
- coalesce((SELECT max(s.combined_score) FROM selections s WHERE s.video_id = v.video_id AND s.rank = 2), 0)"""
_DOUBT = f"CASE WHEN NOT {_IS_SELECTED} THEN -2 WHEN {_IS_LAST_RESORT} THEN -1 ELSE {_LEAD} END"
_ORDERS = {
    "name": "video_id",
    "shortest": "duration_seconds",
    "longest": "duration_seconds DESC",
    "doubtful": _DOUBT,
}
Order = Literal["name", "shortest", "longest", "doubtful"]


class Filters(BaseModel):
    """Filters of the library page.

    Attributes:
        words: each must stand in the file's path.
        state: of the video; empty for all.
        problem: `last_resort`, or `stage:NAME` for what failed there; empty for all.
        is_decided, is_screen, has_faces, has_text: `yes`, `no`, or empty for both.
        least_seconds, most_seconds: bounds of the duration; the second is left out where it is 0.
    """

    model_config = ConfigDict(frozen=True)

    words: str = Field("", max_length=200)
    state: State = ""
    problem: str = Field("", pattern="^(last_resort|stage:[a-z_]{1,50})?$")
    is_decided: Choice = ""
    is_screen: Choice = ""
    has_faces: Choice = ""
    has_text: Choice = ""
    least_seconds: float = Field(0.0, ge=0)
    most_seconds: float = Field(0.0, ge=0)


@dataclass(frozen=True)
class Window:
    """Some videos of an order, and how many there are in all.

    Attributes:
        num_videos: that match.
        videos: a mapping per video, as JSON has it; see `cards`.
    """

    num_videos: int
    videos: Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class VideoIds:
    """Videos in an order, and those of them that people decided of."""

    ids: Sequence[str]
    decided: frozenset[str]


def window(
    catalog: Catalog,
    filters: Filters,
    *,
    order: Order = "name",
    start: int = 0,
    num_videos: int = 60,
    running: Sequence[str] = (),
) -> Window:
    """The videos from `start` on that match.

    Args:
        running: the videos that are worked on now, which the catalog does not know.

    Raises:
        MissingInputError: there is no catalog yet.
    """
    where, given = _where(filters, running)
    total = catalog.query(f"SELECT count(*) AS num FROM ({_VIDEOS}) v WHERE {where}", given)
    found = catalog.query(
        f"SELECT video_id FROM ({_VIDEOS}) v WHERE {where} "
        f"ORDER BY {_ORDERS[order]}, video_id LIMIT :num_videos OFFSET :start",
        {**given, "last_resort": LAST_RESORT_MARK, "num_videos": min(num_videos, MOST_VIDEOS), "start": max(start, 0)},
    )
    return Window(int(total[0]["num"]), cards(catalog, [str(row["video_id"]) for row in found]))


def cards(catalog: Catalog, video_ids: Sequence[str]) -> list[dict[str, Any]]:
    """Gathers the facts for the card of each video, in the order given.

    Returns:
        video_id, name (of the file), seconds, state, reason (why it failed, or nothing was kept), is_last_resort,
        cover (the beginning of its file's SHA-256, None without a still), num_selections, decisions (number by kind),
        is_screen, has_faces, has_text.
    """
    ids = {"ids": json.dumps(list(video_ids)), "last_resort": LAST_RESORT_MARK}
    flags = ", ".join(f"{sql} AS {name}" for name, sql in _HAS.items())
    chosen = "(SELECT value FROM json_each(:ids))"
    rows = catalog.query(
        f"SELECT v.video_id, v.source_path, v.duration_seconds, {_STATE} AS state, {_IS_LAST_RESORT} "
        f"AS is_last_resort, {flags}, (SELECT substr(t.file_sha256, 1, 16) FROM stills t WHERE t.video_id = v.video_id "
        "ORDER BY t.rank LIMIT 1) AS cover, (SELECT count(*) FROM selections s WHERE s.video_id = v.video_id) "
        f"AS num_selections FROM ({_VIDEOS}) v WHERE v.video_id IN {chosen}",
        ids,
    )
    failures = catalog.query(
        f"SELECT video_id, message, source_path FROM outcomes WHERE status = 'failed' AND blocked_by IS NULL "
        f"AND video_id IN {chosen}",
        {"ids": ids["ids"]},
    )
    reasons = {row["video_id"]: _without_path(row) for row in failures}
    reasons |= _why_nothing(catalog, [row["video_id"] for row in rows if row["state"] == "nothing"])
    decisions = _decisions(catalog, ids["ids"])
    by_id = {row["video_id"]: _card(row, reasons, decisions) for row in rows}
    return [by_id[video_id] for video_id in video_ids if video_id in by_id]


def reviewable(catalog: Catalog) -> VideoIds:
    """The videos that were chosen from, the doubtful ones first.

    Those of which nothing was kept come before those kept only as a last resort; then the smaller the lead of the best
    frame over the second, the earlier.

    Raises:
        MissingInputError: there is no catalog yet.
    """
    rows = catalog.query(
        f"SELECT video_id, {_HAS['is_decided']} AS is_decided FROM ({_VIDEOS}) v "
        f"WHERE {_IS_SELECTED} OR {_IS_CHOSEN_FROM} ORDER BY {_DOUBT}, video_id",
        {"last_resort": LAST_RESORT_MARK},
    )
    decided = frozenset(row["video_id"] for row in rows if row["is_decided"])
    return VideoIds([row["video_id"] for row in rows], decided)


def counts(catalog: Catalog) -> dict[str, Any]:
    """Numbers of videos for the page's filters: by state, and by the stage that failed."""
    states = catalog.query(f"SELECT {_STATE} AS state, count(*) AS num FROM ({_VIDEOS}) v GROUP BY 1")
    stages = catalog.query(
        "SELECT stage, count(*) AS num FROM outcomes WHERE status = 'failed' AND blocked_by IS NULL "
        "GROUP BY 1 ORDER BY 1"
    )
    last_resort = catalog.query(
        f"SELECT count(*) AS num FROM ({_VIDEOS}) v WHERE {_IS_LAST_RESORT}",
        {"last_resort": LAST_RESORT_MARK},
    )
    return {
        "states": {row["state"]: row["num"] for row in states},
        "failed_stages": {row["stage"]: row["num"] for row in stages},
        "num_last_resort": last_resort[0]["num"],
    }


def _where(filters: Filters, running: Sequence[str]) -> tuple[str, dict[str, Any]]:
    """The condition, and the values that it names."""
    conditions = ["1"]
    given: dict[str, Any] = {}
    for number, word in enumerate(filters.words.split()):
        conditions.append(f"instr(lower(source_path), :word{number})")
        given[f"word{number}"] = word.lower()
    if filters.state == "running":
        conditions.append("v.video_id IN (SELECT value FROM json_each(:running))")
        given["running"] = json.dumps(list(running))
    elif filters.state:
        conditions.append(f"{_STATE} = :state")
        given["state"] = filters.state
    kind, _, stage = filters.problem.partition(":")
    if kind == "stage":
        conditions.append(
            "EXISTS (SELECT 1 FROM outcomes o WHERE o.video_id = v.video_id AND o.stage = :stage "
            "AND o.status = 'failed' AND o.blocked_by IS NULL)"
        )
        given["stage"] = stage
    elif kind:
        conditions.append(_IS_LAST_RESORT)
        given["last_resort"] = LAST_RESORT_MARK
    for name, sql in _HAS.items():
        choice = getattr(filters, name)
        if choice:
            conditions.append(sql if choice == "yes" else f"NOT {sql}")
    if filters.least_seconds:
        conditions.append("duration_seconds >= :least_seconds")
        given["least_seconds"] = filters.least_seconds
    if filters.most_seconds:
        conditions.append("duration_seconds < :most_seconds")
        given["most_seconds"] = filters.most_seconds
    return " AND ".join(conditions), given


def _card(
    row: Mapping[str, Any], reasons: Mapping[str, str], decisions: Mapping[str, Mapping[str, int]]
) -> dict[str, Any]:
    video_id = row["video_id"]
    return {
        "video_id": video_id,
        "name": one_line(PurePath(row["source_path"]).name),
        "seconds": row["duration_seconds"],
        "state": row["state"],
        "reason": reasons.get(video_id, ""),
        "is_last_resort": bool(row["is_last_resort"]),
        "cover": row["cover"],
        "num_selections": row["num_selections"],
        "decisions": decisions.get(video_id, {}),
        **{name: bool(row[name]) for name in ("is_screen", "has_faces", "has_text")},
    }


def _without_path(row: Mapping[str, Any]) -> str:
    """Message of a failure, without the path that the card names already."""
    return one_line(str(row["message"]).removeprefix(f"{row['source_path']}: "))


def _why_nothing(catalog: Catalog, video_ids: Sequence[str]) -> dict[str, str]:
    rows = catalog.query(
        "SELECT video_id, reason, count(*) AS num FROM rejections "
        "WHERE video_id IN (SELECT value FROM json_each(?)) GROUP BY 1, 2",
        (json.dumps(list(video_ids)),),
    )
    by_video: dict[str, dict[str, int]] = {video_id: {} for video_id in video_ids}
    for row in rows:
        by_video[row["video_id"]][row["reason"]] = row["num"]
    return {video_id: nothing_kept(by_reason) for video_id, by_reason in by_video.items()}


def _decisions(catalog: Catalog, ids: str) -> dict[str, dict[str, int]]:
    rows = catalog.query(
        "SELECT video_id, decision, count(*) AS num FROM decisions "
        "WHERE video_id IN (SELECT value FROM json_each(?)) GROUP BY 1, 2",
        (ids,),
    )
    found: dict[str, dict[str, int]] = {}
    for row in rows:
        found.setdefault(row["video_id"], {})[row["decision"]] = row["num"]
    return found
