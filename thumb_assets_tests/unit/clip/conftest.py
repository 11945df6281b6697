"""Pictures to encode; the model is in the root conftest."""

import numpy as np
import pytest


@pytest.fixture(scope="session")
def pictures() -> list[np.ndarray]:
    """Smooth and noisy pictures of four sizes, portrait and landscape, (H, W, 3) uint8."""
    generator = np.random.default_rng(3)
    made = []
    for height, width in ((108, 192), (192, 108), (48, 48), (97, 131)):
        rows, columns = np.mgrid[0:height, 0:width]
        waves = 128 + 90 * np.sin(rows[..., None] / (5 + np.arange(3)) + columns[..., None] / (9 - np.arange(3)))
        made.append(np.clip(waves + generator.normal(0, 20, (height, width, 3)), 0, 255).astype(np.uint8))
    return made
