"""Cuts of a picture, by example; invariants for any boxes are in property/test_crop_boxes.py."""

import pytest

from thumb_assets.export.crop_box import CropBox, FaceBox, crop_box, crop_size

WIDE, UPRIGHT = (1920, 1080), (1080, 1920)


@pytest.mark.parametrize(
    ("frame", "aspect_ratio", "size"),
    [
        (WIDE, "16:9", (1920, 1080)),
        (WIDE, "9:16", (608, 1080)),  # 607.5
        (WIDE, "1:1", (1080, 1080)),
        (WIDE, "4:5", (864, 1080)),
        (WIDE, "100:1", (1920, 19)),
        (UPRIGHT, "16:9", (1080, 608)),
        (UPRIGHT, "4:5", (1080, 1350)),
        ((1, 1), "16:9", (1, 1)),
        ((2, 300), "100:1", (2, 1)),
        ((853, 480), "16:9", (853, 480)),  # as near to 16:9 as pixels allow
    ],
)
def test_the_largest_box_of_a_ratio(frame, aspect_ratio, size):
    assert crop_size(*frame, aspect_ratio) == size
    assert (crop_box(*frame, aspect_ratio).width, crop_box(*frame, aspect_ratio).height) == size


def test_a_face_is_in_the_middle_horizontally():
    box = crop_box(*WIDE, "1:1", faces=[FaceBox(900, 500, 200, 260)])
    assert box == CropBox(460, 0, 1080, 1080, "faces", 1, 0)


def test_a_face_is_in_the_upper_third_vertically():
    box = crop_box(*UPRIGHT, "1:1", faces=[FaceBox(400, 900, 200, 260)])
    assert box == CropBox(0, 1030 - 360, 1080, 1080, "faces", 1, 0)


def test_a_face_at_the_edge_is_whole():
    assert crop_box(*WIDE, "9:16", faces=[FaceBox(1800.5, 300, 119.5, 200)]).x == 1920 - 608
    assert crop_box(*WIDE, "9:16", faces=[FaceBox(-20, 300, 100, 200)]).x == 0
    assert crop_box(*UPRIGHT, "16:9", faces=[FaceBox(0, 1800, 100, 119)]).y == 1920 - 608


def test_all_faces_are_held_where_they_fit():
    box = crop_box(*WIDE, "1:1", faces=[FaceBox(500, 300, 100, 100), FaceBox(1400, 300, 100, 100)])
    assert (box.num_faces, box.num_faces_cut) == (2, 0)
    assert box.x <= 500
    assert box.x + box.width >= 1500


def test_the_heavier_face_is_held_where_only_one_fits():
    small, large = FaceBox(1500, 300, 200, 260), FaceBox(100, 300, 300, 400)
    assert crop_box(*WIDE, "9:16", faces=[small, large]).x == 0
    unsure = FaceBox(100, 300, 300, 400, confidence=0.1)
    assert crop_box(*WIDE, "9:16", faces=[small, unsure]).x == 1600 - 304


def test_a_small_face_beside_the_large_one_is_left_out_whole_not_cut():
    # Centred on the large face, the crop would end in the small one.
    box = crop_box(*WIDE, "9:16", faces=[FaceBox(900, 300, 300, 400), FaceBox(1340, 300, 310, 60)])
    assert box == CropBox(1340 - 608, 0, 608, 1080, "faces", 1, 0)


def test_of_two_that_overlap_and_do_not_fit_together_the_heavier_is_whole():
    # The positions that cut nobody show nobody: a wall beside two people is no picture of them.
    box = crop_box(*WIDE, "9:16", faces=[FaceBox(500, 300, 400, 500), FaceBox(880, 300, 420, 500)])
    assert (box.num_faces, box.num_faces_cut) == (2, 1)
    assert box.x + box.width >= 1300
    assert box.x == 1300 - 608  # of the other as much as there is room for


def test_a_face_longer_than_the_crop_is_centred_horizontally_and_keeps_its_top_vertically():
    box = crop_box(*WIDE, "9:16", faces=[FaceBox(400, 0, 1000, 1080)])
    assert box == CropBox(900 - 304, 0, 608, 1080, "faces", 1, 1)
    box = crop_box(*UPRIGHT, "16:9", faces=[FaceBox(0, 500, 900, 1100)])
    assert box == CropBox(0, 500, 1080, 608, "faces", 1, 1)


def test_faces_without_a_pixel_inside_do_not_count():
    outside = [FaceBox(-50, 10, 50, 50), FaceBox(10, 1080, 50, 50), FaceBox(10, 10, 0, 50), FaceBox(5000, 0, 9, 9)]
    assert crop_box(*WIDE, "1:1", faces=outside) == crop_box(*WIDE, "1:1")


def test_a_face_without_confidence_still_counts():
    assert crop_box(*WIDE, "1:1", faces=[FaceBox(0, 0, 10, 10, confidence=0)]).x == 0


@pytest.mark.parametrize(
    ("frame", "aspect_ratio", "salience_centre", "place"),
    [
        (WIDE, "1:1", None, (420, 0)),
        (WIDE, "1:1", (0.5, 0.1), (420, 0)),
        (WIDE, "1:1", (0.9, 0.1), (840, 0)),
        (WIDE, "9:16", (0.25, 0.1), (480 - 304, 0)),
        ((640, 480), "16:9", None, (0, 60)),  # not upright: no bias
        ((640, 480), "16:9", (0.9, 1.0), (0, 120)),
        (UPRIGHT, "1:1", None, (0, 640 - 540)),
        (UPRIGHT, "16:9", None, (0, 640 - 304)),
        (UPRIGHT, "16:9", (0.9, 2 / 3), (0, 960 - 304)),  # halfway between the salience and the upper third
        (UPRIGHT, "1:3", (1.0, 0.5), (440, 0)),
        (WIDE, "16:9", (0.0, 0.0), (0, 0)),
    ],
)
def test_without_faces_salience_decides_else_the_centre(frame, aspect_ratio, salience_centre, place):
    box = crop_box(*frame, aspect_ratio, salience_centre=salience_centre)
    assert (box.x, box.y) == place
    assert box.rule == ("centre" if salience_centre is None else "saliency")
    assert box.num_faces == box.num_faces_cut == 0


def test_salience_does_not_matter_where_there_is_a_face():
    face = FaceBox(900, 500, 200, 260)
    assert crop_box(*WIDE, "1:1", faces=[face], salience_centre=(0, 0)) == crop_box(*WIDE, "1:1", faces=[face])
