"""The desk's application: the pages that are found, the files they show, and errors as one line."""

import mimetypes
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
from fastapi import APIRouter, FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, Response
from fastapi.staticfiles import StaticFiles

from thumb_assets.desk.desk import ConflictError, Desk
from thumb_assets.desk.door import Door
from thumb_assets.desk.page import Page, find_pages
from thumb_assets.errors import MissingInputError, ThumbAssetsError
from thumb_assets.wording import one_line

_STATIC = Path(str(resources.files("thumb_assets.desk") / "static"))
_KEPT = {"Cache-Control": "private, max-age=31536000, immutable"}  # another picture has another address


def build_app(
    desk: Desk, *, hosts: frozenset[str] | None, token: str | None = None, program: str = "thumb-assets"
) -> Door:
    """The application behind its door; the desk's own work starts and ends with it.

    Args:
        hosts, token: see `Door`.
        program: what people type for this program; the pages show it where a text names a command.
    """

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        desk.start()
        yield
        desk.stop()

    app = FastAPI(title="thumb_assets desk", docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan)
    app.exception_handler(ThumbAssetsError)(_answer_error)
    app.exception_handler(RequestValidationError)(_answer_wrong_request)
    app.exception_handler(404)(_no_such_page)
    app.mount("/static", StaticFiles(directory=_STATIC), name="static")
    pages = find_pages()
    for page in pages:
        router = APIRouter(prefix=f"/api/{page.name}")
        page.routes(router, desk)
        app.include_router(router)
        _add_page(app, page, pages, program)
    _add_shared(app, desk)
    uploads = frozenset(f"/api/{page.name}/{page.upload}" for page in pages if page.upload)
    return Door(app, hosts=hosts, token=token, uploads=uploads)


def _add_page(app: FastAPI, page: Page, pages: list[Page], program: str) -> None:
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    text = (resources.files("thumb_assets.desk") / "page.html").read_text(encoding="utf-8")
    shown = [each for each in pages if each.order is not None]
    html = environment.from_string(text).render(page=page, pages=shown, program=program)

    def show() -> HTMLResponse:
        return HTMLResponse(html)

    app.get(page.path)(show)


def _add_shared(app: FastAPI, desk: Desk) -> None:
    """Answers what several pages ask: pictures, the file itself, progress of the stills."""

    @app.get("/api/work")
    def work() -> dict[str, Any]:
        uploads = desk.trials.waiting()
        work = desk.remaker.work().items()
        return {video_id: {**vars(each), "upload": uploads.get(video_id, "")} for video_id, each in work}

    @app.get("/cover/{video_id}/{sha256}")
    async def cover(video_id: str, sha256: str) -> Response:
        if len(sha256) != 16 or not set(sha256) <= set("0123456789abcdef"):
            raise MissingInputError("there is no such picture")
        video_id = desk.video_id(video_id)
        covers = desk.pictures.covers
        kept = covers.kept(video_id, sha256)  # some kilobytes: another thread would cost more than reading
        content = kept or await run_in_threadpool(covers.make, video_id, sha256)
        return Response(content, media_type="image/jpeg", headers=_KEPT)

    @app.get("/frame/{video_id}/{frame_index}/{size}")
    def frame(video_id: str, frame_index: int, size: str) -> FileResponse:
        video_id = desk.video_id(video_id)
        found = desk.pictures.frame(video_id, frame_index, size, video=desk.path(video_id))
        return FileResponse(found, headers=_KEPT)

    @app.get("/media/{video_id}")
    def media(video_id: str) -> FileResponse:
        path = desk.path(desk.video_id(video_id))
        kind = mimetypes.guess_type(path.name)[0] or ""
        return FileResponse(path, media_type=kind if kind.startswith("video/") else "application/octet-stream")


def _answer_error(_request: Request, error: Exception) -> JSONResponse:
    is_permanent = isinstance(error, ThumbAssetsError) and error.is_permanent
    status = 503 if not is_permanent else 400
    if isinstance(error, ConflictError):
        status = 409
    elif isinstance(error, MissingInputError):
        status = 404
    return JSONResponse({"error": one_line(error)}, status)


def _no_such_page(request: Request, _error: Exception) -> Response:
    """A page in words where a person asks for one, a line where a script asks."""
    if "text/html" not in request.headers.get("accept", ""):
        return JSONResponse({"error": "there is nothing at this address"}, 404)
    return HTMLResponse((resources.files("thumb_assets.desk") / "nowhere.html").read_text(encoding="utf-8"), 404)


def _answer_wrong_request(_request: Request, error: Exception) -> JSONResponse:
    """One line on the first thing that is wrong, without repeating what was sent."""
    first = error.errors()[0] if isinstance(error, RequestValidationError) else {}
    return JSONResponse({"error": f"{'.'.join(map(str, first.get('loc', ())))}: {first.get('msg', 'is wrong')}"}, 422)
