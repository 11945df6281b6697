"""Faces in a real picture, none in noise, and boxes that stay inside the picture."""

import numpy as np
import pytest

from thumb_assets.errors import BadInputError, ModelUnavailableError
from thumb_assets.faces.boxes import FaceBox, scale_boxes
from thumb_assets.faces.centerface import CenterFaceDetector
from thumb_assets.faces.loading import detector_model, load_face_detector
from thumb_assets.faces.yunet import YuNetDetector
from thumb_assets.settings.stages import FacesSettings
from thumb_assets.video.decode import VideoDecoder
from thumb_assets.weights.registry import get_model_file
from thumb_assets.weights.resolve import find_local
from thumb_assets_tests.support.local_hub import empty_the_machine


@pytest.fixture(scope="module", params=["yunet", "centerface"])
def detector(request):
    """Each detector in turn."""
    model_file = get_model_file(request.param)
    if request.param == "yunet":
        path = request.getfixturevalue("shared_dir") / "models/face/face_detection_yunet_2023mar.onnx"
    else:
        path = find_local(model_file)
        if path is None:
            pytest.skip(f"{model_file.package} is not installed")
    return load_face_detector(FacesSettings(detector=request.param, model_path=path))


@pytest.fixture(scope="module")
def picture(shared_dir):
    """A frame with people in it, 540 lines."""
    with VideoDecoder(shared_dir / "video/issue-195-aspect-ratio.mp4") as frames:
        for frame in frames:
            if frame.frame_index == 200:
                return frame.rgb(540)
    pytest.fail("the clip has fewer than 201 frames")


def test_no_detector_where_none_is_asked_for():
    assert load_face_detector(FacesSettings(detector="none")) is None


def test_auto_takes_the_best_that_is_here(shared_dir, monkeypatch, tmp_path):
    empty_the_machine(tmp_path, monkeypatch)
    carried = find_local(get_model_file("centerface"))
    assert detector_model(FacesSettings()) == get_model_file("centerface"), "it is the one to get where none is here"
    if carried is not None:
        assert load_face_detector(FacesSettings()).name == "centerface"
    monkeypatch.setenv("THUMB_ASSETS_MODELS_DIR", str(shared_dir / "models"))
    assert load_face_detector(FacesSettings()).name == "yunet"


def test_a_missing_file_is_named(tmp_path):
    settings = FacesSettings(detector="yunet", model_path=tmp_path / "absent.onnx")
    with pytest.raises(ModelUnavailableError, match=r"faces\.model_path names .*absent\.onnx"):
        load_face_detector(settings)


def test_a_file_that_is_no_model_is_named(tmp_path):
    path = tmp_path / "broken.onnx"
    path.write_bytes(b"not an onnx file")
    for broken in (YuNetDetector, CenterFaceDetector):
        with pytest.raises(ModelUnavailableError, match=r"broken\.onnx is not a model"):
            broken(path, min_confidence=0.7)


def test_faces_are_found_in_a_real_frame(detector, picture):
    boxes = detector.detect(picture)
    assert boxes
    assert boxes[0].confidence > 0.8
    assert [box.confidence for box in boxes] == sorted((box.confidence for box in boxes), reverse=True)
    height, width = picture.shape[:2]
    for box in boxes:
        assert box.x >= 0
        assert box.y >= 0
        assert box.x + box.width <= width
        assert box.y + box.height <= height
        assert 0.5 < box.width / box.height < 1.5, "a face is about as wide as it is high"


def test_a_face_at_the_edge_is_cut_at_the_edge(detector, picture):
    box = detector.detect(picture)[0]
    # The right third of the best face is outside of this picture.
    right = int(box.x + box.width * 0.67)
    cut = [found for found in detector.detect(picture[:, :right]) if found.x + found.width >= right - 2]
    assert cut, "the face is still seen"
    assert all(found.x + found.width <= right for found in cut)


def test_colours_are_rgb(detector, picture):
    as_rgb = detector.detect(picture)[0].confidence
    as_bgr = detector.detect(np.ascontiguousarray(picture[:, :, ::-1]))
    assert not as_bgr or as_bgr[0].confidence != as_rgb


def test_a_face_is_found_at_the_same_place_in_a_larger_picture(detector, picture):
    box = detector.detect(picture)[0]
    doubled = detector.detect(np.repeat(np.repeat(picture, 2, axis=0), 2, axis=1))[0]
    expected = scale_boxes([box], 2.0)[0]
    assert abs(doubled.x - expected.x) < 0.2 * expected.width
    assert abs(doubled.y - expected.y) < 0.2 * expected.height


def test_no_face_where_there_is_none(detector):
    noise = np.random.default_rng(0).integers(0, 256, (240, 321, 3), dtype=np.uint8)
    assert detector.detect(noise) == []
    assert detector.detect(np.zeros((64, 64, 3), np.uint8)) == []


def test_the_detector_says_with_which_file_it_works(detector):
    assert detector.model_sha256 == get_model_file(detector.name).sha256


@pytest.mark.parametrize(
    "array", [np.zeros((8, 8), np.uint8), np.zeros((8, 8, 3), np.float32), np.zeros((0, 8, 3), np.uint8)]
)
def test_other_arrays_are_refused(detector, array):
    with pytest.raises(BadInputError, match="uint8 RGB"):
        detector.detect(array)


def test_scaling_keeps_the_confidence():
    assert scale_boxes([FaceBox(2, 4, 6, 8, 0.5)], 0.5) == [FaceBox(1, 2, 3, 4, 0.5)]
