"""The web service: it checks, notes and answers; the work is done beside it."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from thumb_assets.errors import BadInputError, SignatureError, ThumbAssetsError, as_thumb_assets_error
from thumb_assets.publish.signature import verify_signature
from thumb_assets.serve.delivery import SIGNATURE_HEADER
from thumb_assets.serve.events import AssetReady, parse_event
from thumb_assets.serve.live import LivePages
from thumb_assets.settings.operation import ServeSettings
from thumb_assets.store.outbox import Outbox

if TYPE_CHECKING:
    from fastapi import FastAPI, Request

_T = TypeVar("_T")
_LOGGER = logging.getLogger(__name__)
_MAX_BODY_SECONDS = 30.0
# For a sender that signs in Mux's form. Mux's own events are others: they name no file.
_SIGNATURE_HEADERS = (SIGNATURE_HEADER, "Mux-Signature")
_ANSWERS = {
    200: "The event was taken before; its state now.",
    202: "The event is taken.",
    400: "No request of HTTP, or its first line and headers are too large; the connection is closed.",
    401: "The signature is missing, wrong or too old.",
    408: "The body did not come in time.",
    409: "The event's id was sent before with another body.",
    413: "The body is too large.",
    422: "The body is not such an event; says where.",
    429: "Too many requests from this address.",
    503: "The event cannot be noted now, as on a full disk; send it again.",
}
_HEALTH = {
    200: "Requests are worked on.",
    429: "Too many requests from this address.",
    503: "Something keeps requests from being worked on.",
}
_ABOUT = """Announce a video; its stills are made by Dagster, and a signed webhook tells when they are there.

A request is signed by `HMAC-SHA256(secret, "{time}.{body}")` in the header `Thumb-Assets-Signature: t=TIME,v1=HEX`."""


def build_app(
    outbox: Outbox,
    settings: ServeSettings,
    secret: str,
    *,
    problems: Callable[[], list[str]],
    live: LivePages | None = None,
) -> "FastAPI":
    """The FastAPI application.

    Args:
        secret: by which requests are signed.
        problems: what keeps requests from being worked on now, one line each.
        live: the pages of live sources; None leaves them out.
    """
    from fastapi import FastAPI, Request
    from fastapi.concurrency import run_in_threadpool
    from fastapi.responses import JSONResponse

    door = _Door(settings, secret)
    app = FastAPI(title="thumb_assets", description=_ABOUT)

    @app.post("/webhooks/asset-ready", status_code=202, summary="A video is there", **_documented())
    async def asset_ready(request: Request) -> JSONResponse:
        """Takes the event once, however often it comes, and answers before its work begins."""
        body = await door.signed_body(request)
        event = _or_refuse(lambda: parse_event(body), 422)
        taken, is_new = await run_in_threadpool(
            _or_refuse, lambda: outbox.add_request(event.id, body, now=time.time()), 409
        )
        answer = {"id": taken.event_id, "state": taken.state, "video_id": taken.video_id, "reason": taken.reason}
        return JSONResponse(answer, 202 if is_new else 200)

    @app.get("/health", summary="Whether requests are worked on", responses=_described(_HEALTH))
    async def health(request: Request) -> JSONResponse:
        """200 where they are, 503 where something keeps them from it.

        What that is, and how many requests there are by state, is said to a request that is signed (over an empty
        body): reasons name files and hosts.
        """
        is_known = await door.is_signed(request)
        try:
            counts: dict[str, Any] = dict(await run_in_threadpool(outbox.counts))
            found = await run_in_threadpool(problems)
        except ThumbAssetsError as error:
            counts, found = {}, [str(error)]
        except Exception as error:  # noqa: BLE001 - Dagster's database may be down, and its text is not for strangers
            _LOGGER.warning("health: %s", as_thumb_assets_error(error, "Dagster"))
            counts, found = {}, [f"Dagster cannot be asked ({type(error).__name__}); the log says more"]
        answer = {"problems": found, **counts} if is_known else {}
        return JSONResponse({"is_working": not found, **answer}, 503 if found else 200)

    if live is not None:
        app.include_router(live.router())
    return app


class _Door:
    """Lets in what is signed, not too large and not too often."""

    def __init__(self, settings: ServeSettings, secret: str) -> None:
        from limits import RateLimitItemPerMinute
        from limits.storage import MemoryStorage
        from limits.strategies import MovingWindowRateLimiter

        self._settings = settings
        self._secret = secret
        self._rate = RateLimitItemPerMinute(settings.max_requests_per_minute)
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    async def signed_body(self, request: "Request") -> bytes:
        """The body of a request that may come in; HTTPException for any other."""
        from fastapi import HTTPException

        self._count(request)
        try:
            body = await asyncio.wait_for(self._limited_body(request), _MAX_BODY_SECONDS)
        except asyncio.TimeoutError:
            raise HTTPException(408, "the body did not come in time") from None
        try:
            self._verify(request, body)
        except SignatureError as error:
            raise HTTPException(401, str(error)) from None
        return body

    async def is_signed(self, request: "Request") -> bool:
        """True if a request without a body is signed; HTTPException where there are too many."""
        self._count(request)
        try:
            self._verify(request, b"")
        except SignatureError:
            return False
        return True

    def _count(self, request: "Request") -> None:
        from fastapi import HTTPException

        address = request.client.host if request.client else ""
        if not self._limiter.hit(self._rate, request.url.path, address):
            raise HTTPException(429, "too many requests; try again in a minute", headers={"Retry-After": "60"})

    def _verify(self, request: "Request", body: bytes) -> None:
        header = next((request.headers[name] for name in _SIGNATURE_HEADERS if name in request.headers), None)
        tolerance_seconds = self._settings.tolerance_seconds
        verify_signature(body, header, self._secret, now=time.time(), tolerance_seconds=tolerance_seconds)

    async def _limited_body(self, request: "Request") -> bytes:
        from fastapi import HTTPException

        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > self._settings.max_body_bytes:
                raise HTTPException(413, f"the body is larger than {self._settings.max_body_bytes} bytes")
        return bytes(body)


def _or_refuse(ask: Callable[[], _T], status: int) -> _T:
    """The answer; HTTPException of a status where the request is wrong, 503 where we cannot."""
    from fastapi import HTTPException

    try:
        return ask()
    except BadInputError as error:
        raise HTTPException(status, str(error)) from None
    except ThumbAssetsError as error:
        raise HTTPException(503, str(error)) from None


def _described(texts: Mapping[int, str]) -> dict[int | str, dict[str, Any]]:
    return {status: {"description": text} for status, text in texts.items()}


def _documented() -> dict[str, Any]:
    """Describes the webhook for OpenAPI: the body is read by us, so FastAPI does not know it."""
    header = {"name": SIGNATURE_HEADER, "in": "header", "required": True, "schema": {"type": "string"}}
    body = {"required": True, "content": {"application/json": {"schema": _flat_schema()}}}
    return {
        "responses": _described(_ANSWERS),
        "openapi_extra": {"parameters": [header], "requestBody": body},
    }


def _flat_schema() -> dict[str, Any]:
    """The event's schema without references, which would point into the wrong document."""
    schema = AssetReady.model_json_schema()
    definitions = schema.pop("$defs", {})
    schema["properties"]["data"] = definitions["Asset"]
    return schema
