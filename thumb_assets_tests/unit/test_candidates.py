from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest

from thumb_assets.candidates.plan import plan_candidates
from thumb_assets.candidates.predictor import CandidatePredictor
from thumb_assets.candidates.rules import shot_candidates
from thumb_assets.errors import ContractError
from thumb_assets.settings.stages import CandidatesSettings
from thumb_assets.tables.conform import contract_problems, empty_table, table_from_rows

VIDEO_ID = "clip-0a1b2c3d"
SETTINGS = CandidatesSettings()
PLAIN = CandidatesSettings(shot_end_seconds=None, min_num_candidates=0)
ONLY_SHOTS = CandidatesSettings(uniform_interval_seconds=None, shot_end_seconds=None)
NOTHING = CandidatesSettings(use_shots=False, uniform_interval_seconds=None)
RATE = 10


def frames_table(seconds: Sequence[float], keyframes: Sequence[int] = (0,), last_seconds: float = 1 / RATE) -> pa.Table:
    shown = [*np.maximum(np.diff(seconds), 0).tolist(), last_seconds][: len(seconds)]
    names = ("luma_hash", "luma_mean", "luma_std", "laplacian_variance", "frame_difference", "largest_colour_share")
    measured = dict.fromkeys(names)
    return table_from_rows(
        "frames",
        [
            {
                "video_id": VIDEO_ID,
                "frame_index": frame_index,
                "pts": frame_index,
                "pts_seconds": pts_seconds,
                "duration_seconds": duration_seconds,
                "is_keyframe": frame_index in keyframes,
                "field_order": "progressive",
                "is_corrupt": None,
                "chroma_hash": None,
                **measured,
            }
            for frame_index, (pts_seconds, duration_seconds) in enumerate(zip(seconds, shown, strict=True))
        ],
    )


def shots_table(starts: Sequence[int], num_frames: int) -> pa.Table:
    return table_from_rows(
        "shots",
        [
            {
                "video_id": VIDEO_ID,
                "shot_index": shot_index,
                "start_frame_index": start,
                "exclusive_end_frame_index": exclusive_end,
                "start_pts": start,
                "detector": "adaptive",
                "transition": "cut",
                "detector_score": None,
            }
            for shot_index, (start, exclusive_end) in enumerate(zip(starts, [*starts[1:], num_frames], strict=True))
        ],
    )


def steady(num_frames: int) -> list[float]:
    return [frame_index / RATE for frame_index in range(num_frames)]


def plan(seconds, starts, settings, keyframes=(0,), last_seconds=1 / RATE) -> dict[int, list[str]]:
    frames = frames_table(seconds, keyframes, last_seconds)
    table = plan_candidates(frames, shots_table(starts, len(seconds)), settings)
    assert contract_problems("candidate_frames", table) == []
    return dict(zip(table["frame_index"].to_pylist(), table["sampling_methods"].to_pylist(), strict=True))


def test_shot_asks_for_the_frame_on_screen_at_the_offset():
    offset = round(SETTINGS.shot_offset_seconds * RATE)
    assert plan(steady(30), [0, 20], ONLY_SHOTS) == {offset: ["shot"], 20 + offset: ["shot"]}


def test_shot_shorter_than_the_offset_asks_for_its_middle():
    assert plan(steady(10), [0, 7, 9], ONLY_SHOTS) == {4: ["shot"], 8: ["shot"], 9: ["shot"]}


def test_uniform_asks_for_the_middle_of_every_interval():
    settings = CandidatesSettings(use_shots=False, uniform_interval_seconds=1.0, min_num_candidates=0)
    assert list(plan(steady(30), [0], settings)) == [5, 15, 25]


def test_uniform_counts_from_the_first_stamp():
    settings = CandidatesSettings(use_shots=False, uniform_interval_seconds=1.0, min_num_candidates=0)
    assert list(plan([-0.7 + value for value in steady(12)], [0], settings)) == [5]


def test_uniform_asks_for_what_is_on_screen_however_long_and_names_a_frame_once():
    settings = CandidatesSettings(use_shots=False, uniform_interval_seconds=1.0, min_num_candidates=0)
    assert list(plan([0.0, 0.1, 7.0, 7.1, 7.6], [0], settings)) == [1, 3]


