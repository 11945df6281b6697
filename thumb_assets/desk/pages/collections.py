"""The page of the collections: their frames, other names, a dataset of one of them."""

import json
from pathlib import PurePath
from typing import Annotated, Any

from fastapi import APIRouter, Body
from pydantic import BaseModel, Field

from thumb_assets.dataset.formats import FORMATS
from thumb_assets.desk.desk import Desk
from thumb_assets.desk.exporting import Exporter
from thumb_assets.desk.page import Page
from thumb_assets.errors import BadInputError
from thumb_assets.library.decide import present_videos
from thumb_assets.settings.load import Settings
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


class Wanted(Named):
    """A dataset of a collection: its format, and the name of its folder."""

    format_name: str = Field(max_length=50)
    folder: str = Field(max_length=200)


def _add_routes(router: APIRouter, desk: Desk) -> None:
    exported: list[str] = []

    def settings() -> Settings:
        wanted = [json.dumps(name, ensure_ascii=False) for name in exported]
        return desk.configuration([f"dataset.collection={name}" for name in wanted]).settings

    exporter = Exporter(desk.store, settings)

    @router.get("/list")
    def every() -> dict[str, Any]:
        found = collections(desk.store, present_videos(desk.store))
        formats = {each.name: each.about for each in FORMATS.values() if each.has_pictures}
        return {"collections": {name: len(own) for name, own in found.items()}, "formats": formats}

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

    @router.post("/export")
    def begin_export(wanted: Annotated[Wanted, Body()]) -> dict[str, Any]:
        frames_of(collections(desk.store), wanted.name)
        if exporter.work()["state"] == "running":
            raise BadInputError("a collection is being written; wait until it is done")
        exported[:] = [wanted.name]
        exporter.begin(wanted.format_name, wanted.folder)
        return exporter.work()

    @router.get("/export")
    def export() -> dict[str, Any]:
        return exporter.work()


def _as_json(frame: CollectedFrame) -> dict[str, Any]:
    return {**vars(frame), "file": one_line(PurePath(frame.file).name or frame.video_id)}


PAGE = Page("Collections", "/collections", _add_routes, order=5)
