"""The bytes of a decoded picture, plane by plane, in FFmpeg's rawvideo layout."""

import av
import numpy as np
import numpy.typing as npt

UInt8Array = npt.NDArray[np.uint8]


def plane_rows(picture: av.VideoFrame, plane_index: int) -> UInt8Array:
    """The rows of a plane without padding, (H, bytes per row) uint8; plane 0 is luma in every YUV format."""
    plane = picture.planes[plane_index]
    rows: UInt8Array = np.frombuffer(memoryview(plane), np.uint8)[: plane.line_size * plane.height].reshape(
        plane.height, -1
    )
    return rows[:, : _num_row_bytes(picture, plane_index)]


def num_picture_bytes(width: int, height: int, pix_fmt: str) -> int:
    """Size of a picture as rawvideo."""
    picture = av.VideoFrame(width, height, pix_fmt)
    return sum(plane.height * _num_row_bytes(picture, index) for index, plane in enumerate(picture.planes))


def picture_from_planes(data: bytes, *, width: int, height: int, pix_fmt: str) -> av.VideoFrame:
    """A picture out of rawvideo: the planes one after the other, rows without padding.

    Raises:
        ValueError: another number of bytes than such a picture has, or an unknown format.
    """
    picture = av.VideoFrame(width, height, pix_fmt)
    shapes = [(plane.height, _num_row_bytes(picture, index)) for index, plane in enumerate(picture.planes)]
    if len(data) != sum(rows * row_bytes for rows, row_bytes in shapes):
        raise ValueError(f"{len(data)} bytes are not a {width}x{height} picture in {pix_fmt}")
    offset = 0
    for plane, (num_rows, row_bytes) in zip(picture.planes, shapes, strict=True):
        padded = np.zeros((num_rows, plane.line_size), np.uint8)
        rows = np.frombuffer(data, np.uint8, num_rows * row_bytes, offset)
        padded[:, :row_bytes] = rows.reshape(num_rows, row_bytes)
        plane.update(padded.tobytes() + bytes(plane.buffer_size - padded.size))
        offset += num_rows * row_bytes
    return picture


def _num_row_bytes(picture: av.VideoFrame, plane_index: int) -> int:
    """Bytes of a row without padding."""
    plane = picture.planes[plane_index]
    on_plane = [component for component in picture.format.components if component.plane == plane_index]
    if len(on_plane) == 1 and not picture.format.is_bit_stream:
        return int(plane.width * ((on_plane[0].bits + 7) // 8))
    if plane_index == 0:  # packed: all components in one plane
        return int((plane.width * picture.format.padded_bits_per_pixel + 7) // 8)
    # Semi-planar (nv12, p010): the chroma components side by side.
    return int(plane.width * sum((component.bits + 7) // 8 for component in on_plane))