def test_methods_merge_on_the_frame_in_fixed_order():
    settings = PLAIN.model_copy(update={"uniform_interval_seconds": 0.8, "use_keyframes": True, "every_num_frames": 4})
    table = plan(steady(9), [0], settings, keyframes=(0, 4))
    assert table == {0: ["keyframe", "every"], 4: ["shot", "uniform", "keyframe", "every"], 8: ["every"]}


def test_candidates_know_their_shot_and_stamp():
    table = plan_candidates(frames_table(steady(30)), shots_table([0, 20], 30), SETTINGS)
    assert table["shot_index"].to_pylist() == [int(frame >= 20) for frame in table["frame_index"].to_pylist()]
    assert table["pts_seconds"].to_pylist() == [frame / RATE for frame in table["frame_index"].to_pylist()]


@pytest.mark.parametrize("settings", [PLAIN, ONLY_SHOTS, NOTHING])
def test_one_frame_video_has_one_candidate(settings):
    assert plan([3.5], [0], settings) == {0: ["shot"]}


def test_video_too_short_for_the_grid_falls_back_to_its_first_shot():
    settings = NOTHING.model_copy(update={"uniform_interval_seconds": 100.0, "min_num_candidates": 0})
    assert plan(steady(30), [0, 10], settings) == {4: ["shot"]}


def test_video_without_a_keyframe_falls_back_too():
    settings = NOTHING.model_copy(update={"use_keyframes": True})
    assert plan(steady(3), [0], settings, keyframes=()) == {1: ["shot"]}


def test_jump_back_is_searched_by_frame_index():
    seconds = [0.0, 0.1, 0.2, 0.0, 0.1, 0.2, 0.3, 0.4, 0.5]
    assert plan(seconds, [0, 3], ONLY_SHOTS) == {1: ["shot"], 7: ["shot"]}


def test_offset_of_zero_stays_in_the_shot_when_stamps_repeat():
    settings = ONLY_SHOTS.model_copy(update={"shot_offset_seconds": 0.0})
    assert list(plan([0.0, 1.0, 1.0, 1.0], [0, 2], settings)) == [0, 3]


def test_absurd_stamp_costs_neither_time_nor_candidates():
    settings = PLAIN.model_copy(update={"use_shots": False, "uniform_interval_seconds": 1e-6})
    assert list(plan([0.0, 9e18, 0.1], [0], settings)) == [0]


def test_the_frame_on_screen_is_asked_for_not_the_next_one():
    """A picture that stays, one black frame at its end: no moment of the grid sees the latter."""
    settings = PLAIN.model_copy(update={"use_shots": False})
    assert list(plan([0.0, 300.0], [0], settings)) == [0]
    assert list(plan([0.0, 300.0], [0], PLAIN)) == [0]


def test_pictures_that_stay_are_asked_for_not_what_passes_between_them():
    seconds = [20.0 * slide + step for slide in range(4) for step in (0.0, 19.84, 19.88, 19.92, 19.96)][:-4]
    assert set(plan(seconds, [0], PLAIN, last_seconds=20.0)) == {0, 5, 10, 15}


def test_the_rest_behind_the_last_interval_is_sampled():
    settings = NOTHING.model_copy(update={"uniform_interval_seconds": 1.0})
    assert list(plan(steady(104), [0], settings))[-2:] == [95, 102]
    assert list(plan(steady(107), [0], settings))[-2:] == [95, 105]
    assert list(plan(steady(100), [0], settings))[-2:] == [85, 95]


@pytest.mark.parametrize(("num_frames", "num_candidates"), [(19, 8), (8, 8), (3, 3), (1, 1), (100, 8)])
def test_short_videos_have_enough_candidates(num_frames, num_candidates):
    settings = CandidatesSettings(use_shots=False)
    assert len(plan(steady(num_frames), [0], settings)) == num_candidates


def test_what_is_shown_longest_fills_up_a_short_video():
    settings = CandidatesSettings(use_shots=False, min_num_candidates=3)
    assert list(plan([0.0, 0.01, 0.02, 0.03, 0.05, 0.06], [0], settings, last_seconds=2.0)) == [0, 3, 5]


