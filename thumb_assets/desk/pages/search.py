"""The page that searches: frames of the whole library by words, like an example, within ranges of scores."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Query
from pydantic import BaseModel, Field

from thumb_assets.desk.desk import Desk
from thumb_assets.desk.library_view import cards
from thumb_assets.desk.page import Page
from thumb_assets.desk.searching import Searches
from thumb_assets.library.names import complete_frame
from thumb_assets.search.conditions import MEASURES, conditions_of
from thumb_assets.search.query import Query as Question
from thumb_assets.store.collections import collections

_MOST_FRAMES = 480


class Asked(BaseModel):
    """Words or an example, and ranges, as the command `search` has them."""

    words: str = Field("", max_length=500)
    like: str = Field("", max_length=1000)
    where: str = Field("", max_length=500)
    limit: int = Field(48, ge=1, le=_MOST_FRAMES)
    per_video: int | None = Field(None, ge=1)


class Collected(BaseModel):
    """Frames of one video for a collection."""

    name: str = Field(max_length=1000)
    video_id: str = Field(max_length=1000)
    frames: list[Annotated[int, Field(ge=0)]] = Field(min_length=1, max_length=_MOST_FRAMES)


def _add_routes(router: APIRouter, desk: Desk) -> None:
    searches = Searches(desk.store, lambda: desk.configuration().settings, is_busy=lambda: desk.remaker.is_busy)

    @router.get("/frames")
    def frames(asked: Annotated[Asked, Query()]) -> dict[str, Any]:
        example = complete_frame(desk.store, asked.like) if asked.like else None
        ranges = conditions_of([asked.where] if asked.where.strip() else [])
        question = Question(asked.words, example, ranges, asked.limit, asked.per_video)
        answer, num_frames = searches.find(question)
        return {
            "found": [each.as_row() for each in answer.found],
            "notes": answer.notes,
            "num_in_ranges": answer.num_in_ranges,
            "num_frames": num_frames,
            "example": None if example is None else {"video_id": example[0], "frame_index": example[1]},
            "videos": _videos(desk, [each.video_id for each in answer.found] + ([example[0]] if example else [])),
            "is_more_possible": len(answer.found) == asked.limit < _MOST_FRAMES,
        }

    @router.get("/scores")
    def scores() -> list[dict[str, str]]:
        return [{"name": each.name, "label": each.title, "about": each.doc} for each in MEASURES.values()]

    @router.get("/collections")
    def known_collections() -> dict[str, int]:
        return {name: len(own) for name, own in collections(desk.store).items()}

    @router.post("/collect")
    def collect(collected: Annotated[Collected, Body()]) -> dict[str, int]:
        video_id = desk.video_id(collected.video_id)
        return {"num_new": desk.collect(collected.name, video_id, collected.frames)}


def _videos(desk: Desk, video_ids: list[str]) -> dict[str, Any]:
    """Name and decisions of each video, by its id."""
    unique = list(dict.fromkeys(video_ids))
    names = {card["video_id"]: card["name"] for card in cards(desk.catalog, unique)} if unique else {}
    uploads = desk.trials.waiting()
    return {
        each: {"name": names.get(each, each), "is_waiting": each in uploads, **desk.standing(each).as_json()}
        for each in unique
    }


PAGE = Page("Search", "/search", _add_routes, order=4)
