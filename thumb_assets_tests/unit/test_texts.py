"""Writing, found and read in drawn pictures."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from thumb_assets.errors import ModelUnavailableError
from thumb_assets.texts import TextReader
from thumb_assets.weights.resolve import resolve_file

SIZE = (640, 360)


@pytest.fixture(scope="module")
def reader() -> TextReader:
    try:
        paths = [resolve_file(f"pp-ocrv6-{part}-small", allow_download=False) for part in ("det", "rec")]
    except ModelUnavailableError as error:
        pytest.skip(str(error))
    return TextReader(*paths)


def page(*lines: tuple[str, int, int, float], level: int = 40, ink: int = 250) -> np.ndarray:
    """A plain picture with lines: text, x, y of the base, scale."""
    picture = np.full((*SIZE[::-1], 3), level, np.uint8)
    for text, x, y, scale in lines:
        cv2.putText(picture, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, scale, (ink,) * 3, 2, cv2.LINE_AA)
    return picture


def test_lines_are_read_from_top_to_bottom_with_their_boxes(reader):
    texts = reader.read(page(("Harbour of Lisbon", 30, 300, 0.7), ("Annual budget 2027", 30, 90, 1.4)), max_lines=40)
    assert [text.text for text in texts] == ["Annual budget 2027", "Harbour of Lisbon"]
    title, caption = texts
    assert title.height > caption.height
    assert (abs(title.x - 30) < 10, abs(title.y + title.height / 2 - 75) < 12) == (True, True)
    assert all(0.6 <= text.confidence <= 1 for text in texts)


def test_dark_letters_on_a_bright_page_and_capitals_of_the_whole_height(reader):
    assert [text.text for text in reader.read(page(("Revenue up", 30, 200, 1.2), level=240, ink=10), max_lines=40)] == [
        "Revenue up"
    ]
    assert "HUGE" in [text.text for text in reader.read(page(("HUGE", 0, 300, 9.0)), max_lines=40)]


def test_letters_of_other_scripts_are_read(reader, tmp_path):
    from matplotlib import font_manager
    from PIL import Image, ImageDraw, ImageFont

    font = ImageFont.truetype(font_manager.findfont("DejaVu Sans"), 40)
    picture = Image.new("RGB", SIZE, (20, 20, 60))
    ImageDraw.Draw(picture).text((30, 120), "Überraschung für Émile", font=font, fill="white")
    (text,) = reader.read(np.asarray(picture), max_lines=40)
    assert text.text.replace(" ", "") == "ÜberraschungfürÉmile"


@pytest.mark.parametrize("shape", [(360, 640), (4, 900), (900, 3), (1, 1)])
def test_pictures_without_writing_have_none(reader, shape):
    for level in (0, 255):
        assert reader.read(np.full((*shape, 3), level, np.uint8), max_lines=40) == []
    noise = np.random.default_rng(0).integers(0, 255, (*shape, 3), dtype=np.uint8)
    assert reader.read(noise, max_lines=40) == []


def test_a_wall_of_writing_is_read_in_part(reader):
    lines = [(f"line number {place}", 20 + 310 * (place % 2), 8 + 7 * (place // 2), 0.25) for place in range(100)]
    assert len(reader.read(page(*lines), max_lines=7)) <= 7


def test_a_line_that_runs_upwards_is_read(reader):
    turned = np.ascontiguousarray(np.rot90(page(("Annual budget", 30, 90, 1.4))[:360, :360], -1))
    assert [text.text for text in reader.read(turned, max_lines=40)] == ["Annual budget"]


def test_files_that_are_no_models_are_named(tmp_path: Path):
    path = tmp_path / "broken.onnx"
    path.write_bytes(b"no network")
    with pytest.raises(ModelUnavailableError, match=r"broken\.onnx is not a model OpenCV can read") as error:
        TextReader(path, path)
    assert "\n" not in str(error.value)
