import numpy as np
import pytest

from thumb_assets.select.faces import face_bonuses, face_qualities, face_shares
from thumb_assets.select.measure import CandidateArrays
from thumb_assets.select.verdicts import judge
from thumb_assets.settings.selection import SelectionSettings
from thumb_assets_tests.unit.select.builders import Case, candidates_table, face_boxes_table, faces_table

SETTINGS = SelectionSettings()
CANDIDATES = candidates_table({10: 1.0, 20: 2.0, 30: 3.0})
SIZE = (1600, 1000)
TALL = SETTINGS.clear_face_height * SIZE[1]
SURE = SETTINGS.clear_face_confidence


def measured_of(faces, frame_size=SIZE) -> CandidateArrays:
    return Case(CANDIDATES, faces=faces, frame_size=frame_size).measured


def bonuses_of(faces, frame_size=SIZE):
    return face_bonuses(measured_of(faces, frame_size), settings=SETTINGS)


def qualities_of(faces):
    return face_qualities(measured_of(faces))


@pytest.mark.parametrize(
    ("confidence", "height", "is_clear"),
    [(SURE, TALL, True), (SURE - 0.01, TALL, False), (SURE, TALL - 1, False), (1.0, 900, True)],
)
def test_clear_face_is_sure_and_tall(confidence, height, is_clear):
    first, bonus, last = bonuses_of(faces_table([(20, confidence, height)]))
    assert first == last == 0
    assert (SETTINGS.face_bonus / 2 <= bonus <= SETTINGS.face_bonus) if is_clear else bonus == 0


def test_large_sharp_central_face_gets_all_of_the_bonus():
    assert bonuses_of(faces_table([(10, 1.0, 900)])).tolist() == [SETTINGS.face_bonus, 0.0, 0.0]


def test_crowd_never_gets_more_than_the_bonus():
    bonuses = bonuses_of(faces_table([(10, 1.0, 900)] * 3 + [(11, 1.0, 900)]))
    assert bonuses.tolist() == [SETTINGS.face_bonus, 0.0, 0.0]


def test_more_clear_faces_are_worth_more_than_one():
    bonuses = bonuses_of(faces_table([(10, 1.0, 120), (20, 1.0, 120), (20, 1.0, 120)]))
    assert SETTINGS.face_bonus > bonuses[1] > bonuses[0] > 0


def test_two_half_clear_faces_make_no_clear_one():
    assert not bonuses_of(faces_table([(10, 1.0, TALL - 1), (10, SURE - 0.1, 900)])).any()


def test_faces_need_the_frame_size_only_when_there_are_any():
    with pytest.raises(ValueError, match="frame_size"):
        bonuses_of(faces_table([(10, 1.0, 5.0)]), frame_size=None)
    assert not bonuses_of(faces_table([]), frame_size=None).any()


def faces_at(*boxes, frontalities=None):
    """(x, y, height, laplacian_variance) of square boxes, one per frame."""
    return face_boxes_table(
        [(frame_index, x, y, height) for frame_index, (x, y, height, _) in enumerate(boxes)],
        variances=[variance for *_, variance in boxes],
        frontalities=frontalities,
    )


def test_larger_is_better_up_to_a_close_up():
    small, large, huge = qualities_of(faces_at((400, 300, 100, 5.0), (400, 300, 340, 5.0), (400, 200, 600, 5.0)))
    assert small < large == huge


def test_a_face_at_the_border_is_worth_less():
    central, near, touching = qualities_of(faces_at((600, 400, 200, 5.0), (20, 400, 200, 5.0), (1400, 400, 200, 5.0)))
    assert central > near > touching


def test_the_sharper_face_is_worth_more():
    soft, sharp = qualities_of(faces_at((600, 400, 200, 3.0), (600, 400, 200, 90.0)))
    assert sharp > soft


def test_unknown_sharpness_is_neutral():
    known, unknown = qualities_of(faces_at((600, 300, 400, 7.0), (600, 300, 400, None)))
    assert known == unknown == 1.0


def test_a_face_that_looks_at_the_camera_is_worth_more():
    box = (600, 300, 400, 7.0)
    front, turned, unknown = qualities_of(faces_at(box, box, box, frontalities=[1.0, 0.2, None]))
    assert front > turned
    # Of three equally sharp faces the percentile is 2/3; what is not known is left out of the mean.
    assert front == pytest.approx((1 + 1 + 2 / 3 + 1) / 4)
    assert turned == pytest.approx((1 + 1 + 2 / 3 + 0.2) / 4)
    assert unknown == pytest.approx((1 + 1 + 2 / 3) / 3)


