"""The page of the collections: their frames and other names."""

from pathlib import PurePath
from typing import Annotated, Any

from fastapi import APIRouter, Body
from pydantic import BaseModel, Field

from thumb_assets.desk.desk import Desk
from thumb_assets.desk.page import Page
from thumb_assets.library.decide import present_videos
from thumb_assets.store.collections import CollectedFrame, collections, frames_of
from thumb_assets.wording import one_line

_Name = Annotated[str, Field(max_length=1000)]


class Named(BaseModel):
    """A collection."""

    name: _Name


class Renamed(Named):
    """A collection, and the name that its frames get; None removes it."""

    new_name: _Name | None


class Removed(Named):
    """Frames of a collection that are taken out, or put back."""

    video_id: _Name
    frames: list[Annotated[int, Field(ge=0)]] = Field(min_length=1, max_length=1000)
    is_in: bool = False


def _add_routes(router: APIRouter, desk: Desk) -> None:
    @router.get("/list")
    def every() -> dict[str, Any]:
        found = collections(desk.store, present_videos(desk.store))
        return {"collections": {name: len(own) for name, own in found.items()}}

    @router.post("/frames")
    def frames(asked: Annotated[Named, Body()]) -> list[dict[str, Any]]:
        found = frames_of(collections(desk.store, present_videos(desk.store)), asked.name)
        return [_as_json(frame) for frame in found]

    @router.post("/remove")
    def remove(removed: Annotated[Removed, Body()]) -> dict[str, int]:
        video_id = desk.video_id(removed.video_id)
        number = desk.collect(removed.name, video_id, removed.frames, is_in=removed.is_in)
        return {"num_changed": number}

    @router.post("/rename")
    def rename(renamed: Annotated[Renamed, Body()]) -> dict[str, str]:
        desk.rename_collection(renamed.name, renamed.new_name)
        return {"name": (renamed.new_name or "").strip()}


def _as_json(frame: CollectedFrame) -> dict[str, Any]:
    return {**vars(frame), "file": one_line(PurePath(frame.file).name or frame.video_id)}


PAGE = Page("Collections", "/collections", _add_routes, order=5)
