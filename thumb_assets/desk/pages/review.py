"""The page of the review: one undecided video after the other, by keyboard."""

from typing import Annotated, Any

from fastapi import APIRouter, Body
from pydantic import BaseModel, Field

from thumb_assets.desk.desk import Desk
from thumb_assets.desk.learning import Lessons
from thumb_assets.desk.page import Page
from thumb_assets.desk.review_queue import Progress, Reviews


class Turn(BaseModel):
    """A page that reviews, and the video that it speaks of."""

    who: str = Field(min_length=8, max_length=64)
    video_id: str | None = Field(None, max_length=100)


def _add_routes(router: APIRouter, desk: Desk) -> None:
    reviews = Reviews(desk.store)
    lessons = Lessons(desk.store, desk.configuration().settings)

    def _as_json(progress: Progress) -> dict[str, Any]:
        lessons.look(progress.num_done)
        return {**vars(progress), "learned": lessons.sentence}

    def _video_id(turn: Turn) -> str:
        return desk.video_id(turn.video_id or "")

    @router.post("/next")
    def following(turn: Annotated[Turn, Body()]) -> dict[str, Any]:
        return _as_json(reviews.next(turn.who))

    @router.post("/progress")
    def progress(turn: Annotated[Turn, Body()]) -> dict[str, Any]:
        return _as_json(reviews.progress(turn.who))

    @router.post("/later")
    def later(turn: Annotated[Turn, Body()]) -> dict[str, Any]:
        return _as_json(reviews.next(turn.who, after=_video_id(turn)))

    @router.post("/keep")
    def keep(turn: Annotated[Turn, Body()]) -> dict[str, Any]:
        reviews.keep(_video_id(turn))
        return _as_json(reviews.next(turn.who))

    @router.post("/take-up")
    def take_up(turn: Annotated[Turn, Body()]) -> dict[str, Any]:
        reviews.take_up(_video_id(turn), turn.who)
        return {}

    @router.post("/leave")
    def leave(turn: Annotated[Turn, Body()]) -> dict[str, Any]:
        reviews.leave(turn.who)
        return {}

    @router.post("/claim")
    def claim(turn: Annotated[Turn, Body()]) -> dict[str, bool]:
        return {"is_ours": reviews.keep_claim(turn.who, _video_id(turn))}


PAGE = Page("Review", "/review", _add_routes, order=2)
