"""From stamps to seconds that never go back: joins, jumps, wraps, small falls; begin, duration, variable rate."""

from fractions import Fraction

import numpy as np
import pytest

from thumb_assets.video.timing import Clock, VideoTiming, seconds_on_screen

MS, TS = Fraction(1, 1000), Fraction(1, 90_000)


def timing_of(pts, last_seconds=None):
    clock = Clock(MS, container="mp4")
    seconds = np.array([clock.seconds(int(each)) for each in pts])
    return VideoTiming.of(np.array(pts), seconds, time_base=MS, last_seconds=last_seconds)


def seconds_of(pts, container="mpegts", time_base=TS, rate=Fraction(25)):
    clock = Clock(time_base, container=container, frame_rate=rate)
    return [clock.seconds(each) for each in pts], clock.num_jumps


def test_rounded_stamps_of_a_constant_rate_are_not_variable():
    # 29.97 frames per second in milliseconds: steps of 33 and 34.
    timing = timing_of([round(i * 1001 / 30) for i in range(300)])
    assert not timing.is_vfr
    assert timing.duration_seconds == pytest.approx(300 * 1.001 / 30, abs=0.002)


def test_one_long_gap_is_variable():
    assert timing_of([0, 40, 80, 400, 440]).is_vfr


def test_repeated_stamps_do_not_make_the_step_zero():
    assert timing_of([0, 0, 40, 80, 120]).duration_seconds == pytest.approx(0.16)


def test_begin_can_be_negative():
    timing = timing_of([-40, 0, 40, 80])
    assert (timing.begin_pts, timing.duration_seconds, timing.is_vfr) == (-40, pytest.approx(0.16), False)


@pytest.mark.parametrize(("last", "seconds"), [(0.04, 0.04), (None, 0.0)])
def test_a_single_frame_lasts_as_long_as_the_file_says(last, seconds):
    assert timing_of([7], last).duration_seconds == pytest.approx(seconds)


def test_each_frame_is_on_screen_until_the_next_one_appears():
    shown = seconds_on_screen(np.array([0.0, 300.0, 300.04]), last_seconds=0.04)
    assert shown.tolist() == [300.0, 0.04, 0.04]
    assert seconds_on_screen(np.zeros(0), last_seconds=None).tolist() == []


def test_plain_stamps_stay_what_they_are():
    assert seconds_of([900_000, 903_600, 907_200]) == ([10.0, 10.04, 10.08], 0)


def test_stamps_that_start_again_go_on_where_they_ended():
    part = [900_000 + 3600 * i for i in range(50)]
    seconds, num_jumps = seconds_of(part + part)
    assert np.diff(seconds) == pytest.approx(0.04)
    assert (num_jumps, seconds[0], seconds[-1]) == (1, 10.0, pytest.approx(10 + 99 * 0.04))


def test_a_jump_ahead_beyond_belief_is_a_usual_step():
    part = [3600 * i for i in range(50)]
    seconds, num_jumps = seconds_of(part + [each + 26 * 3600 * 90_000 for each in part])
    assert np.diff(seconds) == pytest.approx(0.04)
    assert num_jumps == 1
    # A screen recorder holds what a screen showed for an hour.
    assert seconds_of([0, 3_600_000], "matroska,webm", MS) == ([0.0, 3600.0], 0)
    assert seconds_of([0, 26 * 3_600_000], "matroska,webm", MS) == ([0.0, 0.04], 1)


@pytest.mark.parametrize("ahead", [0, 2**33])
def test_stamps_that_wrap_are_counted_on(ahead):
    """FFmpeg gives those from before the wrap as negative ones, or all as they are in the file."""
    raw = [2**33 - 7200 + 3600 * i for i in range(5)]
    stamps = [each - 2**33 for each in raw] if not ahead else [each % 2**33 for each in raw]
    seconds, num_jumps = seconds_of(stamps)
    assert seconds == [each / 90_000 for each in raw]
    assert num_jumps == 0


def test_stamps_that_fall_a_little_stand_still_until_they_caught_up():
    seconds, num_jumps = seconds_of([0, 40, 120, 80, 120, 160], "mp4", MS)
    assert seconds == pytest.approx([0, 0.04, 0.12, 0.12, 0.12, 0.16])
    assert num_jumps == 0
