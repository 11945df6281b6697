"""Takes: shots, cut where the contrast falls as in the middle of a dissolve."""

import numpy as np
import pytest

from thumb_assets.select.faces import face_shares
from thumb_assets.select.takes import groups_of_takes
from thumb_assets.settings.selection import ComponentWeights, SelectionSettings
from thumb_assets_tests.unit.select.builders import (
    Case,
    candidates_table,
    face_boxes_table,
    frames_table,
    ranking,
    sharpness_table,
)

SETTINGS = SelectionSettings(
    top_k=5, diversify="none", min_share_of_best=0.7, weights=ComponentWeights(contrast=0.0, stillness=0.0)
)
SECONDS = [frame / 10 for frame in range(100)]
# Candidates of one shot; frame 40 lies where two pictures dissolve, which no detector found.
SHARPNESS = {10: 1.0, 20: 2.0, 40: 1.5, 60: 9.0, 70: 10.0, 80: 8.0}


def dissolve(contrast: float) -> Case:
    """A case whose contrast falls to this around frame 40; it is 50 elsewhere."""
    contrasts = [contrast if 38 <= frame <= 42 else 50.0 for frame in range(100)]
    seconds = {frame: SECONDS[frame] for frame in SHARPNESS}
    candidates = candidates_table(seconds, shots=dict.fromkeys(SHARPNESS, 0))
    frames = frames_table(SECONDS, luma_std=contrasts)
    return Case(candidates, sharpness_table(SHARPNESS), frames=frames, settings=SETTINGS)


@pytest.mark.parametrize(("contrast", "takes"), [(50.0, [0] * 6), (45.0, [0] * 6), (25.0, [0, 0, 1, 1, 1, 1])])
def test_a_fall_of_the_contrast_begins_a_take(contrast, takes):
    assert groups_of_takes(dissolve(contrast).measured, settings=SETTINGS).tolist() == takes


def test_what_is_soft_or_not_measured_begins_none():
    case = dissolve(50.0)
    soft = [1.0 if 38 <= frame <= 42 else 100.0 for frame in range(100)]
    for frames in (None, frames_table(SECONDS, laplacian_variance=soft)):
        measured = Case(case.candidates, case.sharpness, frames=frames).measured
        assert groups_of_takes(measured, settings=SETTINGS).tolist() == [0] * 6


def test_the_best_of_a_take_needs_no_share_of_the_best():
    assert ranking(dissolve(50.0).choose()) == [70, 60]
    assert ranking(dissolve(25.0).choose()) == [70, 60, 20]


@pytest.mark.parametrize(
    ("indices", "shares"), [((0, 10, 20, 30, 40, 60, 70, 80), [0.0] * 4), ((10, 20, 40, 60, 70, 80), [4 / 6] * 2)]
)
def test_a_take_has_its_own_share_of_faces_and_a_short_one_that_of_its_shot(indices, shares):
    case = dissolve(25.0)
    candidates = candidates_table({index: SECONDS[index] for index in indices}, shots=dict.fromkeys(indices, 0))
    faces = face_boxes_table([(frame, 400, 300, 200) for frame in (40, 60, 70, 80)])
    measured = Case(candidates, frames=case.frames, faces=faces, frame_size=(1920, 1080)).measured
    np.testing.assert_allclose(face_shares(measured, settings=SETTINGS)[: len(shares)], shares)
