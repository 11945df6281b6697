import cv2
import numpy as np
import pytest

from thumb_assets.sharpness import difference_image, frame_difference, measure_luma, percentile_in_video, tenengrad


@pytest.fixture
def noise() -> np.ndarray:
    return np.random.default_rng(5).integers(0, 256, (135, 240), dtype=np.uint8)


def test_laplacian_variance_equals_the_floating_point_one(noise: np.ndarray) -> None:
    measures = measure_luma(noise)
    assert measures.laplacian_variance == pytest.approx(cv2.Laplacian(noise, cv2.CV_64F).var(), rel=1e-9)
    assert measures.luma_mean == pytest.approx(noise.mean())
    assert measures.luma_std == pytest.approx(noise.std())
    assert measures.eval_height == 135


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (2, 2), (2, 9), (5, 2), (3, 3), (4, 5), (35, 17)])
@pytest.mark.parametrize("levels", [2, 256])
def test_laplacian_variance_is_exact_at_the_borders_too(shape: tuple[int, int], levels: int) -> None:
    picture = np.random.default_rng(3).integers(0, levels, shape).astype(np.uint8)
    expected = cv2.Laplacian(picture, cv2.CV_64F).var()
    assert measure_luma(picture).laplacian_variance == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_both_measures_fall_with_blur(noise: np.ndarray) -> None:
    blurred = [cv2.GaussianBlur(noise, (0, 0), sigma) for sigma in (0.6, 1.2, 2.4)]
    for values in ([measure_luma(image).laplacian_variance for image in blurred], [tenengrad(i) for i in blurred]):
        assert values == sorted(values, reverse=True)
        assert values[0] > 2 * values[-1]


def test_tenengrad_of_a_ramp_is_its_squared_slope() -> None:
    ramp = np.tile(np.arange(0, 200, 2, dtype=np.uint8), (20, 1))
    # Sobel 3x3 sums eight times the slope of 2; only the borders, which are mirrored, have none.
    assert tenengrad(ramp[:, :]) == pytest.approx(16**2 * 98 / 100, rel=0.01)


def test_difference_sees_movement_and_not_identity(noise: np.ndarray) -> None:
    image, moved = difference_image(noise), difference_image(np.roll(noise, 60, axis=1))
    assert image.shape == (36, 64)
    assert frame_difference(image, image) == 0
    assert frame_difference(image, moved) > 1


def test_percentile_counts_equal_values() -> None:
    values = np.array([1.0, 2.0, 2.0, 5.0])
    assert [percentile_in_video(value, values) for value in (0.5, 1.0, 2.0, 9.0)] == [0.0, 0.25, 0.75, 1.0]
