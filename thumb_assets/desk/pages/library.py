"""The page of the whole library: a grid of covers with state, filters and order."""

from typing import Annotated, Any

from fastapi import APIRouter, Query

from thumb_assets.desk.desk import Desk
from thumb_assets.desk.library_view import MOST_VIDEOS, Choice, Filters, Order, State, counts, window
from thumb_assets.desk.page import Page
from thumb_assets.errors import MissingInputError


def _add_routes(router: APIRouter, desk: Desk) -> None:
    @router.get("/videos")
    def videos(
        words: Annotated[str, Query(max_length=200)] = "",
        state: State = "",
        problem: Annotated[str, Query(max_length=60)] = "",
        is_decided: Choice = "",
        is_screen: Choice = "",
        has_faces: Choice = "",
        has_text: Choice = "",
        least_seconds: Annotated[float, Query(ge=0)] = 0.0,
        most_seconds: Annotated[float, Query(ge=0)] = 0.0,
        order: Order = "name",
        start: Annotated[int, Query(ge=0)] = 0,
        num_videos: Annotated[int, Query(ge=1, le=MOST_VIDEOS)] = 60,
    ) -> dict[str, Any]:
        filters = Filters(
            words, state, problem, is_decided, is_screen, has_faces, has_text, least_seconds, most_seconds
        )
        try:
            found = window(desk.catalog, filters, order=order, start=start, num_videos=num_videos)
        except MissingInputError:
            return {"num_videos": 0, "videos": [], "empty": _nothing_run(desk)}
        return {"num_videos": found.num_videos, "videos": found.videos, "empty": ""}

    @router.get("/counts")
    def numbers() -> dict[str, Any]:
        return counts(desk.catalog)


def _nothing_run(desk: Desk) -> str:
    return f"Nothing was run yet. Put videos into {desk.library.videos_dir} and run: thumb-assets run"


PAGE = Page("Library", "/", _add_routes, order=1)