def faces_that_look(*, eyes=None, mouths=None, gazes=None):
    """Three equal faces, but for these."""
    boxes = [(frame_index, 400, 300, 200) for frame_index in (10, 20, 30)]
    return face_boxes_table(boxes, variances=[5.0] * 3, eyes=eyes, mouths=mouths, gazes=gazes)


def test_a_face_with_closed_eyes_is_no_clear_one():
    open_eyes, half, closed = bonuses_of(faces_that_look(eyes=[0.3, 0.18, 0.05]))
    assert open_eyes > half > closed == 0


def test_narrow_eyes_are_open_where_they_are_usual_in_the_video():
    assert len(set(bonuses_of(faces_that_look(eyes=[0.16, 0.16, 0.16])).tolist())) == 1
    assert (bonuses_of(faces_that_look(eyes=[0.16, 0.16, 0.16])) == bonuses_of(faces_that_look(eyes=[0.3] * 3))).all()


def test_where_nobodys_eyes_are_open_no_face_is_clear():
    assert not bonuses_of(faces_that_look(eyes=[0.03, 0.04, 0.05])).any()


def test_a_face_whose_eyes_were_not_measured_is_clear_all_the_same():
    assert bonuses_of(faces_that_look(eyes=[None, None, 0.3])).all()


def test_a_mouth_in_the_middle_of_a_word_is_worth_less():
    shut, ajar, wide = qualities_of(faces_that_look(mouths=[0.05, 0.3, 0.6]))
    assert shut > ajar > wide


def test_a_look_to_the_side_is_worth_less():
    straight, aside, unknown = qualities_of(faces_that_look(gazes=[0.95, 0.3, None]))
    assert straight > aside
    assert unknown > aside


def test_a_face_that_shows_one_eye_is_no_clear_one():
    boxes = [(frame_index, 400, 300, 200) for frame_index in (10, 20, 30)]
    facing, aside, unknown = bonuses_of(face_boxes_table(boxes, frontalities=[0.9, 0.1, None]))
    assert facing > aside == 0
    assert unknown > 0


def of_shots(*shots):
    """Candidates 0, 10, 20... of these shots."""
    indices = range(0, 10 * len(shots), 10)
    return candidates_table(dict.fromkeys(indices, 1.0), shots=dict(zip(indices, shots, strict=True)))


def turned_away(frame_indices, *, height=100, frames=None):
    """Frames that break the rule where faces are in those frames."""
    faces = face_boxes_table([(frame_index, 400, 300, height) for frame_index in frame_indices])
    measured = Case(frames or of_shots(*[0] * 8), faces=faces, frame_size=SIZE).measured
    verdicts = judge(measured, settings=SETTINGS)
    (held,) = [each for each in verdicts.rules if each.reason == "turned_away"]
    return measured.frame_indices[held.is_broken].tolist()


def test_a_frame_without_a_face_is_turned_away_where_most_of_its_shot_show_one():
    assert turned_away([0, 10, 20, 30, 40, 50]) == [60, 70]
    assert turned_away([0, 10, 20, 30]) == [40, 50, 60, 70]
    assert turned_away([0, 10, 20]) == []
    assert turned_away([]) == []
    assert turned_away(range(0, 80, 10)) == []


def test_tiny_faces_say_nothing_of_who_is_turned_away():
    assert turned_away([0, 10, 20, 30, 40, 50], height=40) == []


def test_few_candidates_do_not_say_what_is_usual_in_a_shot():
    assert turned_away([0, 10], frames=of_shots(0, 0, 0)) == []


def test_each_shot_has_its_own_share_of_faces():
    faces = face_boxes_table([(frame_index, 400, 300, 200) for frame_index in (0, 10, 20, 40)])
    shares = face_shares(
        Case(of_shots(0, 0, 0, 0, 1, 1, 1, 1), faces=faces, frame_size=SIZE).measured, settings=SETTINGS
    )
    assert [None if np.isnan(share) else share for share in shares] == [None, None, None, 0.75, None, 0.25, 0.25, 0.25]
