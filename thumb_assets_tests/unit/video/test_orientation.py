"""Turned and mirrored video: every display matrix of right angles, against its definition."""

import math
import struct

import numpy as np
import pytest

from thumb_assets.video.decode import VideoDecoder
from thumb_assets.video.geometry import Geometry, orientation_of
from thumb_assets_tests.support.drawing import draw_frame, read_frame_index
from thumb_assets_tests.support.encoding import Encoding, encode

# [x', y'] = [x, y] [[a, b], [c, d]], y pointing down.
MATRICES = [(1, 0, 0, 1), (0, 1, -1, 0), (-1, 0, 0, -1), (0, -1, 1, 0)]  # turns
MATRICES += [(-1, 0, 0, 1), (1, 0, 0, -1), (0, 1, 1, 0), (0, -1, -1, 0)]  # mirrored


def packed(a, b, c, d):
    return struct.pack("<9i", *(round(value * 65536) for value in (a, b, 0, c, d, 0, 0, 0)), 1 << 30)


def shown_by_definition(array, matrix):
    """Every pixel carried where the matrix carries its centre."""
    a, b, c, d = matrix
    height, width = array.shape[:2]
    rows, columns = np.mgrid[:height, :width]
    x, y = columns - (width - 1) / 2, rows - (height - 1) / 2
    new_x, new_y = a * x + c * y, b * x + d * y
    size = (height, width) if b == 0 else (width, height)
    shown = np.zeros((*size, *array.shape[2:]), array.dtype)
    target = (new_y + (size[0] - 1) / 2).round().astype(int), (new_x + (size[1] - 1) / 2).round().astype(int)
    shown[target] = array
    return shown


@pytest.mark.parametrize("matrix", MATRICES)
def test_a_picture_is_shown_as_its_matrix_says(matrix):
    picture = np.arange(5 * 3 * 2).reshape(5, 3, 2)
    degrees, is_mirrored = orientation_of(packed(*matrix))
    shown = Geometry(3, 5, rotation_degrees=degrees, is_mirrored=is_mirrored).upright(picture)
    assert shown.tolist() == shown_by_definition(picture, matrix).tolist()


@pytest.mark.parametrize(("angle", "degrees"), [(10, 0), (-80, -90), (100, 90), (170, 180)])
def test_other_angles_are_rounded(angle, degrees):
    # FFmpeg's sign: the angle is counter-clockwise, y points down.
    a, b = math.cos(math.radians(angle)), -math.sin(math.radians(angle))
    assert orientation_of(packed(a, b, -b, a)) == (degrees, False)


def test_a_matrix_without_a_turn_is_none():
    assert orientation_of(packed(0, 0, 0, 0)) == (0, False)


@pytest.mark.parametrize(("degrees", "is_mirrored"), [(0, True), (90, True), (180, True), (-90, True), (90, False)])
def test_mirrored_phone_video_is_upright(tmp_path, degrees, is_mirrored):
    def stored(frame):
        turned = np.rot90(frame, -degrees // 90)
        return turned[:, ::-1] if is_mirrored else turned

    encoding = Encoding(rotation_degrees=degrees, is_mirrored=is_mirrored)
    path = encode(tmp_path / "mirrored.mp4", [stored(draw_frame(i)) for i in range(5)], encoding)
    with VideoDecoder(path) as decoder:
        assert decoder.header.geometry.display_size == (320, 180)
        assert (decoder.header.geometry.rotation_degrees, decoder.header.geometry.is_mirrored) == (degrees, is_mirrored)
        for frame in decoder:
            assert read_frame_index(frame.rgb()) == frame.frame_index
            assert np.abs(frame.rgb().astype(int) - draw_frame(frame.frame_index)).mean() < 6
