import numpy as np
import pytest

from thumb_assets.select.surroundings import SURROUNDINGS, surroundings
from thumb_assets_tests.unit.select.builders import candidates_table, frames_table, shots_table

NUM_FRAMES = 100
SECONDS = [frame / 10 for frame in range(NUM_FRAMES)]
CANDIDATES = candidates_table({frame: SECONDS[frame] for frame in (0, 29, 30, 55, 99)})


def around(*, shots=None, seconds=SECONDS, candidates=CANDIDATES, **columns):
    """By candidate's frame_index, the values of each name."""
    table = frames_table(seconds, **{name: list(values) for name, values in columns.items()})
    values = surroundings(candidates, frames=table, shots=shots)
    indices = candidates.column("frame_index").to_pylist()
    return {name: dict(zip(indices, of_name.tolist(), strict=True)) for name, of_name in values.items()}


def test_without_frames_nothing_is_known():
    values = surroundings(CANDIDATES, frames=None, shots=shots_table([0, 30], num_frames=NUM_FRAMES))
    assert tuple(values) == tuple(SURROUNDINGS)
    assert all(np.isnan(of_name).all() and of_name.shape == (5,) for of_name in values.values())


def test_distances_are_to_the_nearest_frame_beyond_a_cut_or_a_transition():
    shots = shots_table([0, 30, 60], num_frames=NUM_FRAMES, transitions={60: "dissolve"})
    values = around(shots=shots)
    # The last frame of a shot and the first of the next are one frame from each other.
    expected = {0: 3.0, 29: 0.1, 30: 0.1, 55: 2.6, 99: 7.0}
    assert values["cut_distance_seconds"] == pytest.approx(expected)
    assert values["transition_distance_seconds"] == pytest.approx({0: 6.0, 29: 3.1, 30: 3.0, 55: 0.5, 99: 4.0})


def test_distances_are_whole_frames_whatever_floats_say():
    seconds = [frame / 25 for frame in range(NUM_FRAMES)]
    shots = shots_table([0, 33], num_frames=NUM_FRAMES)
    values = around(shots=shots, seconds=seconds, candidates=candidates_table({35: seconds[35], 97: seconds[97]}))
    assert seconds[35] - seconds[32] < 0.12
    assert values["cut_distance_seconds"] == {35: 0.12, 97: 2.6}


def test_a_sync_frame_that_begins_its_shot_holds_nothing_of_the_one_before():
    """An encoder puts one where the picture changes, and a sparse pass has often nothing else to choose from."""
    shots = shots_table([0, 30, 60], num_frames=NUM_FRAMES)
    is_keyframe = [frame in {0, 29, 30} for frame in range(NUM_FRAMES)]
    only = candidates_table({frame: SECONDS[frame] for frame in (0, 29, 30, 99)})
    values = around(shots=shots, is_keyframe=is_keyframe, candidates=only)
    assert values["cut_distance_seconds"] == pytest.approx({0: 3.0, 29: 0.1, 30: 3.0, 99: 4.0})
    # Where its shot has another candidate, there is no need to trust the borders that far.
    values = around(shots=shots, is_keyframe=is_keyframe)
    assert values["cut_distance_seconds"] == pytest.approx({0: 3.0, 29: 0.1, 30: 0.1, 55: 0.5, 99: 4.0})


def test_a_video_of_one_shot_is_infinitely_far_from_any_cut():
    values = around(shots=shots_table([0], num_frames=NUM_FRAMES))
    for name in ("cut_distance_seconds", "transition_distance_seconds"):
        assert set(values[name].values()) == {float("inf")}
    unknown = around()
    assert np.isnan(list(unknown["cut_distance_seconds"].values())).all()


def test_a_shot_s_time_is_divided_among_its_candidates():
    shots = shots_table([0, 30, 60], num_frames=NUM_FRAMES)
    seconds = [*SECONDS[:30], *(second + 1 for second in SECONDS[30:])]  # one second is missing at the cut
    values = around(shots=shots, seconds=seconds)
    # A shot lasts to the frame after its last, and the video's last frame as long as the others.
    assert values["own_seconds"] == pytest.approx({0: 2.0, 29: 2.0, 30: 1.5, 55: 1.5, 99: 4.0})
    assert np.isnan(list(around()["own_seconds"].values())).all()
    lone = surroundings(candidates_table({0: 0.0}), frames=frames_table([0.0]), shots=shots_table([0], num_frames=1))
    assert lone["own_seconds"].tolist() == [0.0]