def test_each_shot_has_a_candidate_near_its_end_outside_the_margin():
    settings = ONLY_SHOTS.model_copy(update={"shot_end_seconds": 0.2})
    assert plan(steady(50), [0, 20], settings) == {
        4: ["shot"], 18: ["shot_end"], 24: ["shot"], 48: ["shot_end"],
    }  # fmt: skip
    assert list(plan(steady(50), [0, 42], settings)) == [4, 40, 46], "a short shot's one is near its end"


def test_a_shot_that_dissolves_is_sampled_earlier():
    shots = shots_table([0, 20], 50)
    shots = shots.set_column(shots.column_names.index("transition"), "transition", pa.array(["cut", "dissolve"]))
    settings = ONLY_SHOTS.model_copy(update={"shot_end_seconds": 0.2})
    assert plan_candidates(frames_table(steady(50)), shots, settings)["frame_index"].to_pylist()[:2] == [4, 13]


def test_no_frame_no_candidate():
    table = plan_candidates(empty_table("frames"), empty_table("shots"), SETTINGS)
    assert table.equals(empty_table("candidate_frames"))


@pytest.mark.parametrize("shots", [shots_table([1], 10), shots_table([0], 9), empty_table("shots")])
def test_shots_that_do_not_tile_are_an_error(shots):
    with pytest.raises(ContractError, match="tile"):
        plan_candidates(frames_table(steady(10)), shots, SETTINGS)


def test_missing_frame_is_an_error():
    frames = frames_table(steady(10)).filter(np.arange(10) != 5)
    with pytest.raises(ContractError, match="frame_index"):
        plan_candidates(frames, shots_table([0], 9), SETTINGS)


def test_shot_of_any_length_gets_a_frame_of_its_own():
    starts = np.array([0, 1, 3, 6])
    ends = np.array([1, 3, 6, 20])
    chosen = shot_candidates(np.arange(21) / RATE, starts, ends, shot_offset_seconds=100.0)
    assert chosen.tolist() == [0, 2, 4, 13]


def observe_all(settings, num_frames, announcements):
    predictor = CandidatePredictor(settings)
    answers = {
        frame_index: predictor.observe(
            frame_index,
            pts_seconds=frame_index / RATE,
            is_keyframe=frame_index == 0,
            shot_starts=announcements.get(frame_index, ()),
        )
        for frame_index in range(num_frames)
    }
    answers["finish"] = predictor.finish(announcements.get("finish", ()), last_seconds=1 / RATE)
    return {when: frames for when, frames in answers.items() if frames}


def test_ordinary_shots_are_wanted_when_the_next_frame_arrives():
    assert observe_all(ONLY_SHOTS, 30, {12: [10], 21: [20]}) == {5: [4], 15: [14], 25: [24]}


def test_stamps_that_sums_of_floats_miss_bring_no_other_frame():
    num_frames, starts = 1000, list(range(0, 1000, 13))
    predictor = CandidatePredictor(ONLY_SHOTS)
    named = []
    for frame_index in range(num_frames):
        announced = [frame_index] if frame_index in starts else []
        moment = frame_index / 25
        named += predictor.observe(frame_index, pts_seconds=moment, is_keyframe=False, shot_starts=announced)
    named += predictor.finish(last_seconds=1 / 25)
    frames = frames_table([index / 25 for index in range(num_frames)], last_seconds=1 / 25)
    planned = plan_candidates(frames, shots_table(starts, num_frames), ONLY_SHOTS)
    assert sorted(named) == planned.column("frame_index").to_pylist()


def test_late_announcement_names_the_earlier_frame():
    assert observe_all(ONLY_SHOTS, 30, {17: [10]}) == {5: [4], 17: [14]}


def test_short_shot_is_wanted_when_it_has_ended():
    assert observe_all(ONLY_SHOTS, 20, {11: [10], 13: [12]}) == {5: [4], 13: [11], 17: [16]}


def test_finish_serves_the_last_shot_and_the_last_announcements():
    assert observe_all(ONLY_SHOTS, 3, {}) == {"finish": [1]}
    assert observe_all(ONLY_SHOTS, 20, {"finish": [10, 18]}) == {5: [4], "finish": [14, 19]}


def test_announcement_out_of_order_splits_a_shot_that_was_closed():
    assert observe_all(ONLY_SHOTS, 30, {20: [20], 22: [10]}) == {5: [4], 22: [14], 25: [24]}


