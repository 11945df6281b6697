"""The page on which a person tries a video: it is dropped, worked on, and kept or thrown away."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Query, Request
from fastapi.responses import FileResponse
from pydantic import Base64Bytes, BaseModel, Field
from starlette.requests import ClientDisconnect

from thumb_assets.desk.desk import Desk
from thumb_assets.desk.page import Page
from thumb_assets.desk.remake import Work
from thumb_assets.desk.trial_notes import Trial
from thumb_assets.errors import BadInputError, MissingInputError
from thumb_assets.publish.http_target import report_of_stills
from thumb_assets.select.tell import NOTHING_KEPT
from thumb_assets.wording import one_line

_MOST_LETTERS = 4096


class Announced(BaseModel):
    """An upload, before its bytes are sent; `head`: its first bytes, sent as Base64."""

    name: str = Field(max_length=_MOST_LETTERS)
    num_bytes: int = Field(ge=0)
    head: Base64Bytes = Field(b"", max_length=8192)


class Named(BaseModel):
    """A file by its path."""

    path: str = Field(min_length=1, max_length=_MOST_LETTERS)


# What a person says of a trial.
Word = Literal["cancel", "again", "keep", "throw"]


def _add_routes(router: APIRouter, desk: Desk) -> None:
    words: dict[Word, Callable[[str], str | None]] = {
        "cancel": desk.trials.cancel,
        "again": desk.trials.again,
        "keep": desk.trials.keep,
        "throw": desk.trials.throw_away,
    }

    @router.get("/trials")
    def trials() -> list[dict[str, Any]]:
        return [_as_json(desk, trial) for trial in desk.trials.all()]

    @router.post("/announce")
    def announce(announced: Annotated[Announced, Body()]) -> dict[str, bool]:
        desk.trials.require(announced.name, announced.num_bytes, announced.head)
        return {"is_taken": True}

    @router.post("/upload")
    async def upload(request: Request, name: Annotated[str, Query(max_length=_MOST_LETTERS)]) -> dict[str, str]:
        num_bytes = int(request.headers["content-length"])
        try:
            trial = await desk.trials.receive(name, num_bytes, request.stream())
        except ClientDisconnect:
            raise BadInputError(f"{one_line(name)}: was cut off") from None
        return {"token": trial.token, "note": trial.note}

    @router.post("/use")
    def use(named: Annotated[Named, Body()]) -> dict[str, str]:
        return {"token": desk.trials.use(named.path).token, "note": ""}

    @router.get("/{token}/still/{rank}")
    def still(token: str, rank: int) -> FileResponse:
        return _still(desk, desk.trials.get(token), rank)

    @router.post("/{token}/{word}")
    def say(token: str, word: Word) -> dict[str, str]:
        return {"path": words[word](token) or ""}


def _still(desk: Desk, trial: Trial, rank: int) -> FileResponse:
    names = {pick["rank"]: pick["file_name"] for pick in _picks(desk, trial.video_id)}
    path = desk.store.stills_dir(trial.video_id) / names.get(rank, "none")
    if not path.is_file():
        raise MissingInputError(f"{trial.name}: has no such still any more; load the page again")
    return FileResponse(path, filename=f"{trial.path.stem}-{path.name}")


def _as_json(desk: Desk, trial: Trial) -> dict[str, Any]:
    work = desk.remaker.work().get(trial.video_id)
    if trial.is_cancelled and work is None:  # by the desk before this one
        work = Work("cancelled")
    is_done = work is None or work.state not in {"waiting", "running"}
    nothing = (desk.store.footer("selections", trial.video_id) or {}).get(NOTHING_KEPT, "") if is_done else ""
    facts = vars(work or Work("done"))
    return {
        **facts,
        "step": str(facts["step"]).removeprefix(f"{trial.path}: "),
        "token": trial.token,
        "video_id": trial.video_id,
        "name": trial.name,
        "note": trial.note,
        "is_upload": trial.is_upload,
        "is_new": trial.is_new,
        "picks": _picks(desk, trial.video_id) if is_done else [],
        "nothing": nothing,
    }


def _picks(desk: Desk, video_id: str) -> list[dict[str, Any]]:
    """The stills of a video that are there, the best first."""
    stills, selections = (desk.store.read_or_none(name, video_id) for name in ("stills", "selections"))
    if stills is None or selections is None:
        return []
    report = report_of_stills(stills, selections, folder=desk.store.stills_dir(video_id))
    return [{name: value for name, value in pick.items() if name not in {"path", "url"}} for pick in report]


PAGE = Page("Try it", "/try", _add_routes, order=6, upload="upload")
