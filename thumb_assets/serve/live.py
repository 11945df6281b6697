"""The pages of live sources: the best picture of the last minutes, and the facts about it."""

import hmac
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from thumb_assets.errors import ThumbAssetsError
from thumb_assets.live.best import BestPicture, best_picture
from thumb_assets.settings.load import Settings
from thumb_assets.store.parquet import TableStore

if TYPE_CHECKING:
    from fastapi import APIRouter

_MEDIA_TYPES = {".jpg": "image/jpeg", ".png": "image/png", ".webp": "image/webp", ".avif": "image/avif"}
_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"description": "The still, byte for byte."},
    403: {"description": "The word `token` is missing or wrong."},
    404: {"description": "No picture of the last minutes is worth showing, or there is no such source."},
    503: {"description": "The disk does not answer."},
}


@dataclass(frozen=True)
class LivePages:
    """The store, settings and token of the pages.

    Attributes:
        store: the data folder.
        settings: `live.best_minutes`, and the weights of the scores.
        token: that every request must know; None lets all in.
    """

    store: TableStore
    settings: Settings
    token: str | None

    def router(self) -> "APIRouter":
        """The pages `/live/NAME/best.jpg` and `/live/NAME/best.json`."""
        from fastapi import APIRouter
        from fastapi.concurrency import run_in_threadpool
        from fastapi.responses import JSONResponse, Response

        router = APIRouter()

        @router.get("/live/{name}/best.jpg", summary="The best picture of the last minutes", responses=_ANSWERS)
        async def picture(name: str, token: str = "") -> Response:
            """A still of the last `live.best_minutes`, of the format that `stills.format` says."""
            best, content = await run_in_threadpool(self._read, name, token)
            media_type = _MEDIA_TYPES.get(best.path.suffix.lower(), "application/octet-stream")
            headers = {name: str(value) for name, value in _facts(best).items()}
            return Response(content, media_type=media_type, headers=headers)

        @router.get("/live/{name}/best.json", summary="Facts about that picture", responses=_ANSWERS)
        async def facts(name: str, token: str = "") -> JSONResponse:
            """Its video, frame, time and score."""
            best, _ = await run_in_threadpool(self._read, name, token)
            return JSONResponse(best.as_json() | {"age_seconds": round(time.time() - best.shown_at, 3)})

        return router

    def _read(self, name: str, token: str) -> tuple[BestPicture, bytes]:
        from fastapi import HTTPException

        if self.token is not None and not hmac.compare_digest(token.encode(), self.token.encode()):
            raise HTTPException(403, "the word `token` is missing or wrong")
        minutes = self.settings.live.best_minutes
        try:
            best = best_picture(self.store, name, now=time.time(), minutes=minutes, selection=self.settings.selection)
            if best is not None:
                return best, best.path.read_bytes()
        except ThumbAssetsError as error:
            raise HTTPException(503, str(error)) from None
        except OSError:  # made again or removed between the two
            pass
        raise HTTPException(404, f"no picture of the last {minutes:g} minutes of {name!r} is there")


def _facts(best: BestPicture) -> dict[str, str | float | int]:
    """Headers that say which frame it is."""
    told = best.as_json()
    return {
        "Cache-Control": "no-cache",
        "ETag": f'"{best.file_sha256}"',
        "Thumb-Assets-Shown-At": told["shown_at"],
        "Thumb-Assets-Video": best.video_id,
        "Thumb-Assets-Frame": best.frame_index,
    }
