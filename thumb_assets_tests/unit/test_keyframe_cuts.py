"""Cuts from packet sizes and sync frames."""

import numpy as np
import numpy.typing as npt

from thumb_assets.settings.stages import ShotsSettings
from thumb_assets.shots.keyframe_cuts import find_steps, picture_difference, weigh_groups

_GOP, _SYNC, _INTER = 60, 10_000, 300


def _sizes(num_groups: int = 3, **spikes: int) -> npt.NDArray[np.int64]:
    sizes = np.full(num_groups * _GOP, _INTER, dtype=np.int64)
    sizes[::_GOP] = _SYNC
    for name, size in spikes.items():
        sizes[int(name.removeprefix("at_"))] = size
    return sizes


def _weigh(
    sizes: npt.NDArray[np.int64], differences: list[float], sync: list[int] | None = None
) -> list[tuple[tuple[int, ...], float]]:
    sync_frames = np.array(sync or range(0, len(sizes), _GOP), dtype=np.int64)
    found = weigh_groups(
        sizes,
        np.arange(len(sizes)),
        sync_frames,
        differences,
        pts_seconds=np.arange(len(sizes)) / 25,
        min_shot_seconds=0.6,
    )
    return [(each.starts, each.certainty) for each in found]


def test_alike_sync_frames_and_even_sizes_are_one_shot() -> None:
    assert _weigh(_sizes(), [0.1, 0.1]) == [((), 1.0)] * 3


def test_a_large_packet_between_different_sync_frames_is_a_cut() -> None:
    assert _weigh(_sizes(at_90=8000), [0.1, 0.9])[1] == ((90,), 0.8)


def test_a_large_packet_between_alike_ones_is_doubtful() -> None:
    starts, certainty = _weigh(_sizes(at_90=8000), [0.1, 0.1])[1]
    assert starts == (90,)
    assert certainty < 0.5


def test_two_cuts_in_a_group() -> None:
    assert _weigh(_sizes(at_80=8000, at_105=7000), [0.1, 0.9])[1][0] == (80, 105)


def test_pulses_are_no_cuts() -> None:
    sizes = np.full(240, _INTER, dtype=np.int64)
    sizes[::120], sizes[10:120:20] = _SYNC, 8000
    assert _weigh(sizes, [0.9], sync=[0, 120])[0] == ((), 0.1)


def test_a_group_that_ends_early_ends_at_a_cut() -> None:
    sizes = _sizes()
    sizes[[60, 100]] = _INTER, _SYNC
    found = _weigh(sizes, [0.9, 0.2], sync=[0, 100, 120])
    assert found[0] == ((), 0.1)  # the longest: nothing says where
    assert found[1] == ((120,), 0.9)


def test_frames_before_a_cut_in_the_file_may_be_of_either_shot() -> None:
    sizes, coding_place = _sizes(at_93=8000), np.arange(180)
    coding_place[90:94] = [91, 92, 93, 90]  # 93 was coded first, 90 to 92 from it and 89
    found = weigh_groups(
        sizes,
        coding_place,
        np.array([0, 60, 120]),
        [0.1, 0.9],
        pts_seconds=np.arange(len(sizes)) / 25,
        min_shot_seconds=0.6,
    )
    assert found[1].starts == (91,)


def test_difference_sees_colour_and_place() -> None:
    left, right = np.zeros((8, 16, 3), np.uint8), np.zeros((8, 16, 3), np.uint8)
    left[:, :8], right[:, 8:] = 255, 255
    assert picture_difference(left, left) == 0.0
    assert picture_difference(left, right) > 0.5  # the same colours elsewhere
    assert picture_difference(left, np.full_like(left, 90)) == 1.0


def test_steps_at_both_borders_are_found() -> None:
    rng = np.random.default_rng(1)
    shots = [rng.integers(0, 256, (36, 64, 3), dtype=np.uint8) for _ in range(3)]
    pictures = [shots[0], *[shots[1]] * 12, shots[2]]
    assert find_steps(pictures, ShotsSettings()) == [1, 13]
    assert find_steps(pictures, ShotsSettings(detector="transnet")) == [1, 13]  # no model is loaded for it
    assert find_steps([shots[0]] * 5, ShotsSettings()) == []
