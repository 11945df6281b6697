"""Covers for a test: nearly equal scores, different traits; the traits themselves, and what a test says of them."""

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from thumb_assets.appearance import colour_means, describe, gradient_shares
from thumb_assets.learn.labels import LeftOut, read_labels
from thumb_assets.select.traits import TRAITS, UNKNOWN, traits_of, words_of_traits
from thumb_assets.settings.selection import SelectionSettings
from thumb_assets_tests.unit.select.builders import (
    VIDEO_ID,
    Case,
    appearance_table,
    by_frame,
    candidates_table,
    decisions_table,
    face_boxes_table,
    faces_table,
    ranking,
    sharpness_table,
    subjects_table,
)

SECONDS = {frame: 2.0 * frame for frame in range(8)}
# Best: a face from near in even light. Alike: 1. Different: 2 (dark, far), 3 (no face, bright). 7 scores far less.
LUMA = {0: 120.0, 1: 120.0, 2: 60.0, 3: 180.0, 4: 120.0, 5: 130.0, 6: 110.0, 7: 30.0}
FACES = faces_table([(0, 1.0, 400.0), (1, 1.0, 420.0), (2, 1.0, 100.0), (4, 1.0, 390.0), (5, 1.0, 380.0)])
SUBJECTS = subjects_table({frame: (0.02 if frame in {3, 6} else 0.4, 0.0) for frame in SECONDS})
ONLY_SHARPNESS = {"clip": 0.0, "contrast": 0.0, "subject": 0.0, "sharpness": 1.0}
SETTINGS = SelectionSettings.model_validate(
    {"strategy": "variants", "face_bonus": 0.0, "weights": ONLY_SHARPNESS, "near_equal_share": 0.3}
)
CASE = Case(
    candidates_table(SECONDS),
    sharpness_table({frame: 100.0 - frame for frame in SECONDS}, luma_means=LUMA),
    faces=FACES,
    others={"subjects": SUBJECTS},
    settings=SETTINGS,
)


def changed(**changes: Any) -> SelectionSettings:
    return SelectionSettings.model_validate({**SETTINGS.model_dump(), **changes})


def test_the_best_is_first_and_the_others_differ_most_from_it() -> None:
    choice = CASE.choose()
    assert ranking(choice) == [0, 2, 3]
    traits = {frame: row["traits"] for frame, row in by_frame(choice.selections).items()}
    assert traits == {
        0: "face, close, even light",
        2: "face, wide, dark",
        3: "no face, wide, bright",
    }
    for row in choice.selections.to_pylist():
        assert f"; traits: {row['traits']};" in row["reason"]


def test_scores_are_nearly_equal() -> None:
    choice = CASE.choose(settings=changed(near_equal_share=0.8))
    best, *others = sorted((row["combined_score"] for row in choice.selections.to_pylist()), reverse=True)
    assert all(score >= 0.8 * best for score in others)
    far = [row for row in choice.rejections.to_pylist() if row["reason"] == "far_below_best"]
    assert {row["setting"] for row in far} == {"selection.near_equal_share"}
    assert all(row["value"] < row["threshold"] == pytest.approx(0.8 * best) for row in far)
    assert 7 in {row["frame_index"] for row in far}


def test_what_is_alike_in_traits_is_no_variant_and_says_so() -> None:
    alike = CASE.choose(sharpness=sharpness_table({frame: 100.0 - frame for frame in SECONDS}), faces=None, others={})
    (row,) = alike.selections.to_pylist()
    assert row["traits"] == "even light"
    assert row["reason"].endswith("1 of 3: nothing else is worth it")
    rejected = by_frame(CASE.choose().rejections)
    assert {rejected[frame]["reason"] for frame in (1, 4, 5)} == {"alike_in_traits"}
    assert all(rejected[frame]["value"] <= rejected[frame]["threshold"] for frame in (1, 4, 5))


def test_nearly_equal_covers_come_first_and_the_best_of_the_others_behind_them() -> None:
    # Of all the most different one, or where it scores too little the best that differs by a trait.
    assert ranking(CASE.choose(settings=changed(top_k=2, preferred_equal_share=0.3))) == [0, 3]
    assert ranking(CASE.choose(settings=changed(top_k=2, preferred_equal_share=0.9))) == [0, 2]


