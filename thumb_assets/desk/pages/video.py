"""The page of one video: player, exact frames, timeline, runners-up, and why each frame was chosen or not."""

from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Body
from pydantic import BaseModel, Field

from thumb_assets.desk.desk import Desk
from thumb_assets.desk.library_view import cards
from thumb_assets.desk.page import Page
from thumb_assets.desk.timeline import video_facts, why
from thumb_assets.errors import MissingInputError

Decision = Annotated[str, Field(pattern="^(pin|ban|cover)$")]


class Said(BaseModel):
    """A word on a frame, and which decisions the page showed when it was said."""

    frame_index: int = Field(ge=0)
    word: Annotated[str, Field(pattern="^(pin|ban|cover|unpin|unban|uncover)$")]
    seen: str = Field(max_length=64)


class Former(BaseModel):
    """Decisions to go back to, by frame_index."""

    decisions: dict[Annotated[int, Field(ge=0)], Decision] = Field(max_length=1000)
    seen: str = Field(max_length=64)


def partition_url(dagster_url: str, video_id: str) -> str | None:
    """The page of a video's partition in Dagster; None where Dagster's address is not known.

    >>> partition_url("http://127.0.0.1:3000/", "a b-1")
    'http://127.0.0.1:3000/assets/selections?view=partitions&partition=a%20b-1'
    """
    asset = f"{dagster_url.rstrip('/')}/assets/selections"
    return f"{asset}?view=partitions&partition={quote(video_id, safe='')}" if dagster_url else None


def _add_routes(router: APIRouter, desk: Desk) -> None:
    @router.get("/{video_id}")
    def facts(video_id: str) -> dict[str, Any]:
        video_id = desk.video_id(video_id)
        card = next(iter(cards(desk.catalog, [video_id])), {})
        if card.get("state") == "failed" and not desk.store.has("videos", video_id):
            raise MissingInputError(f"{card['name']}: {card['reason']}")
        settings = desk.configuration().settings
        partition = partition_url(settings.desk.dagster_url, video_id)
        facts = video_facts(desk.store, video_id, settings)
        has_scores = any(each["score"] is not None for each in facts["candidates"])
        is_remade = not has_scores and desk.store.video_lock(video_id).is_held()
        return {**card, **facts, **_standing(video_id), "partition": partition, "is_remade": is_remade}

    @router.get("/{video_id}/decisions")
    def decisions(video_id: str) -> dict[str, Any]:
        return _standing(desk.video_id(video_id))

    @router.get("/{video_id}/why/{frame_index}")
    def reason(video_id: str, frame_index: int) -> dict[str, str]:
        return {"why": why(desk.store, desk.video_id(video_id), frame_index)}

    @router.post("/{video_id}/decide")
    def decide(video_id: str, said: Annotated[Said, Body()]) -> dict[str, Any]:
        video_id = desk.video_id(video_id)
        return desk.decide(video_id, [(said.frame_index, said.word)], seen=said.seen).as_json()

    @router.post("/{video_id}/restore")
    def restore(video_id: str, former: Annotated[Former, Body()]) -> dict[str, Any]:
        return desk.restore(desk.video_id(video_id), former.decisions, seen=former.seen).as_json()

    def _standing(video_id: str) -> dict[str, Any]:
        return desk.standing(video_id).as_json()


PAGE = Page("Video", "/video/{video_id}", _add_routes)
