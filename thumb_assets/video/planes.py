"""The bytes of a decoded picture, plane by plane, in FFmpeg's rawvideo layout."""

from functools import lru_cache

import av
import numpy as np
import numpy.typing as npt
from av.video.plane import VideoPlane

UInt8Array = npt.NDArray[np.uint8]

# A palette is a plane of 256 colours of 4 bytes, which PyAV shows without rows.
_PALETTE_BYTES = 1024


def plane_rows(picture: av.VideoFrame, plane_index: int) -> UInt8Array:
    """The rows of a plane without padding, (H, bytes per row) uint8; plane 0 is luma in every YUV format."""
    plane = picture.planes[plane_index]
    num_rows, num_row_bytes = _plane_shape(picture.format.name, plane_index, plane)
    line_size = plane.line_size or num_row_bytes
    rows: UInt8Array = np.frombuffer(memoryview(plane), np.uint8)[: line_size * num_rows].reshape(num_rows, -1)
    return rows[:, :num_row_bytes]


def write_plane(plane: VideoPlane, rows: UInt8Array) -> None:
    """Fills a plane with rows of bytes, as `plane_rows` gives them."""
    padded = np.zeros((len(rows), plane.line_size or rows.shape[1]), np.uint8)
    padded[:, : rows.shape[1]] = rows
    plane.update(padded.tobytes() + bytes(plane.buffer_size - padded.size))


def num_picture_bytes(width: int, height: int, pix_fmt: str) -> int:
    """Size of a picture as rawvideo."""
    picture = av.VideoFrame(width, height, pix_fmt)
    return sum(rows * row_bytes for rows, row_bytes in _shapes(picture))


def picture_from_planes(data: bytes, *, width: int, height: int, pix_fmt: str) -> av.VideoFrame:
    """A picture out of rawvideo: the planes one after the other, rows without padding.

    Raises:
        ValueError: another number of bytes than such a picture has, or an unknown format.
    """
    picture = av.VideoFrame(width, height, pix_fmt)
    shapes = _shapes(picture)
    if len(data) != sum(num_rows * row_bytes for num_rows, row_bytes in shapes):
        raise ValueError(f"{len(data)} bytes are not a {width}x{height} picture in {pix_fmt}")
    offset = 0
    for plane, (num_rows, row_bytes) in zip(picture.planes, shapes, strict=True):
        rows = np.frombuffer(data, np.uint8, num_rows * row_bytes, offset)
        write_plane(plane, rows.reshape(num_rows, row_bytes))
        offset += num_rows * row_bytes
    return picture


def _shapes(picture: av.VideoFrame) -> list[tuple[int, int]]:
    return [_plane_shape(picture.format.name, index, plane) for index, plane in enumerate(picture.planes)]


def _plane_shape(pix_fmt: str, plane_index: int, plane: VideoPlane) -> tuple[int, int]:
    """Rows, and bytes of a row without padding."""
    num_bytes = _row_bytes(pix_fmt, plane_index, plane.width)
    return (1, _PALETTE_BYTES) if num_bytes is None else (plane.height, num_bytes)


@lru_cache(maxsize=256)
def _row_bytes(pix_fmt: str, plane_index: int, width: int) -> int | None:
    """Bytes of a row of a plane without padding; None of a palette, which has no rows."""
    pixel_format = av.VideoFormat(pix_fmt)
    on_plane = [component for component in pixel_format.components if component.plane == plane_index]
    if not on_plane:
        return None
    if len(on_plane) == 1 and not pixel_format.is_bit_stream:
        return width * ((on_plane[0].bits + 7) // 8)
    if plane_index == 0:  # packed: all components in one plane
        return int((width * pixel_format.padded_bits_per_pixel + 7) // 8)
    # Semi-planar (nv12, p010): the chroma components side by side.
    return int(width * sum((component.bits + 7) // 8 for component in on_plane))
