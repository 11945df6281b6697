"""The facts inside a still's file: text chunks in PNG, EXIF in others, an sRGB profile in all; both ways."""

import io
import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import ExifTags, Image, ImageCms
from PIL.PngImagePlugin import PngInfo

from thumb_assets import __version__
from thumb_assets.errors import SettingsError, VerificationError
from thumb_assets.export.pixels import RgbArray, encode_png16
from thumb_assets.wording import one_line

_SOFTWARE = f"thumb_assets {__version__}"
# EXIF 2.32, 4.6.5: UserComment begins with eight bytes that name its character code.
_USER_COMMENT_CODE = b"ASCII\0\0\0"
_PNG_KEYWORD = "thumb_assets"
# Name of the fact that says by which quality a WebP or AVIF was compressed: unlike a JPEG they hold no tables of it.
QUALITY = "quality"
_QUALITY_STEP = 5
# ICC.1:2022, 7.2.8: when the profile was made. LittleCMS writes the present second, which would make every file new.
_PROFILE_DATE = slice(24, 36)
_FIXED_DATE = b"\x07\xd0\0\x01\0\x01\0\0\0\0\0\0"  # 2000-01-01 00:00:00


def encode_still(
    rgb: RgbArray,
    *,
    format: str,  # noqa: A002 - the settings' own name
    quality: int,
    facts: Mapping[str, Any],
    max_bytes: int | None = None,
) -> bytes:
    """A picture as the bytes of a file; the same input gives the same bytes.

    Args:
        rgb: (H, W, 3) RGB, full range; uint8, or uint16 for a PNG of 16 bits per channel.
        format: of the settings `stills`.
        quality: 1..100, unused for PNG; WebP and AVIF say it among their facts.
        facts: JSON values by name, to be found again by `read_still_metadata`.
        max_bytes: quality is lowered by steps until the file is no larger.

    Raises:
        SettingsError: no quality gives a file that small.
    """
    for lower in _qualities(quality):
        data = _encoded(rgb, format=format, quality=lower, facts=facts)
        if max_bytes is None or len(data) <= max_bytes:
            return data
    about = f"frame {facts.get('frame_index')} of {facts.get('video_id')}: {rgb.shape[1]}x{rgb.shape[0]}"
    raise SettingsError(f"{about} takes more than stills.max_bytes={max_bytes} at any quality; raise it")


def _qualities(quality: int) -> Iterator[int]:
    yield quality
    yield from range(quality - _QUALITY_STEP, 0, -_QUALITY_STEP)


def _encoded(rgb: RgbArray, *, format: str, quality: int, facts: Mapping[str, Any]) -> bytes:  # noqa: A002 - as above
    if rgb.dtype == np.uint16:
        return encode_png16(rgb.astype(np.uint16, copy=False), texts=_png_texts(facts), icc_profile=srgb_profile())
    image, buffer = Image.fromarray(rgb), io.BytesIO()
    if format == "png":
        info = PngInfo()
        for keyword, text in _png_texts(facts).items():
            info.add_text(keyword, text)
        image.save(buffer, "PNG", pnginfo=info, icc_profile=srgb_profile())
    elif format == "jpeg":
        # Not optimize=True: Pillow gives it 2 bytes per pixel and fails on noise at 4:4:4, which needs up to 4.
        exif = _exif(facts)
        image.save(buffer, "JPEG", quality=quality, subsampling="4:4:4", exif=exif, icc_profile=srgb_profile())
    else:
        how = {"method": 4} if format == "webp" else {"subsampling": "4:4:4", "speed": 8, "max_threads": 1}
        told = _exif({**facts, QUALITY: quality}).tobytes()
        image.save(buffer, format.upper(), quality=quality, exif=told, icc_profile=srgb_profile(), **how)
    return buffer.getvalue()


def read_still_metadata(path: Path) -> dict[str, Any]:
    """The facts that were written into a still, by name.

    Raises:
        VerificationError: not a picture, or one without our facts.
    """
    try:
        with Image.open(path) as image:
            if image.format == "PNG":
                image.load()  # text may stand behind the pixels
                text = str(image.info[_PNG_KEYWORD])
            else:
                comment = image.getexif().get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment]
                text = comment.removeprefix(_USER_COMMENT_CODE).decode("ascii")
        facts = json.loads(text)
    except (OSError, SyntaxError, Image.DecompressionBombError):
        raise VerificationError(f"{path}: is no picture that can be read; give a still or a crop") from None
    except (KeyError, ValueError, AttributeError):
        raise VerificationError(
            f"{path}: holds no facts of ours; it is none of our pictures, or a program removed its metadata"
        ) from None
    if not isinstance(facts, dict):
        raise VerificationError(f"{path}: holds facts that are no JSON object")
    return facts


@cache
def srgb_profile() -> bytes:
    """The sRGB ICC profile with a fixed date."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile[_PROFILE_DATE] = _FIXED_DATE
    return bytes(profile)


def _exif(facts: Mapping[str, Any]) -> Image.Exif:
    exif = Image.Exif()
    exif[ExifTags.Base.ImageDescription] = _sentence(facts)
    exif[ExifTags.Base.Software] = _SOFTWARE
    comment = json.dumps(facts, sort_keys=True).encode("ascii")
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment] = _USER_COMMENT_CODE + comment
    return exif


def _png_texts(facts: Mapping[str, Any]) -> dict[str, str]:
    return {
        "Description": _sentence(facts),
        "Software": _SOFTWARE,
        _PNG_KEYWORD: json.dumps(facts, sort_keys=True),
    }


def _sentence(facts: Mapping[str, Any]) -> str:
    """One line for people, ASCII as EXIF wants it."""
    source = facts.get("source_file_name") or facts.get("video_id", "")
    parts = [
        f"{source}",
        f"frame {facts.get('frame_index')}",
        f"at {facts.get('pts_seconds', 0.0):.3f} s",
        f"rank {facts.get('rank')}",
    ]
    if "combined_score" in facts:
        parts.append(f"score {facts['combined_score']:.4f}")
    if "aspect_ratio" in facts:
        parts.append(f"cut to {facts['aspect_ratio']}")
    return one_line(", ".join(parts)).encode("ascii", "backslashreplace").decode("ascii")