def test_motion_is_the_mean_of_both_sides_within_the_shot():
    differences = [None, *(float(frame) for frame in range(1, NUM_FRAMES))]
    shots = shots_table([0, 30], num_frames=NUM_FRAMES)
    # 30 is the first of its shot: the difference to 29 is that of the cut, and no motion.
    expected = {0: 1.0, 29: 29.0, 30: 31.0, 55: 55.5, 99: 99.0}
    assert around(shots=shots, frame_difference=differences)["motion"] == expected
    # The greatest of the frames within 0.12 s, which are those at either side; 30's own is the cut's.
    greatest = {0: 1.0, 29: 29.0, 30: 31.0, 55: 56.0, 99: 99.0}
    assert around(shots=shots, frame_difference=differences)["greatest_motion"] == greatest
    slow = around(shots=shots, frame_difference=differences, seconds=[10 * second for second in SECONDS],
                  candidates=candidates_table({frame: float(frame) for frame in (0, 29, 30, 55, 99)}))  # fmt: skip
    assert slow["greatest_motion"] == greatest
    jump = [90.0 if frame == 57 else 1.0 for frame in range(NUM_FRAMES)]
    near = around(frame_difference=jump, seconds=[second / 4 for second in SECONDS])
    assert near["greatest_motion"] == {0: 1.0, 29: 1.0, 30: 1.0, 55: 90.0, 99: 1.0}
    sparse = around(shots=shots, frame_difference=[None] * NUM_FRAMES)["motion"]
    assert np.isnan(list(sparse.values())).all()


def test_shares_are_of_the_best_within_reach_in_the_shot():
    contrasts = [40.0] * NUM_FRAMES
    contrasts[52] = 80.0  # 0.3 s from 55
    contrasts[28] = 50.0  # before the cut: no say on 30, but on 29
    contrasts[85] = 90.0  # farther than 0.8 s from all
    variances = [100.0] * NUM_FRAMES
    variances[60] = 400.0
    shots = shots_table([0, 30], num_frames=NUM_FRAMES)
    values = around(shots=shots, luma_std=contrasts, laplacian_variance=variances)
    assert values["contrast_share"] == pytest.approx({0: 1.0, 29: 0.8, 30: 1.0, 55: 0.5, 99: 1.0})
    assert values["sharpness_share"] == pytest.approx({0: 1.0, 29: 1.0, 30: 1.0, 55: 0.25, 99: 1.0})


def test_a_frame_that_stays_on_screen_is_judged_in_the_middle_of_its_time():
    """A slide between two cross-fades, as a screen recorder writes it: three frames 40 ms apart, then nothing new."""
    seconds = [0.0, 19.88, 19.92, 19.96, 20.0, 39.88, 39.92]
    values = around(
        seconds=seconds,
        candidates=candidates_table({0: 0.0, 2: 19.92, 4: 20.0}),
        shots=shots_table([0, 4], num_frames=7),
        frame_difference=[None, 9.0, 9.0, 9.0, 60.0, 9.0, 9.0],
        luma_std=[50.0, 60.0, 90.0, 70.0, 50.0, 70.0, 80.0],
    )
    assert values["motion"] == {0: 0.0, 2: 9.0, 4: 0.0}
    assert values["greatest_motion"] == {0: 0.0, 2: 9.0, 4: 0.0}
    assert values["contrast_share"] == {0: 1.0, 2: 1.0, 4: 1.0}
    assert values["cut_distance_seconds"] == pytest.approx({0: 10.06, 2: 0.08, 4: 9.98})


def test_black_has_its_full_share_of_nothing():
    values = around(luma_std=[0.0] * NUM_FRAMES, laplacian_variance=[0.0] * NUM_FRAMES)
    assert set(values["contrast_share"].values()) == set(values["sharpness_share"].values()) == {1.0}


