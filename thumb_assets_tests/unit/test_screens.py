"""Recordings of screens: what tells them, and the states of the screen that have a candidate."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest

from thumb_assets.candidates.plan import plan_candidates
from thumb_assets.candidates.predictor import CandidatePredictor
from thumb_assets.candidates.screens import StateWatch, states_of
from thumb_assets.screens import edge_bits, largest_colour_share
from thumb_assets.settings.stages import CandidatesSettings
from thumb_assets_tests.unit.select.builders import frames_table, shots_table

RATE = 10
SETTINGS = CandidatesSettings()
# Few candidates beside the states.
SPARSE = CandidatesSettings(uniform_interval_seconds=None, use_shots=False)


def frames_of(
    lengths: Sequence[int], *, flat: float = 0.9, change: float = 5.0, restless: Sequence[int] = ()
) -> pa.Table:
    """Frames of states of so many frames each; the first of each differs, and in `restless` ones every frame."""
    differences: list[float | None] = []
    for state, length in enumerate(lengths):
        differences += [change] * length if state in restless else [change, *[0.01] * (length - 1)]
    differences[0] = None
    seconds = [frame / RATE for frame in range(len(differences))]
    shares = [flat if frame % RATE == 0 else None for frame in range(len(differences))]
    return frames_table(seconds, frame_difference=differences, largest_colour_share=shares)


def shown(frames: pa.Table, settings: CandidatesSettings = SETTINGS) -> list[int]:
    return states_of(frames, settings).shown.tolist()


def watched(frames: pa.Table, settings: CandidatesSettings = SETTINGS) -> tuple[dict[int, list[int]], list[int]]:
    """Frames wanted with each frame, and at the end."""
    watch, bounds, wanted = StateWatch(settings), [], {}
    for row in frames.to_pylist():
        bounds.append(row["pts_seconds"])
        named = watch.observe(bounds, row["frame_difference"], row["largest_colour_share"])
        wanted |= {row["frame_index"]: named} if named else {}
    return wanted, watch.finish([*bounds, bounds[-1] + 1 / RATE])


def test_a_state_is_shown_by_the_frame_a_little_before_its_end():
    states = states_of(frames_of([30, 20, 50]), SETTINGS)
    assert states.starts.tolist() == [0, 30, 50]
    assert states.exclusive_ends.tolist() == [30, 50, 100]
    assert states.shown.tolist() == [26, 46, 96]


def test_a_state_of_half_a_second_is_shown_from_its_middle_and_a_shorter_one_not_at_all():
    assert shown(frames_of([40, 5, 3, 40])) == [36, 42, 84]


def test_a_held_frame_shows_its_state():
    frames = frames_table(
        [0.0, 0.1, 12.0, 12.1, 30.0],
        frame_difference=[None, 0.0, 9.0, 0.1, 9.0],
        largest_colour_share=[0.9, None, 0.9, None, 0.9],
        duration_seconds=[0.1, 11.9, 0.1, 17.9, 5.0],
    )
    assert shown(frames) == [1, 3, 4]


@pytest.mark.parametrize(
    ("lengths", "flat", "restless", "is_screen"),
    [
        ([30, 30, 40], 0.55, (), True),
        ([30, 30, 40], 0.54, (), False),
        ([30, 33, 37], 0.9, (2,), True),
        ([30, 29, 41], 0.9, (2,), False),
    ],
    ids=["flat", "of many colours", "still for 62 %", "still for 58 %"],
)
def test_a_recording_of_screens_is_still_and_of_few_colours(lengths, flat, restless, is_screen):
    frames = frames_of(lengths, flat=flat, restless=restless)
    assert bool(shown(frames)) == is_screen
    assert bool(watched(frames)[1]) == is_screen
    assert shown(frames, SETTINGS.model_copy(update={"screens": "off"})) == []
    assert shown(frames, SETTINGS.model_copy(update={"screens": "on"})) != []


def test_without_differences_there_are_no_states():
    frames = frames_table([0.0, 1.0, 2.0], frame_difference=[None, 0.0, None], largest_colour_share=[0.9] * 3)
    assert shown(frames, SETTINGS.model_copy(update={"screens": "on"})) == []
    assert watched(frames) == ({}, [])
    nothing = frames_table([], frame_difference=[], largest_colour_share=[])
    assert shown(nothing) == []


def test_states_are_named_with_the_frame_that_ends_them_and_all_of_them_at_the_end():
    wanted, at_end = watched(frames_of([30, 5, 3, 20, 42]))
    assert wanted == {30: [26], 35: [32], 58: [54]}
    assert at_end == shown(frames_of([30, 5, 3, 20, 42])) == [26, 32, 54, 96]


def test_states_of_a_restless_beginning_are_named_at_the_end():
    frames = frames_of([20, 10, 20, 60], restless=(0,))
    wanted, at_end = watched(frames)
    assert not any(frame < 50 for frame in wanted)
    assert at_end == shown(frames) == [26, 46, 106]


@pytest.mark.parametrize("seed", range(20))
def test_what_is_named_at_the_end_is_what_is_planned(seed):
    random = np.random.default_rng(seed)
    lengths = random.integers(1, 30, 12).tolist()
    frames = frames_of(lengths, flat=0.56, restless=random.choice(12, 3).tolist())
    wanted, at_end = watched(frames)
    assert at_end == shown(frames)
    assert not at_end or {frame for named in wanted.values() for frame in named} <= set(at_end)


def test_each_state_is_a_candidate_with_its_span():
    frames = frames_of([30, 20, 50])
    candidates = plan_candidates(frames, shots_table([0], num_frames=100), SPARSE).to_pylist()
    states = {row["frame_index"]: row for row in candidates if "state" in row["sampling_methods"]}
    spans = {
        frame: (row["state_start_frame_index"], row["state_exclusive_end_frame_index"]) for frame, row in states.items()
    }
    assert spans == {26: (0, 30), 46: (30, 50), 96: (50, 100)}


def test_a_video_that_is_no_recording_has_the_candidates_it_had():
    frames = frames_of([30, 20, 50], flat=0.2)
    shots = shots_table([0], num_frames=100)
    table = plan_candidates(frames, shots, SETTINGS)
    assert table.column("state_start_frame_index").null_count == table.num_rows
    assert table.equals(plan_candidates(frames, shots, SETTINGS.model_copy(update={"screens": "off"})))


def test_the_predictor_names_every_candidate():
    frames = frames_of([30, 20, 5, 45])
    predictor = CandidatePredictor(SETTINGS)
    wanted: list[int] = []
    for row in frames.to_pylist():
        wanted += predictor.observe(
            row["frame_index"],
            pts_seconds=row["pts_seconds"],
            is_keyframe=row["is_keyframe"],
            frame_difference=row["frame_difference"],
            colour_share=row["largest_colour_share"],
        )
    assert {26, 46, 52} <= set(wanted), "before the end"
    wanted += predictor.finish(last_seconds=1 / RATE)
    planned = plan_candidates(frames, shots_table([0], num_frames=100), SETTINGS).column("frame_index").to_pylist()
    assert len(wanted) == len(set(wanted))
    assert set(planned) <= set(wanted)


def test_a_flat_ground_is_the_largest_colour():
    picture = np.full((144, 256, 3), 250, np.uint8)
    picture[:72, :128] = np.random.default_rng(0).integers(0, 256, (72, 128, 3))
    assert largest_colour_share(picture) == pytest.approx(0.75, abs=0.02)
    filmed = np.random.default_rng(0).integers(0, 256, (144, 256, 3)).astype(np.uint8)
    assert largest_colour_share(filmed) < 0.01
    assert largest_colour_share(np.full((2, 3, 3), 7, np.uint8)) == 1.0


def test_edges_are_where_light_changes():
    luma = np.full((540, 960), 255, np.uint8)
    luma[100:200, 300:500] = 0
    edges = np.unpackbits(np.frombuffer(bytes.fromhex(edge_bits(luma)), np.uint8)).reshape(108, 192)
    rows, columns = np.nonzero(edges)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == pytest.approx((20, 40, 60, 100), abs=1)
    assert edges[25:35, 65:95].sum() == 0
    assert np.unpackbits(np.frombuffer(bytes.fromhex(edge_bits(np.zeros((90, 50), np.uint8))), np.uint8)).sum() == 0
