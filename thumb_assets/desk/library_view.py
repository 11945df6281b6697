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

from thumb_assets.report.videos import (
    FLAGS,
    GIVEN,
    IS_CHOSEN_FROM,
    IS_LAST_RESORT,
    IS_SELECTED,
    STATE,
    VIDEOS,
    VideoFacts,
    facts_of,
)
from thumb_assets.store.catalog import Catalog
from thumb_assets.wording import one_line

Choice = Literal["", "yes", "no"]
State = Literal["", "done", "nothing", "failed", "unfinished", "running"]
MOST_VIDEOS = 200
# The flags that the page filters by.
_CHOICES = ("is_decided", "is_screen", "has_faces", "has_text")

# Lead of the best frame over the second: the smaller, the more a person's word is worth.
_LEAD = """(SELECT max(s.combined_score) FROM selections s WHERE s.video_id = v.video_id AND s.rank = 1)
- coalesce((SELECT max(s.combined_score) FROM selections s WHERE s.video_id = v.video_id AND s.rank = 2), 0)"""
_DOUBT = f"CASE WHEN NOT {IS_SELECTED} THEN -2 WHEN {IS_LAST_RESORT} THEN -1 ELSE {_LEAD} END"
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
    total = catalog.query(f"SELECT count(*) AS num FROM {VIDEOS} WHERE {where}", given)
    found = catalog.query(
        f"SELECT video_id FROM {VIDEOS} WHERE {where} "
        f"ORDER BY {_ORDERS[order]}, video_id LIMIT :num_videos OFFSET :start",
        {**given, **GIVEN, "num_videos": min(num_videos, MOST_VIDEOS), "start": max(start, 0)},
    )
    return Window(int(total[0]["num"]), cards(catalog, [str(row["video_id"]) for row in found]))


def cards(catalog: Catalog, video_ids: Sequence[str]) -> list[dict[str, Any]]:
    """Gathers the facts for the card of each video, in the order given.

    Returns:
        video_id, name (of the file), seconds, state, reason (why it failed, or nothing was kept), is_last_resort,
        cover (the beginning of its file's SHA-256, None without a still), num_selections, decisions (number by kind),
        is_screen, has_faces, has_text.
    """
    decisions = _decisions(catalog, json.dumps(list(video_ids)))
    return [_card(facts, decisions.get(facts.video_id, {})) for facts in facts_of(catalog, video_ids)]


def reviewable(catalog: Catalog) -> VideoIds:
    """The videos that were chosen from, the doubtful ones first.

    Those of which nothing was kept come before those kept only as a last resort; then the smaller the lead of the best
    frame over the second, the earlier.

    Raises:
        MissingInputError: there is no catalog yet.
    """
    rows = catalog.query(
        f"SELECT video_id, {FLAGS['is_decided']} AS is_decided FROM {VIDEOS} "
        f"WHERE {IS_SELECTED} OR {IS_CHOSEN_FROM} ORDER BY {_DOUBT}, video_id",
        GIVEN,
    )
    decided = frozenset(row["video_id"] for row in rows if row["is_decided"])
    return VideoIds([row["video_id"] for row in rows], decided)


def counts(catalog: Catalog) -> dict[str, Any]:
    """Numbers of videos for the page's filters: by state, and by the stage that failed."""
    states = catalog.query(f"SELECT {STATE} AS state, count(*) AS num FROM {VIDEOS} GROUP BY 1")
    stages = catalog.query(
        "SELECT stage, count(*) AS num FROM outcomes WHERE status = 'failed' AND blocked_by IS NULL "
        "GROUP BY 1 ORDER BY 1"
    )
    last_resort = catalog.query(
        f"SELECT count(*) AS num FROM {VIDEOS} WHERE {IS_LAST_RESORT}",
        GIVEN,
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
        conditions.append(f"{STATE} = :state")
        given["state"] = filters.state
    kind, _, stage = filters.problem.partition(":")
    if kind == "stage":
        conditions.append(
            "EXISTS (SELECT 1 FROM outcomes o WHERE o.video_id = v.video_id AND o.stage = :stage "
            "AND o.status = 'failed' AND o.blocked_by IS NULL)"
        )
        given["stage"] = stage
    elif kind:
        conditions.append(IS_LAST_RESORT)
        given |= GIVEN
    for name in _CHOICES:
        choice = getattr(filters, name)
        if choice:
            conditions.append(FLAGS[name] if choice == "yes" else f"NOT {FLAGS[name]}")
    if filters.least_seconds:
        conditions.append("duration_seconds >= :least_seconds")
        given["least_seconds"] = filters.least_seconds
    if filters.most_seconds:
        conditions.append("duration_seconds < :most_seconds")
        given["most_seconds"] = filters.most_seconds
    return " AND ".join(conditions), given


def _card(facts: VideoFacts, decisions: Mapping[str, int]) -> dict[str, Any]:
    return {
        "video_id": facts.video_id,
        "name": one_line(PurePath(facts.path).name),
        "seconds": facts.seconds,
        "state": facts.state,
        "reason": one_line(facts.failure.removeprefix(f"{facts.path}: ")) or facts.why_nothing,
        "is_last_resort": "is_last_resort" in facts.flags,
        "cover": None if facts.cover is None else facts.cover["file_sha256"][:16],
        "num_selections": facts.num_selections,
        "decisions": dict(decisions),
        **{name: name in facts.flags for name in ("is_screen", "has_faces", "has_text")},
    }


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
