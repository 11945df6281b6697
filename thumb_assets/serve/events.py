"""The webhooks: what may be asked, and how it is answered."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from thumb_assets.addresses import require_address
from thumb_assets.errors import BadInputError
from thumb_assets.store.outbox import Request


class Asset(BaseModel):
    """Place of the video: at an address, or already in the library folder."""

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        json_schema_extra={
            "oneOf": [{"required": [name], "properties": {name: {"type": "string"}}} for name in ("url", "path")]
        },
    )

    url: str | None = Field(None, max_length=2048, description="Where the file is fetched from, https or http.")
    path: str | None = Field(None, max_length=1024, description="Where it lies within the library folder, `videos/`.")
    file_name: str | None = Field(
        None, max_length=255, description="Name of the file to be; by default the last part of the address."
    )
    passthrough: str | None = Field(None, max_length=255, description="Given back with the answer, never read.")

    @model_validator(mode="after")
    def _one_place(self) -> "Asset":
        if (self.url is None) == (self.path is None):
            raise ValueError("give either url or path")
        if self.url is not None:
            try:
                require_address(self.url)
            except BadInputError as error:
                raise ValueError(str(error)) from None
        return self


class AssetReady(BaseModel):
    """`POST /webhooks/asset-ready`: a video is there. Other fields than these are let through and not read."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str = Field(
        min_length=1,
        max_length=128,
        pattern=r"^[!-~]+$",  # the answer carries it in a header
        description="Of the event, ASCII without blanks; the same one is taken once.",
    )
    type: Literal["asset.ready"] = "asset.ready"
    data: Asset


def parse_event(body: bytes) -> AssetReady:
    """The event of a body.

    Raises:
        BadInputError: it is no such JSON; says where.
    """
    try:
        return AssetReady.model_validate_json(body)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "body"
        raise BadInputError(f"{where}: {first['msg']}") from None


def ready_message(
    request: Request, stills: Sequence[Mapping[str, Any]], *, now: float, reason: str | None = None
) -> bytes:
    """`stills.ready`: the stills, the best first, see `report_of_stills`; or the reason why none is worth keeping."""
    why = {} if reason is None else {"reason": reason}
    return _message(request, "stills.ready", {"stills": list(stills), **why}, now)


def failed_message(request: Request, reason: str, *, now: float) -> bytes:
    """`stills.failed`: why there are none."""
    return _message(request, "stills.failed", {"reason": reason}, now)


def _passthrough(body: bytes) -> str | None:
    """The event's `passthrough`; also of an event that an earlier version accepted and that would be refused now."""
    try:
        passthrough = json.loads(body)["data"].get("passthrough")
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return passthrough if isinstance(passthrough, str) else None


def _message(request: Request, kind: str, data: Mapping[str, Any], now: float) -> bytes:
    passthrough = _passthrough(request.body)
    message = {
        "id": request.event_id,
        "type": kind,
        "created_at": datetime.fromtimestamp(now, tz=timezone.utc).isoformat(timespec="seconds"),
        "data": {"video_id": request.video_id, "passthrough": passthrough, **data},
    }
    return json.dumps(message).encode()