def test_half_a_trait_is_difference_enough_where_there_is_no_more() -> None:
    lumas = {frame: 60.0 if frame == 5 else 120.0 for frame in SECONDS}
    sharpness = sharpness_table({frame: 100.0 - frame for frame in SECONDS}, luma_means=lumas)
    choice = CASE.choose(sharpness=sharpness, faces=None, others={})
    assert {row["frame_index"]: row["traits"] for row in choice.selections.to_pylist()} == {0: "even light", 5: "dark"}


def test_a_face_with_shut_eyes_is_no_cover() -> None:
    boxes = [(frame, 600.0, 300.0, 400.0) for frame in SECONDS]
    case = replace(CASE, faces=face_boxes_table(boxes, eyes=[0.01 if frame == 0 else 0.3 for frame in SECONDS]))
    (rejected,) = [row for row in case.choose().rejections.to_pylist() if row["frame_index"] == 0]
    assert (rejected["reason"], rejected["setting"]) == ("eyes_shut", "selection.reject.min_eyes_open")
    assert 0 in ranking(case.choose(settings=changed(strategy="best")))


def test_pins_stay_and_every_candidate_has_one_fate() -> None:
    choice = CASE.choose(decisions=decisions_table({7: "pin"}))
    assert 7 in ranking(choice)
    assert len(ranking(choice)) == 3
    fates = [*ranking(choice), *choice.rejections.column("frame_index").to_pylist()]
    assert sorted(fates) == list(SECONDS)


def test_the_same_candidates_in_another_order_give_the_same() -> None:
    shuffled = replace(CASE, candidates=CASE.candidates.take([3, 7, 1, 0, 6, 2, 5, 4]))
    assert shuffled.choose().selections.equals(CASE.choose().selections)


def test_other_strategies_name_no_traits() -> None:
    assert CASE.choose(settings=changed(strategy="best")).selections.column("traits").null_count == 3


def test_colours_and_calm_parts_are_read_from_the_stored_descriptor() -> None:
    random = np.random.default_rng(3)
    rgb = np.full((96, 160, 3), (200, 120, 40), np.uint8)
    luma = np.full((540, 900), 128, np.uint8)
    luma[:, 450:] = random.integers(0, 255, (540, 450))
    described = describe(luma, rgb)[None]
    assert colour_means(described)[0] == pytest.approx([200, 120, 40], abs=1)
    assert gradient_shares(described)[0][:, :2].sum() < 0.2
    missing = np.full_like(described, np.nan)
    assert np.isnan(colour_means(missing)).all()

    def words(faces: Any = None) -> str:
        table = appearance_table([0], descriptors={0: described[0].tolist()})
        case = Case(candidates_table({0: 0.0}), appearance=table, faces=faces)
        return words_of_traits(traits_of(case.measured, settings=SETTINGS)[0])

    assert words() == "warm, space left"
    assert "space left" not in words(face_boxes_table([(0, 100.0, 300.0, 300.0)]))


def test_what_is_not_measured_is_no_trait() -> None:
    bare = Case(candidates_table({0: 0.0, 1: 5.0}), settings=SETTINGS)
    assert (traits_of(bare.measured, settings=SETTINGS) == UNKNOWN).all()
    assert bare.choose().selections.column("traits").to_pylist() == [None]
    assert len({word for trait in TRAITS for word in trait.words}) == sum(len(trait.words) for trait in TRAITS)


def test_the_clicks_of_a_test_become_labels(tmp_path: Path) -> None:
    covers = ranking(CASE.choose())
    path = tmp_path / "clicks.csv"
    with path.open("w", newline="") as file:
        rows = zip([VIDEO_ID] * 3, covers, (90, 40, 20), (1000, 1000, 1000), strict=True)
        csv.writer(file).writerows([("video_id", "frame_index", "clicks", "impressions"), *rows])
    labels = read_labels(path, resolve=lambda name: [name], left_out=LeftOut())
    assert [label.frame_index for label in sorted(labels, key=lambda label: -label.target)] == covers
    assert [label.weight for label in labels] == pytest.approx([1000 / 1100] * 3)
