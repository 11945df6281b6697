"""The walk over a video whose content turns by known angles."""

import numpy as np
import pytest

from thumb_assets.select.keyframes import first_threshold, segments_of
from thumb_assets.settings.selection import KeyframesSettings, SelectionSettings, SimilaritySettings
from thumb_assets_tests.unit.select.builders import (
    Case,
    by_frame,
    candidates_table,
    clip_table,
    decisions_table,
    ranking,
    sharpness_table,
)

FIXED = KeyframesSettings(threshold="fixed", fixed=0.85)


def vectors_at(*angles: float) -> np.ndarray:
    return np.array([[np.cos(angle), np.sin(angle)] for angle in angles], np.float32)


def walk(angles, settings=FIXED, seconds=None):
    times = np.arange(len(angles), dtype=np.float64) if seconds is None else np.array(seconds)
    return segments_of(vectors_at(*angles), times, settings=settings)


def test_content_that_stays_is_one_segment():
    segments = walk([0.0, 0.1, 0.0, 0.2])
    assert segments.indices.tolist() == [0, 0, 0, 0]
    assert segments.similarities.tolist() == pytest.approx(np.cos([0.0, 0.1, 0.0, 0.2]).tolist())
    assert segments.thresholds.tolist() == [0.85] * 4


def test_each_segment_is_measured_from_its_own_beginning():
    segments = walk([0.0, 0.5, 1.0, 1.5, 2.0])  # cos 0.5 is 0.878: like the neighbour, not like the one before
    assert segments.indices.tolist() == [0, 0, 1, 1, 2]
    assert segments.similarities.tolist() == pytest.approx([1.0, np.cos(0.5), 1.0, np.cos(0.5), 1.0])


def test_content_that_comes_back_is_a_new_segment():
    assert walk([0.0, 1.5, 0.0]).indices.tolist() == [0, 1, 2]


def test_what_is_not_known_is_of_the_segment_in_which_it_lies():
    vectors = vectors_at(0.0, 0.1, 0.2, 1.5, 1.6)
    vectors[[0, 2, 4]] = 0.0
    segments = segments_of(vectors, np.arange(5.0), settings=FIXED)
    assert segments.indices.tolist() == [0, 0, 0, 1, 1]


def test_dynamic_thresholds_fall_with_every_segment_to_the_floor():
    settings = KeyframesSettings(threshold="dynamic", fixed=0.9, step=0.1, floor=0.75)
    segments = walk([0.0, 1.5, 0.0, 1.5, 0.0], settings)
    assert segments.indices.tolist() == [0, 1, 2, 3, 4]
    assert segments.thresholds.tolist() == pytest.approx([0.9, 0.9, 0.8, 0.75, 0.75])
    steady = KeyframesSettings(threshold="fixed", fixed=0.9, step=0.1, floor=0.75)
    restless = [place * 0.5 for place in range(12)]
    assert walk(restless, settings).indices[-1] < walk(restless, steady).indices[-1]


@pytest.mark.parametrize("percentile", [0.0, 25.0, 100.0])
def test_the_percentile_is_of_similarities_so_many_seconds_apart(percentile):
    angles = [0.0, 0.1, 0.4, 0.9, 1.0, 1.1]
    settings = KeyframesSettings(threshold="percentile", percentile=percentile, compared_seconds=2.0)
    cosines = [np.cos(later - earlier) for earlier, later in zip(angles, angles[2:], strict=False)]
    found = first_threshold(vectors_at(*angles), np.arange(6.0), settings=settings)
    assert found == pytest.approx(np.percentile(cosines, percentile), abs=1e-6)


def test_a_video_too_short_to_compare_goes_by_the_fixed_threshold():
    settings = KeyframesSettings(threshold="percentile", compared_seconds=60.0, fixed=0.7, floor=0.1)
    assert first_threshold(vectors_at(0.0, 1.0), np.array([0.0, 1.0]), settings=settings) == 0.7


SECONDS = {frame: 2.0 * frame for frame in range(9)}
ANGLES = {frame: [0.0, 1.5, 3.0][frame // 3] for frame in SECONDS}
EMBEDDINGS = {frame: (np.cos(angle), np.sin(angle)) for frame, angle in ANGLES.items()}
SHARPNESS = sharpness_table({0: 5.0, 1: 9.0, 2: 6.0, 3: 4.0, 4: 3.0, 5: 8.0, 6: 7.0, 7: 1.5, 8: 2.0})
SETTINGS = SelectionSettings(
    strategy="keyframes", top_k=9, keyframes=FIXED, similarity=SimilaritySettings(descriptor_weight=0.0)
)
CASE = Case(
    candidates_table(SECONDS, dict.fromkeys(SECONDS, 0)),
    SHARPNESS,
    clip_table(dict.fromkeys(SECONDS, 0.2), embeddings=EMBEDDINGS),
    settings=SETTINGS,
)


def test_of_each_segment_the_best_is_chosen_with_its_number():
    choice = CASE.choose()
    assert sorted(ranking(choice)) == [1, 5, 6]
    assert {frame: row["cluster_index"] for frame, row in by_frame(choice.selections).items()} == {1: 0, 5: 1, 6: 2}


def test_the_rest_of_a_segment_is_the_same_content():
    for frame, row in by_frame(CASE.choose().rejections).items():
        assert (row["stage"], row["reason"], row["threshold"]) == ("diversify", "same_content", 0.85), frame
        assert row["value"] == pytest.approx(1.0, abs=1e-3)


def test_of_more_segments_than_places_the_better_ones_stay():
    choice = CASE.choose(settings=SETTINGS.model_copy(update={"top_k": 2}))
    assert ranking(choice) == [1, 5]
    dropped = by_frame(choice.rejections)
    assert {dropped[frame]["reason"] for frame in (6, 7, 8)} == {"lower_score"}


def test_pinned_ones_stand_beside_their_segment_s_best():
    choice = CASE.choose(decisions=decisions_table({4: "pin", 1: "ban"}))
    # 4 is 2 s from 5: both stay. Of the first segment none is taken, as all look like the banned one.
    assert sorted(ranking(choice)) == [4, 5, 6]
    clusters = {frame: row["cluster_index"] for frame, row in by_frame(choice.selections).items()}
    assert clusters == {4: 0, 5: 0, 6: 1}


def test_without_vectors_the_shots_are_the_segments():
    shots = {frame: frame // 5 for frame in SECONDS}
    choice = CASE.choose(candidates=candidates_table(SECONDS, shots), clip_scores=None)
    assert sorted(ranking(choice)) == [1, 5]
    assert choice.selections.column("cluster_index").to_pylist() == [None, None]
    assert set(choice.rejections.column("reason").to_pylist()) == {"shot_already_selected"}
