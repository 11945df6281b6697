"""PIQE of our own: what it sees, where it has no answer, and that it is pyiqa's on made and on real pictures."""

from importlib.util import find_spec

import cv2
import numpy as np
import pytest

from thumb_assets.errors import BadInputError
from thumb_assets.iqa.piqe import PiqeMetric, _luma, piqe
from thumb_assets.iqa.pyiqa_metric import PyiqaMetric
from thumb_assets.iqa.scorer import load_iqa_scorer
from thumb_assets.settings.stages import IqaSettings
from thumb_assets.video.decode import VideoDecoder

SIZES = ((17, 90), (96, 128), (135, 241), (200, 318), (250, 111))
NUM_MADE = 100
MOST_DIFFERENT = 1e-3


def texture(height=192, width=256, seed=0):
    """A picture with the spectrum of natural ones (amplitude 1/f), (H, W, 3) uint8."""
    generator = np.random.default_rng(seed)
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None, :])
    frequency[0, 0] = 1
    spectra = np.fft.rfft2(generator.normal(size=(3, height, width))) / frequency
    planes = np.fft.irfft2(spectra, (height, width))
    planes = 128 + 45 * (planes - planes.mean((1, 2), keepdims=True)) / planes.std((1, 2), keepdims=True)
    return np.clip(planes.transpose(1, 2, 0), 0, 255).astype(np.uint8)


def as_jpeg(picture, quality=4):
    return cv2.imdecode(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)


def noisy(picture, deviation=25):
    noise = np.random.default_rng(1).normal(0, deviation, picture.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


CHANGES = {
    "clean": lambda picture: picture,
    "grey": lambda picture: np.repeat(picture[..., 1:2], 3, axis=2),
    "dark": lambda picture: picture // 6,
    "jpeg": as_jpeg,
    "noisy": noisy,
    "blurred": lambda picture: cv2.GaussianBlur(picture, (0, 0), 2),
}


@pytest.mark.parametrize("change", ["jpeg", "blurred"])
def test_blocks_and_blur_are_worse(change):
    assert piqe(texture()) + 10 < piqe(CHANGES[change](texture())) <= 100


def test_noise_over_a_smooth_picture_is_worse():
    smooth = cv2.resize(texture(6, 8), (256, 192), interpolation=cv2.INTER_CUBIC)
    assert piqe(noisy(smooth, 4)) + 10 < piqe(noisy(smooth, 30))


@pytest.mark.parametrize("level", [0, 1, 128, 255])
def test_a_flat_picture_has_no_answer(level):
    assert np.isnan(piqe(np.full((64, 64, 3), level, np.uint8)))


def test_a_flat_picture_is_not_measured_and_the_others_of_its_batch_are():
    pictures = [texture(64, 64), np.full((64, 64, 3), 90, np.uint8), texture(64, 64, seed=1)]
    first, flat, last = load_iqa_scorer(IqaSettings(device="cpu")).score(pictures)
    assert (flat[0].iqa_score, flat[0].error) == (None, "piqe gave nan for this picture")
    assert first[0].iqa_score == piqe(pictures[0])
    assert last[0].iqa_score == piqe(pictures[2])


@pytest.mark.parametrize("size", [(3, 40), (7, 7), (64, 7)])
def test_a_picture_without_a_whole_block_has_no_answer(size):
    assert np.isnan(piqe(texture(*size)))


def test_brightness_alone_changes_nothing():
    grey = (np.random.default_rng(2).integers(0, 86, (64, 80, 1)) * np.ones(3, int)).astype(np.uint8)
    assert piqe(grey) == pytest.approx(piqe(grey * (255 // int(grey.max()))), abs=0.01)


def test_a_rest_of_fewer_than_8_lines_is_seen_by_the_window_alone():
    picture = texture(64, 64)
    rest = np.concatenate([picture, picture[:7]])
    assert abs(piqe(rest) - piqe(picture)) < 3
    assert PiqeMetric().score(np.stack([rest, rest])).shape == (2,)


@pytest.mark.parametrize("array", [np.zeros((8, 8, 3), np.uint8), np.zeros((1, 8, 8, 3), np.float32)])
def test_other_arrays_are_refused(array):
    with pytest.raises(BadInputError, match="uint8 RGB"):
        PiqeMetric().score(array)


def made_pictures():
    changes = list(CHANGES.values())
    for seed in range(NUM_MADE):
        yield changes[seed % len(changes)](texture(*SIZES[seed % len(SIZES)], seed=seed))


def differences(pictures):
    """Differences of ours and pyiqa's scores; without an answer of ours pyiqa has none or 100 (no active block).

    Each rounds by its processor's fp32, also the thousandth of all pixels whose luma ends in a half, and one block at a
    threshold moves a score by a point. So where the two differ, pyiqa is asked again in fp64.
    """
    ours, theirs = PiqeMetric(), PyiqaMetric("piqe", "cpu")
    found = []
    for picture in pictures:
        own, other = (float(metric.score(np.ascontiguousarray(picture)[None])[0]) for metric in (ours, theirs))
        if np.isnan(own):
            assert np.isnan(other) or other == 100
        else:
            difference = abs(own - other)
            found.append(difference if difference < MOST_DIFFERENT else min(difference, abs(own - in_fp64(picture))))
    return found


def in_fp64(picture):
    """Score by pyiqa in fp64, of the whole levels of luma that ours has: either may round a half up or down."""
    import torch
    from pyiqa.archs.piqe_arch import piqe as pyiqa_piqe

    height, width = picture.shape[:2]
    levels = _luma(np.ascontiguousarray(picture))[:height, :width].astype(np.float64)
    exact = picture @ np.array([0.299, 0.587, 0.114])
    assert np.abs(levels - exact * 255 / exact.max()).max() < 0.5001
    return float(pyiqa_piqe(torch.from_numpy(levels / 255)[None, None])[0])


@pytest.mark.skipif(find_spec("pyiqa") is None, reason="the extra thumb-assets[iqa] is not installed")
@pytest.mark.slow
def test_made_pictures_score_as_with_pyiqa():
    found = differences(made_pictures())
    assert len(found) >= 0.9 * NUM_MADE
    assert max(found) < MOST_DIFFERENT


@pytest.mark.skipif(find_spec("pyiqa") is None, reason="the extra thumb-assets[iqa] is not installed")
@pytest.mark.slow
def test_real_pictures_score_as_with_pyiqa(shared_dir):
    pictures = []
    for path in sorted((shared_dir / "footage").glob("*.mp4")):
        with VideoDecoder(path) as decoder:
            for frame in decoder:
                if frame.frame_index % 20 == 0:
                    pictures.append(frame.rgb(270))
                if frame.frame_index == 80:
                    break
    found = differences(pictures[:120])
    assert len(found) >= 80
    assert max(found) < MOST_DIFFERENT