def test_repeated_announcement_changes_nothing():
    assert observe_all(ONLY_SHOTS, 20, {0: [0], 10: [10], 12: [0, 10]}) == {5: [4], 15: [14]}


def test_frame_is_named_once_however_many_ask():
    settings = PLAIN.model_copy(update={"uniform_interval_seconds": 0.8, "use_keyframes": True, "every_num_frames": 4})
    assert observe_all(settings, 9, {}) == {0: [0], 4: [4], 8: [8]}


def test_first_shot_is_wanted_even_if_no_method_is_on():
    assert observe_all(NOTHING, 30, {10: [10]}) == {5: [4]}


def test_misuse_of_the_predictor_is_an_error():
    predictor = CandidatePredictor(SETTINGS)
    with pytest.raises(ValueError, match="expected 0"):
        predictor.observe(1, pts_seconds=0.0, is_keyframe=True)
    with pytest.raises(ValueError, match="shot start 1"):
        predictor.observe(0, pts_seconds=0.0, is_keyframe=True, shot_starts=[1])
    assert CandidatePredictor(SETTINGS).finish() == []


def partly_decoded(num_frames: int, decoded: Sequence[int]) -> pa.Table:
    """Frames of which only some have a hash."""
    table = frames_table(steady(num_frames))
    hashes = pa.array(["ab" if index in decoded else None for index in range(num_frames)])
    return table.set_column(table.column_names.index("luma_hash"), "luma_hash", hashes)


def test_decoded_frames_stand_in_for_those_that_were_not() -> None:
    frames, shots = partly_decoded(90, [0, 30, 60]), shots_table([0, 25], 90)
    candidates = plan_candidates(frames, shots, PLAIN.model_copy(update={"uniform_interval_seconds": 3.0}))
    # Asked for are 4 and 29 for the shots, 15, 45 and 75 for the grid.
    assert candidates.column("frame_index").to_pylist() == [0, 30, 60]
    assert candidates.column("shot_index").to_pylist() == [0, 1, 1]
    assert candidates.column("sampling_methods").to_pylist() == [["shot", "uniform"], ["shot"], ["uniform"]]


def test_a_shot_of_which_nothing_was_decoded_has_no_candidate() -> None:
    frames, shots = partly_decoded(90, [0, 60]), shots_table([0, 20, 40], 90)
    candidates = plan_candidates(frames, shots, ONLY_SHOTS)
    assert candidates.column("shot_index").to_pylist() == [0, 2]


def test_a_video_of_which_something_was_decoded_has_a_candidate() -> None:
    frames = partly_decoded(90, [60])
    for settings in (SETTINGS, ONLY_SHOTS, NOTHING):
        assert plan_candidates(frames, shots_table([0], 90), settings).column("frame_index").to_pylist() == [60]


def test_tables_with_every_hash_are_planned_as_ever() -> None:
    shots = shots_table([0, 25], 90)
    complete = plan_candidates(partly_decoded(90, range(90)), shots, SETTINGS)
    assert complete.equals(plan_candidates(frames_table(steady(90)), shots, SETTINGS))


def test_pinned_frames_are_candidates_whatever_the_settings():
    frames, shots = frames_table(steady(40)), shots_table([0, 20], 40)
    table = plan_candidates(frames, shots, ONLY_SHOTS, pinned=[7, 25, 4000])
    methods = dict(zip(*(table.column(name).to_pylist() for name in ("frame_index", "sampling_methods")), strict=True))
    alone = plan_candidates(frames, shots, ONLY_SHOTS).column("frame_index").to_pylist()
    assert sorted(methods) == sorted({*alone, 7, 25})
    assert methods[7] == ["pinned"]
    assert methods[25] == ["pinned"]


def test_a_pinned_frame_alone_does_not_stand_for_the_video():
    table = plan_candidates(frames_table(steady(40)), shots_table([0], 40), NOTHING, pinned=[7])
    assert table.num_rows == 2, "the first shot's rule as well, as where nothing is pinned"


def test_what_another_method_asks_for_too_says_both():
    frames, shots = frames_table(steady(40)), shots_table([0], 40)
    (own,) = plan_candidates(frames, shots, ONLY_SHOTS).column("frame_index").to_pylist()
    table = plan_candidates(frames, shots, ONLY_SHOTS, pinned=[own])
    assert table.column("sampling_methods").to_pylist() == [["shot", "pinned"]]
