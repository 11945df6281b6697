"""Segments on the wall clock: bursts, drifts, restarts and clocks that are set back."""

from itertools import pairwise

import pytest

from thumb_assets.live.recorder import begin_of_name, file_name_of
from thumb_assets.live.timeline import Timeline


def _segment(timeline: Timeline, begin: float, *, shown_at: float, delays: tuple[float, ...]) -> tuple[float, float]:
    """Places four seconds whose stamp 0 was shown at a time, the packets of which came so late."""
    for index, delay in enumerate(delays):
        stamp = begin + 4.0 * index / len(delays)
        timeline.saw(shown_at + stamp + delay, stamp)
    span = timeline.place(begin, begin + 4.0)
    return span.begins_at, span.ends_at


def test_what_came_soonest_tells_when_all_was_shown() -> None:
    timeline = Timeline(None)
    assert _segment(timeline, 0.0, shown_at=100.0, delays=(3.0, 2.0, 0.0)) == (100.0, 104.0)
    # Late packets, as after a pause of the network, move nothing.
    assert _segment(timeline, 4.0, shown_at=100.0, delays=(9.0, 8.0, 7.0)) == (104.0, 108.0)


def test_a_burst_that_was_placed_too_late_is_put_right_by_the_next_segments() -> None:
    timeline = Timeline(None)
    assert _segment(timeline, 0.0, shown_at=100.0, delays=(6.0, 5.0)) == (105.0, 109.0)
    assert _segment(timeline, 4.0, shown_at=100.0, delays=(1.0, 0.0)) == (109.0, 109.002)
    assert _segment(timeline, 8.0, shown_at=100.0, delays=(0.0, 0.0)) == (109.002, 112.0)
    assert _segment(timeline, 12.0, shown_at=100.0, delays=(0.0, 0.0)) == (112.0, 116.0)


def test_after_a_restart_stamps_are_of_another_clock() -> None:
    timeline = Timeline(None)
    _segment(timeline, 500.0, shown_at=100.0, delays=(0.0,))
    timeline.begin_run()
    assert _segment(timeline, 0.0, shown_at=650.0, delays=(0.0,)) == (650.0, 654.0)


def test_what_a_source_kept_while_it_was_lost_is_placed_where_it_was_shown() -> None:
    timeline = Timeline(None)
    _segment(timeline, 0.0, shown_at=100.0, delays=(1.0, 0.2))
    timeline.resume_run()
    timeline.resume_run()  # lost once more before a frame came
    assert _segment(timeline, 4.0, shown_at=100.0, delays=(4.5, 2.5)) == pytest.approx((104.2, 108.2))
    assert _segment(timeline, 8.0, shown_at=100.0, delays=(2.0, 1.0)) == pytest.approx((108.2, 112.2))


def test_stamps_that_go_on_by_chance_after_a_loss_are_of_another_clock() -> None:
    timeline = Timeline(None)
    _segment(timeline, 0.0, shown_at=100.0, delays=(0.0,))
    timeline.resume_run()
    # Its sender began anew 40 s later and has come so far; placed by the former clock it would lie 40 s too early.
    assert _segment(timeline, 8.0, shown_at=140.0, delays=(0.3, 0.1)) == pytest.approx((148.1, 152.1))


def test_time_never_goes_backwards() -> None:
    timeline = Timeline(1000.0)
    # Our clock was set back by an hour.
    assert _segment(timeline, 0.0, shown_at=1000.0 - 3600, delays=(0.0,)) == (1000.0, 1000.002)
    later = _segment(timeline, 4.0, shown_at=1000.0 - 3600, delays=(0.0,))
    assert later == pytest.approx((1000.002, 1000.004), abs=1e-6)


def test_a_source_whose_clock_runs_fast_does_not_run_ahead() -> None:
    timeline = Timeline(None)
    spans = [_segment(timeline, 4.0 * each, shown_at=1000.0 - each, delays=(0.0,)) for each in range(40)]
    assert all(before[1] <= after[0] for before, after in pairwise(spans))
    assert spans[-1][1] == 1000.0 - 39 + 160


def test_a_name_says_when_its_segment_begins() -> None:
    for begin in (1764450312.345, 1764450312.9996, 0.0):
        assert abs((begin_of_name(file_name_of("door", begin), "door") or 0) - begin) <= 0.0005
    assert begin_of_name("door-2-20251129T210512345Z.mkv", "door") is None
    assert begin_of_name("door-20259929T210512345Z.mkv", "door") is None
