"""The page of the whole library: a grid of covers with state, filters and order."""

import shlex
from typing import Annotated, Any

from fastapi import APIRouter, Body, Query
from pydantic import BaseModel, Field

from thumb_assets.desk.desk import Desk
from thumb_assets.desk.library_view import MOST_VIDEOS, Filters, Order, counts, window
from thumb_assets.desk.page import Page
from thumb_assets.errors import MissingInputError


class Asked(Filters):
    """Filters, an order, and which videos of it."""

    order: Order = "name"
    start: int = Field(0, ge=0)
    num_videos: int = Field(60, ge=1, le=MOST_VIDEOS)


Value = bool | int | float | Annotated[str, Field(max_length=200)] | dict[str, float]


class Wanted(BaseModel):
    """A dataset to be written: its format, the name of its folder, and options by name."""

    format_name: str = Field(max_length=50)
    name: str = Field(max_length=200)
    values: dict[str, Value] = Field({}, max_length=50)
    num_tokens: int | None = Field(None, ge=1, le=10**9)


def _add_routes(router: APIRouter, desk: Desk) -> None:
    @router.get("/videos")
    def videos(asked: Annotated[Asked, Query()]) -> dict[str, Any]:
        running = desk.store.videos_in_work()
        part = {"start": asked.start, "num_videos": asked.num_videos}
        try:
            found = window(desk.catalog, asked, order=asked.order, running=running, **part)
        except MissingInputError:
            return {"num_videos": 0, "videos": [], "num_waiting": 0, "empty": _nothing_run(desk)}
        desk.pictures.covers.show(found.videos)
        uploads = desk.trials.waiting()
        videos = [
            {**card, "is_running": card["video_id"] in running, "is_waiting": card["video_id"] in uploads}
            for card in found.videos
        ]
        return {"num_videos": found.num_videos, "videos": videos, "num_waiting": len(uploads), "empty": ""}

    @router.get("/export")
    def export() -> dict[str, Any]:
        return {**desk.exporter.form(), "work": desk.exporter.work()}

    @router.post("/export")
    def begin_export(wanted: Annotated[Wanted, Body()]) -> dict[str, Any]:
        desk.exporter.begin(wanted.format_name, wanted.name, values=wanted.values, num_tokens=wanted.num_tokens)
        return desk.exporter.work()

    @router.get("/counts")
    def numbers() -> dict[str, Any]:
        return counts(desk.catalog) if desk.catalog.path.is_file() else {}


def _nothing_run(desk: Desk) -> str:
    where = shlex.quote(str(desk.store.data_dir))
    return (
        f"Nothing was run yet. Put videos into {desk.library.videos_dir} and run: thumb-assets run --data-dir {where}"
    )


PAGE = Page("Library", "/", _add_routes, order=1)
