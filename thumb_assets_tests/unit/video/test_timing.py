"""What stamps say: begin, duration, constant or variable rate."""

from fractions import Fraction

import numpy as np
import pytest

from thumb_assets.video import VideoTiming

MS = Fraction(1, 1000)


def test_rounded_stamps_of_a_constant_rate_are_not_variable():
    # 29.97 frames per second in milliseconds: steps of 33 and 34.
    pts = np.array([round(i * 1001 / 30) for i in range(300)])
    timing = VideoTiming.from_pts(pts, MS, None)
    assert not timing.is_vfr
    assert timing.duration_seconds == pytest.approx(300 * 1.001 / 30, abs=0.002)


def test_one_long_gap_is_variable():
    assert VideoTiming.from_pts(np.array([0, 40, 80, 400, 440]), MS, None).is_vfr


def test_repeated_stamps_do_not_make_the_step_zero():
    timing = VideoTiming.from_pts(np.array([0, 0, 40, 80, 120]), MS, None)
    assert timing.duration_seconds == pytest.approx(0.16)


def test_begin_can_be_negative_and_stamps_unordered():
    timing = VideoTiming.from_pts(np.array([-40, 40, 0, 80]), MS, None)
    assert (timing.begin_pts, timing.duration_seconds, timing.is_vfr) == (-40, pytest.approx(0.16), False)


@pytest.mark.parametrize(("rate", "seconds"), [(Fraction(25), 0.04), (None, 0.0)])
def test_a_single_frame_lasts_as_long_as_the_header_says(rate, seconds):
    assert VideoTiming.from_pts(np.array([7]), MS, rate).duration_seconds == pytest.approx(seconds)
