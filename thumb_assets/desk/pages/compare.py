"""The page that compares settings: what would be chosen instead, video by video, with pictures."""

import time
from typing import Annotated, Any

from fastapi import APIRouter, Body
from pydantic import BaseModel, Field

from thumb_assets.desk.comparing import Value, compare, overrides_of, presets, values_of, weights, without_data
from thumb_assets.desk.desk import Desk
from thumb_assets.desk.library_view import Filters, window
from thumb_assets.desk.page import Page
from thumb_assets.library.what_if import VideoChange
from thumb_assets.settings.edit import set_in_file
from thumb_assets.store.kept_candidates import KeptCandidates

_NUM_VIDEOS = 50


class Changes(BaseModel):
    """Settings to try, by name."""

    changes: dict[str, Value] = Field(max_length=30)


class Asked(Changes):
    """Settings to try on some videos of the library, in the order of their names."""

    start: int = Field(0, ge=0)


class Kept(Changes):
    """Settings to keep for the library, and whether the videos that change are made again now."""

    is_remade: bool = False


def _add_routes(router: APIRouter, desk: Desk) -> None:
    kept = KeptCandidates(desk.store)

    @router.get("/settings")
    def present() -> dict[str, Any]:
        return {
            "values": values_of(desk.configuration().settings),
            "weights": weights(),
            "without_data": without_data(desk.store, _if_few(desk), kept=kept),
            "presets": presets(),
        }

    @router.post("/select")
    def select(asked: Annotated[Asked, Body()]) -> dict[str, Any]:
        settings = desk.configuration(overrides_of(asked.changes)).settings
        part = window(desk.catalog, Filters(), start=asked.start, num_videos=_NUM_VIDEOS)
        uploads = desk.trials.waiting()
        by_id = {card["video_id"]: card for card in part.videos if card["video_id"] not in uploads}
        begin = time.perf_counter()
        found = compare(desk.store, settings, list(by_id), kept=kept)
        return {
            "seconds": time.perf_counter() - begin,
            "videos": [_as_json(video, by_id[video.video_id]["name"]) for video in found.videos],
            "left_out": found.left_out,
            "num_videos": part.num_videos,
            "values": values_of(settings),
            "remaking": [video_id for video_id in desk.remaker.left() if video_id not in uploads],
        }

    @router.post("/count")
    def count(asked: Annotated[Changes, Body()]) -> dict[str, int]:
        settings = desk.configuration(overrides_of(asked.changes)).settings
        found = compare(desk.store, settings, _of_library(desk), kept=kept)
        return {"num_changed": len(found.changed), "num_videos": len(found.videos)}

    @router.post("/keep")
    def keep(wanted: Annotated[Kept, Body()]) -> dict[str, Any]:
        overrides = overrides_of(wanted.changes)
        settings = desk.configuration(overrides).settings
        changed = compare(desk.store, settings, _of_library(desk), kept=kept).changed if wanted.is_remade else []
        path = set_in_file(desk.store.data_dir, overrides)
        for video_id in changed:
            desk.remaker.add(video_id)
        return {"path": path.name, "num_remade": len(changed)}


def _of_library(desk: Desk) -> list[str] | None:
    """All videos but uploads that nobody has kept yet; None where that is all."""
    uploads = desk.trials.waiting()
    return [each for each in desk.store.video_ids("outcomes") if each not in uploads] if uploads else None


def _if_few(desk: Desk) -> list[str] | None:
    """All videos, as the page asks for them, where they are no more than fit on it; else None."""
    if not desk.catalog.path.is_file():
        return None
    part = window(desk.catalog, Filters(), num_videos=_NUM_VIDEOS)
    uploads = desk.trials.waiting()
    ids = [card["video_id"] for card in part.videos if card["video_id"] not in uploads]
    return ids if part.num_videos <= _NUM_VIDEOS else None


def _as_json(video: VideoChange, name: str) -> dict[str, Any]:
    now, then = list(video.now), list(video.then)
    return {"video_id": video.video_id, "name": name, "now": now, "then": then, "is_change": video.is_change}


PAGE = Page("Compare", "/compare", _add_routes, order=3)
