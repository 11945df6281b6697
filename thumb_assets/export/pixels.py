"""The pixels of a frame in the depth of a file, and pictures of 16 bits, which Pillow neither writes nor reads."""

import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from thumb_assets.video.frame import Frame

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# PNG (ISO/IEC 15948), 11.2.2: length, "IHDR", width, height, bit depth, ... and a checksum, right behind the signature.
_IHDR_END = len(PNG_SIGNATURE) + 4 + 4 + 13 + 4
_DEPTH_OFFSET = len(PNG_SIGNATURE) + 4 + 4 + 8

RgbArray = npt.NDArray[Any]  # uint8 or uint16


def pixels_of(frame: Frame, bit_depth: int) -> RgbArray:
    """The frame in full resolution, (H, W, 3) RGB, uint8 or uint16."""
    return frame.rgb16() if bit_depth == 16 else frame.rgb()


def bit_depth_of(path: Path) -> int:
    """Bits per channel of a picture file: 16 for a PNG that says so, else 8 (also for what is no picture)."""
    try:
        with path.open("rb") as file:
            head = file.read(_IHDR_END)
    except OSError:
        return 8
    is_deep = head.startswith(PNG_SIGNATURE) and len(head) == _IHDR_END and head[_DEPTH_OFFSET] == 16
    return 16 if is_deep else 8


def encode_png16(rgb: npt.NDArray[np.uint16], *, texts: Mapping[str, str], icc_profile: bytes) -> bytes:
    """A PNG of 16 bits per channel.

    Args:
        rgb: (H, W, 3) uint16 RGB.
        texts: what Pillow would find in `Image.info`, Latin-1, by keyword.
        icc_profile: of its colours.
    """
    import cv2

    is_done, encoded = cv2.imencode(".png", np.ascontiguousarray(rgb[..., ::-1]))
    if not is_done:
        raise ValueError("OpenCV could not encode the picture")
    data = encoded.tobytes()
    # 11.3.2.3: name, 0, method 0 (deflate), the profile compressed. 11.3.3.2: keyword, 0, text.
    chunks = [_chunk(b"iCCP", b"sRGB\0\0" + zlib.compress(icc_profile))]
    chunks += [
        _chunk(b"tEXt", keyword.encode("latin-1") + b"\0" + text.encode("latin-1")) for keyword, text in texts.items()
    ]
    return data[:_IHDR_END] + b"".join(chunks) + data[_IHDR_END:]


def read_png16(path: Path) -> npt.NDArray[np.uint16]:
    """The picture of a PNG of 16 bits per channel, (H, W, 3) uint16 RGB.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no such picture.
    """
    import cv2

    array: Any = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_UNCHANGED)
    if array is None or array.dtype != np.uint16 or array.ndim != 3 or array.shape[2] != 3:
        raise ValueError("no PNG of 16 bits per channel in RGB")
    return np.asarray(array[..., ::-1])


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
