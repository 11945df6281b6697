"""One obvious object is found; where there is nothing, the centre is said."""

import numpy as np
import pytest

from thumb_assets.export.saliency import salience_centre


def noise(height, width, level=60, spread=4):
    return np.random.default_rng(0).integers(level - spread, level + spread + 1, (height, width)).astype(np.uint8)


@pytest.mark.parametrize("size", [(360, 640), (640, 360), (64, 64), (40, 900), (2160, 3840)])
@pytest.mark.parametrize("place", [(0.25, 0.3), (0.75, 0.3), (0.3, 0.7), (0.5, 0.5), (0.7, 0.75)])
@pytest.mark.parametrize("level", [5, 220])
def test_one_object_is_found(size, place, level):
    height, width = size
    luma = noise(height, width)
    x, y = round(place[0] * width), round(place[1] * height)
    half_width, half_height = max(2, width // 16), max(2, height // 16)
    luma[y - half_height : y + half_height, x - half_width : x + half_width] = level
    assert salience_centre(luma) == pytest.approx(place, abs=0.06)


@pytest.mark.parametrize("level", [0, 1, 128, 255])
def test_a_flat_picture_has_its_centre(level):
    assert salience_centre(np.full((180, 320), level, np.uint8)) == (0.5, 0.5)


def test_the_noise_of_a_black_picture_is_nothing():
    assert salience_centre(noise(360, 640, level=2, spread=1)) == (0.5, 0.5)


def test_the_edges_of_a_ramp_are_no_object():
    ramp = np.tile(np.linspace(0, 255, 640).astype(np.uint8), (360, 1))
    x, y = salience_centre(ramp)
    assert 0.2 < x < 0.8
    assert 0.4 < y < 0.6


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (3, 2)])
def test_any_size_is_taken(shape):
    luma = np.random.default_rng(1).integers(0, 256, shape).astype(np.uint8)
    assert all(0 <= value <= 1 for value in salience_centre(luma))


def test_the_same_picture_gives_the_same_place():
    luma = noise(90, 160, spread=60)
    assert salience_centre(luma) == salience_centre(luma.copy())
