"""Videos that show nothing: which they are, and what is chosen of them."""

from collections.abc import Mapping

import pytest

from thumb_assets.select.choose import Choice
from thumb_assets.select.tell import nothing_kept
from thumb_assets.settings.selection import RejectSettings, SelectionSettings
from thumb_assets_tests.unit.select.builders import (
    Case,
    appearance_table,
    by_frame,
    candidates_table,
    decisions_table,
    frames_table,
    ranking,
    sharpness_table,
    shots_table,
)

FRAMES = range(6)
CANDIDATES = candidates_table({frame: 10.0 * frame for frame in FRAMES})
ALL_BUT_ONE = range(1, 6)


def video(means: Mapping[int, float], stds: Mapping[int, float], *, frames: range = FRAMES, **tables: object) -> Case:
    sharpness = sharpness_table(dict.fromkeys(frames, 1.0), luma_means=means, luma_stds=stds)
    candidates = candidates_table({frame: 10.0 * frame for frame in frames})
    return Case(candidates, sharpness, **tables)


def even(mean: float, std: float, *, frames: range = FRAMES, **tables: object) -> Case:
    return video(dict.fromkeys(frames, mean), dict.fromkeys(frames, std), frames=frames, **tables)


def reasons(choice: Choice) -> set[str]:
    return set(choice.rejections.column("reason").to_pylist())


@pytest.mark.parametrize(("mean", "reason"), [(0.0, "too_dark"), (120.0, "too_flat"), (255.0, "too_flat")])
def test_of_a_black_or_blank_video_nothing_is_chosen(mean, reason):
    choice = even(mean, 0.5).choose()
    assert ranking(choice) == []
    assert reasons(choice) == {reason}
    kept = even(mean, 0.5).choose(settings=SelectionSettings(keep_least_bad=True))
    assert len(ranking(kept)) == 3
    assert "kept though" in kept.selections.column("reason")[0].as_py()


def test_a_night_scene_is_the_last_resort():
    choice = even(5.0, 20.0).choose()
    assert len(ranking(choice)) == 3
    assert "kept though too dark" in choice.selections.column("reason")[0].as_py()


def test_one_good_frame_of_a_black_video_is_all_that_is_chosen():
    choice = video(dict.fromkeys(ALL_BUT_ONE, 0.0), dict.fromkeys(ALL_BUT_ONE, 0.0)).choose()
    assert ranking(choice) == [0]


def test_a_damaged_frame_is_chosen_before_a_black_one():
    frames = frames_table(
        [10.0 * frame for frame in FRAMES],
        is_corrupt=[frame == 0 for frame in FRAMES],
        is_keyframe=[frame <= 1 for frame in FRAMES],
    )
    case = video(
        dict.fromkeys(ALL_BUT_ONE, 0.0),
        dict.fromkeys(ALL_BUT_ONE, 0.0),
        frames=FRAMES,
    )
    choice = case.choose(frames=frames)
    assert ranking(choice) == [0]
    assert "kept though damaged" in by_frame(choice.selections)[0]["reason"]


@pytest.mark.parametrize("decision", ["pin", "cover"])
def test_what_people_chose_is_chosen_of_a_black_video(decision):
    choice = even(0.0, 0.0, decisions=decisions_table({3: decision})).choose()
    assert ranking(choice) == [3]


def test_a_single_blank_picture_is_kept_and_a_black_one_is_not():
    one = range(1)
    assert ranking(even(250.0, 0.0, frames=one).choose()) == [0]
    assert ranking(even(0.0, 0.0, frames=one).choose()) == []


def test_a_stricter_rule_makes_no_video_nothing():
    settings = SelectionSettings(reject=RejectSettings(min_luma_std=30.0))
    assert ranking(even(120.0, 20.0).choose(settings=settings))


def test_of_a_test_pattern_nothing_is_chosen():
    bars = appearance_table(FRAMES, colour_bar_share=dict.fromkeys(FRAMES, 0.98))
    choice = Case(CANDIDATES, appearance=bars).choose()
    assert ranking(choice) == []
    assert reasons(choice) == {"test_pattern"}
    others = appearance_table(FRAMES, colour_bar_share=dict.fromkeys(FRAMES, 0.98) | {4: 0.0})
    assert ranking(Case(CANDIDATES, appearance=others).choose()) == [4]


def blurred(acutance: Mapping[int, float], *, variance: float) -> Choice:
    sharpness = sharpness_table(dict.fromkeys(FRAMES, variance), luma_stds=dict.fromkeys(FRAMES, 50.0))
    return Case(CANDIDATES, sharpness, appearance=appearance_table(FRAMES, acutance=acutance)).choose()


def test_nothing_is_chosen_where_all_is_hopelessly_blurred():
    soft = dict.fromkeys(FRAMES, 0.15)
    choice = blurred(soft, variance=5.0)
    assert ranking(choice) == []
    assert reasons(choice) == {"without_detail"}
    # A dark scene has no edge that stands out, and has its fine structure.
    assert ranking(blurred(soft, variance=60.0))
    # Where one frame is sharp the others are blurred, as in any video.
    one_is_sharp = blurred(soft | {2: 0.4}, variance=5.0)
    assert 2 in ranking(one_is_sharp)
    assert "without_detail" not in reasons(one_is_sharp)


def test_a_black_video_that_stands_still_is_no_recording_of_a_screen():
    spans = {frame: (10 * frame, 10 * frame + 10) for frame in FRAMES}
    candidates = candidates_table({frame: 10.0 * frame for frame in FRAMES}, dict.fromkeys(FRAMES, 0), spans)
    tables = {"frames": frames_table(list(range(60))), "shots": shots_table([0], num_frames=60)}
    dark = sharpness_table(
        dict.fromkeys(FRAMES, 1.0), luma_means=dict.fromkeys(FRAMES, 0.0), luma_stds=dict.fromkeys(FRAMES, 0.0)
    )
    choice = Case(candidates, dark, **tables).choose()
    assert ranking(choice) == []
    assert reasons(choice) == {"too_dark"}


def test_the_reason_counts_the_candidates():
    assert nothing_kept({"too_flat": 1}).endswith(": 1 of 1 candidate too flat")
    assert nothing_kept({"banned": 2, "too_dark": 3}).endswith(": 3 of 5 candidates too dark, 2 banned")
    assert nothing_kept({}).endswith(": it has no candidate")
