"""Pictures that hold tiles: sheets for seek bars and the contact sheet, made of small pictures of frames."""

import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from thumb_assets.export.metadata import srgb_profile
from thumb_assets.export.previews.pictures import Size
from thumb_assets.export.previews.plan import CAPTION_HEIGHT
from thumb_assets.video.frame import UInt8Array

# The picture of a row's frame at its width and height.
PictureOf = Callable[[Mapping[str, Any]], UInt8Array]

_GROUND, _TEXT = (24, 24, 24), (235, 235, 235)


def sheet_image(kind: str, rows: Sequence[Mapping[str, Any]], size: Size, picture_of: PictureOf) -> Image.Image:
    """The sheet: each tile at its place, black where there is none, captions below those of a contact sheet."""
    has_captions = kind == "contact_sheet"
    sheet = Image.new("RGB", size, _GROUND if has_captions else (0, 0, 0))
    for row in rows:
        sheet.paste(Image.fromarray(picture_of(row)), (row["x"], row["y"]))
        if has_captions:
            font = ImageFont.load_default(CAPTION_HEIGHT - 6)
            place = (row["x"] + 2, row["y"] + row["height"] + 1)
            ImageDraw.Draw(sheet).text(place, clock(row["pts_seconds"]), font=font, fill=_TEXT)
    return sheet


def jpeg_bytes(image: Image.Image, *, quality: int, has_profile: bool = True) -> bytes:
    """The picture as a JPEG; the same input gives the same bytes."""
    buffer = io.BytesIO()
    profile = {"icc_profile": srgb_profile()} if has_profile else {}
    image.save(buffer, "JPEG", quality=quality, subsampling="4:2:0", **profile)
    return buffer.getvalue()


def clock(seconds: float) -> str:
    """Hours, minutes and seconds for people.

    >>> clock(3725.04)
    '1:02:05'
    """
    whole = max(0, int(seconds))
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"
