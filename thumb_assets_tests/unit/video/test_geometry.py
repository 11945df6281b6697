"""Pixel aspect ratio and rotation as arithmetic."""

from fractions import Fraction

import pytest

from thumb_assets.video.geometry import Geometry


@pytest.mark.parametrize(
    ("degrees", "quarter_turns"), [(0, 0), (90, 1), (-90, 3), (180, 2), (-180, 2), (270, 3), (89, 1), (44, 0)]
)
def test_rotation_becomes_counter_clockwise_quarter_turns(degrees, quarter_turns):
    assert Geometry(4, 2, rotation_degrees=degrees).num_quarter_turns == quarter_turns


def test_display_size_applies_aspect_ratio_before_rotation():
    geometry = Geometry(704, 576, Fraction(16, 11), -90)
    assert geometry.square_size == (1024, 576)
    assert geometry.display_size == (576, 1024)


def test_narrow_pixels_enlarge_the_height_so_that_no_column_is_lost():
    assert Geometry(640, 360, Fraction(1, 2)).square_size == (640, 720)


@pytest.mark.parametrize(
    ("short_side", "size"), [(None, (1920, 1080)), (540, (960, 540)), (1080, (1920, 1080)), (5000, (1920, 1080))]
)
def test_scaling_reduces_and_never_enlarges(short_side, size):
    assert Geometry(1920, 1080).scaled_square_size(short_side) == size


def test_scaling_leaves_at_least_one_pixel():
    assert min(Geometry(10_000, 3).scaled_square_size(1)) >= 1