def test_a_flash_is_brighter_than_the_second_around_it():
    means = [100.0] * NUM_FRAMES
    means[55] = 180.0
    assert around(luma_mean=means)["brightness_jump"] == {0: 0.0, 29: 0.0, 30: 0.0, 55: 80.0, 99: 0.0}


def test_what_was_not_decoded_is_not_known():
    means = [100.0 if frame % 10 == 5 else None for frame in range(NUM_FRAMES)]
    flags = [False if mean else None for mean in means]
    values = around(luma_mean=means, luma_std=means, laplacian_variance=means, is_corrupt=flags)
    assert values["brightness_jump"][55] == 0.0
    assert values["contrast_share"][55] == 1.0
    assert values["is_damaged"][55] == 0.0
    for name in ("contrast_share", "sharpness_share", "brightness_jump", "is_damaged"):
        assert np.isnan(values[name][30])


def test_damage_goes_on_to_the_next_sync_frame():
    corrupt = [frame in {20, 70} for frame in range(NUM_FRAMES)]
    keyframes = [frame in {0, 30, 80} for frame in range(NUM_FRAMES)]
    values = around(is_corrupt=corrupt, is_keyframe=keyframes)
    assert values["is_damaged"] == {0: 0.0, 29: 1.0, 30: 0.0, 55: 0.0, 99: 0.0}
    none = around(is_corrupt=[frame == 20 for frame in range(NUM_FRAMES)], is_keyframe=[False] * NUM_FRAMES)
    assert none["is_damaged"] == {0: 0.0, 29: 1.0, 30: 1.0, 55: 1.0, 99: 1.0}


def test_the_order_of_rows_changes_nothing():
    random = np.random.default_rng(3)
    frames = frames_table(
        SECONDS,
        frame_difference=random.uniform(0, 30, NUM_FRAMES).tolist(),
        luma_mean=random.uniform(0, 255, NUM_FRAMES).tolist(),
        is_corrupt=(random.uniform(size=NUM_FRAMES) < 0.1).tolist(),
        is_keyframe=(random.uniform(size=NUM_FRAMES) < 0.1).tolist(),
    )
    shots = shots_table([0, 30, 52], num_frames=NUM_FRAMES, transitions={30: "fade"})
    straight = surroundings(CANDIDATES, frames=frames, shots=shots)
    mixed = surroundings(
        CANDIDATES, frames=frames.take(random.permutation(NUM_FRAMES)), shots=shots.take(random.permutation(3))
    )
    for name in SURROUNDINGS:
        np.testing.assert_array_equal(straight[name], mixed[name], name)


def test_stamps_that_fall_and_repeat_are_searched_all_the_same():
    falling = [10.0 - frame / 10 if frame > 40 else frame / 10 for frame in range(NUM_FRAMES)]
    for seconds in (falling, [3.0] * NUM_FRAMES, SECONDS[::-1]):
        values = around(seconds=seconds, shots=shots_table([0, 30], num_frames=NUM_FRAMES))
        for name in ("contrast_share", "sharpness_share", "brightness_jump", "cut_distance_seconds"):
            assert not np.isnan(list(values[name].values())).any()
        assert min(values["cut_distance_seconds"].values()) >= 0
        assert set(values["contrast_share"].values()) == {1.0}


def test_where_stamps_fall_back_time_goes_on_frame_by_frame():
    """The running maximum alone would put all of them at one time, so that each is beside every cut and every jump."""
    falling = [frame / 10 if frame < 50 else (frame - 50) / 10 for frame in range(NUM_FRAMES)]
    jump = [90.0 if frame == 60 else 1.0 for frame in range(NUM_FRAMES)]
    shots = shots_table([0, 52], num_frames=NUM_FRAMES)
    places = candidates_table({frame: falling[frame] for frame in (40, 60, 70, 99)})
    values = around(seconds=falling, shots=shots, frame_difference=jump, candidates=places)
    assert values["greatest_motion"] == {40: 1.0, 60: 90.0, 70: 1.0, 99: 1.0}
    assert values["cut_distance_seconds"] == pytest.approx({40: 1.2, 60: 0.9, 70: 1.9, 99: 4.8})
