"""Measures of pictures that are drawn, of frames that were decoded, and of the same frame encoded again."""

from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from thumb_assets.appearance import (
    COLOUR_HEIGHT,
    NUM_DIMENSIONS,
    _area_average,
    _percentile_99,
    acutance,
    bar_share,
    colour_bar_share,
    describe,
    difference_hash,
    luma_entropy,
    measure_appearance,
    text_share,
)
from thumb_assets.select.similarity import hash_distances
from thumb_assets.sharpness import EVAL_HEIGHT
from thumb_assets.video.decode import VideoDecoder
from thumb_assets_tests.support.drawing import draw_frame

WORDS = ("The quick brown fox", "jumps over the lazy dog", "while it rains outside")


def small(rgb: np.ndarray) -> np.ndarray:
    width = round(COLOUR_HEIGHT * rgb.shape[1] / rgb.shape[0])
    return cv2.resize(rgb, (width, COLOUR_HEIGHT), interpolation=cv2.INTER_AREA)


def luma_of(rgb: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)


def photo(seed: int = 0, *, width: int = 960, height: int = 540) -> np.ndarray:
    """Soft shapes of many sizes, as in a picture of nature: octaves of noise."""
    random = np.random.default_rng(seed)
    picture = np.zeros((height, width, 3))
    for octave in range(1, 7):
        noise = random.normal(size=(3 * 2**octave, 4 * 2**octave, 3))
        picture += cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC) / octave
    low, high = np.percentile(picture, [1, 99])
    return (np.clip((picture - low) / (high - low), 0, 1) * 255).astype(np.uint8)


def with_text(rgb: np.ndarray, *, scale: float = 1.6, level: int = 255) -> np.ndarray:
    picture = rgb.copy()
    for line, words in enumerate(WORDS):
        place = (60, round(150 + 60 * scale * line))
        cv2.putText(picture, words, place, cv2.FONT_HERSHEY_SIMPLEX, scale, (level,) * 3, 3, cv2.LINE_AA)
    return picture


def plain(level: int = 40, *, width: int = 960, height: int = 540) -> np.ndarray:
    return np.full((height, width, 3), level, np.uint8)


def encoded_again(rgb: np.ndarray, folder: Path, *, crf: int = 28) -> np.ndarray:
    """The picture after H.264."""
    path = folder / "again.mp4"
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=25, options={"crf": str(crf)})
        stream.height, stream.width, stream.pix_fmt = *rgb.shape[:2], "yuv420p"
        output.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")))
        output.mux(stream.encode(None))
    with VideoDecoder(path) as decoder:
        return next(iter(decoder)).rgb(rgb.shape[0]).copy()


def distance(one: str, other: str) -> int:
    return int(hash_distances(np.array([int(one, 16)], np.uint64), np.uint64(int(other, 16)))[0])


@pytest.mark.parametrize("ground", [plain(40), plain(128), photo(3)], ids=["dark", "grey", "picture"])
def test_writing_is_seen_on_plain_ground_and_over_a_picture(ground):
    # On grey the letters are black: white ones would stand out by a hundred levels less.
    level = 0 if ground.mean() > 100 and ground.std() == 0 else 255
    assert text_share(luma_of(with_text(ground, level=level))) > 0.04
    assert text_share(luma_of(ground)) < 0.005


@pytest.mark.parametrize("scale", [0.9, 1.6, 2.5])
def test_letters_of_several_sizes_are_seen(scale):
    assert text_share(luma_of(with_text(plain(30), scale=scale))) > 0.02


@pytest.mark.parametrize("seed", range(6))
def test_a_picture_without_writing_has_hardly_any(seed):
    assert text_share(luma_of(photo(seed))) < 0.02


def test_text_is_a_share_of_the_picture_whatever_its_size():
    large = with_text(plain(30))
    shares = [
        text_share(luma_of(cv2.resize(large, size, interpolation=cv2.INTER_AREA)))
        for size in ((1920, 1080), (960, 540), (640, 360))
    ]
    assert max(shares) < 2 * min(shares)
    assert 0 < min(shares) <= max(shares) < 1


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (500, 1), (2, 3), (9, 8)])
def test_the_smallest_pictures_are_measured(shape):
    luma = np.arange(np.prod(shape), dtype=np.int64).reshape(shape).astype(np.uint8)
    found = measure_appearance(luma, np.repeat(luma[..., None], 3, axis=2))
    assert found.text_share == 0.0
    assert 0 <= found.luma_entropy <= 8
    assert np.linalg.norm(found.descriptor.astype(float)) == pytest.approx(1, abs=2e-3)


def sharp_picture(seed: int = 0) -> np.ndarray:
    """(288, 512): soft shapes, with things that have edges before them."""
    picture = cv2.resize(luma_of(photo(seed)), (512, 288), interpolation=cv2.INTER_AREA)
    random = np.random.default_rng(seed)
    for _ in range(30):
        x, y, size = random.integers(0, 500), random.integers(0, 280), int(random.integers(6, 40))
        cv2.circle(picture, (int(x), int(y)), size, int(random.integers(0, 255)), -1, cv2.LINE_AA)
    return picture


def out_of_focus(picture: np.ndarray, *, radius: int = 7) -> np.ndarray:
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1)).astype(np.float32)
    return cv2.filter2D(picture, -1, disc / disc.sum())


@pytest.mark.parametrize("seed", range(4))
def test_sharp_edges_are_sharp_and_a_lens_out_of_focus_takes_them_away(seed):
    picture = sharp_picture(seed)
    assert acutance(picture) > 0.35
    for radius in (5, 8):
        assert acutance(out_of_focus(picture, radius=radius)) < 0.2


def test_a_camera_that_turns_smears_one_direction_and_that_is_enough():
    smeared = cv2.blur(sharp_picture(), (24, 1))
    assert acutance(smeared) < 0.18
    assert acutance(np.ascontiguousarray(smeared.T)) == pytest.approx(acutance(smeared))


def test_what_is_soft_for_the_most_part_is_sharp_where_it_counts():
    picture = out_of_focus(sharp_picture())
    picture[70:220, 130:380] = sharp_picture(1)[70:220, 130:380]
    assert acutance(picture) > 0.3
    lonely = np.full((288, 512), 200, np.uint8)
    cv2.circle(lonely, (300, 130), 9, 20, -1, cv2.LINE_AA)
    assert acutance(lonely) > 0.3


def test_a_line_of_writing_or_a_mark_makes_nothing_sharp():
    picture = out_of_focus(sharp_picture())
    cv2.putText(picture, "a line of writing, from side to side", (10, 60), cv2.FONT_HERSHEY_DUPLEX, 0.8, 255, 2)
    cv2.putText(picture, "NEWS", (440, 275), cv2.FONT_HERSHEY_DUPLEX, 0.7, 255, 2)
    assert acutance(picture) < 0.2


def test_contrast_and_grain_do_not_matter():
    picture = sharp_picture()
    faint = (picture.astype(float) * 0.4 + 80).astype(np.uint8)
    assert acutance(faint) == pytest.approx(acutance(picture), abs=0.04)
    soft = out_of_focus(picture).astype(float)
    grainy = np.clip(soft + np.random.default_rng(0).normal(0, 3, soft.shape), 0, 255).astype(np.uint8)
    assert acutance(grainy) < 0.22


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (500, 1), (2, 3), (90, 160)])
def test_where_nothing_stands_out_nothing_is_sharp(shape):
    assert acutance(np.full(shape, 90, np.uint8)) == 0.0


def test_entropy_is_that_of_the_histogram():
    assert luma_entropy(luma_of(plain(17))) == 0.0
    every_level = np.tile(np.arange(256, dtype=np.uint8), (4, 1))
    assert luma_entropy(every_level) == pytest.approx(8.0)
    assert luma_entropy(every_level[:, :64]) == pytest.approx(6.0)
    assert luma_entropy(luma_of(photo(1))) > 6.5
    assert luma_entropy(luma_of(with_text(plain(0)))) < 1.0


@pytest.mark.parametrize(
    ("top", "bottom", "left", "right", "share"),
    [(60, 60, 0, 0, 120 / 540), (0, 0, 100, 140, 240 / 960), (54, 54, 96, 96, 1 - 0.8 * 0.8), (60, 0, 0, 0, 0.0)],
)
def test_bars_are_black_on_both_sides(top, bottom, left, right, share):
    luma = luma_of(photo(2)).clip(40, 255)
    height, width = luma.shape
    luma[:top], luma[height - bottom :], luma[:, :left], luma[:, width - right :] = 16, 16, 16, 16
    assert bar_share(luma) == pytest.approx(share)


def test_a_dark_picture_and_subtitles_in_the_bar_are_no_bars():
    assert bar_share(luma_of(plain(10))) == 0.0
    assert bar_share(luma_of(photo(2)).clip(40, 255)) == 0.0
    bars = photo(2).clip(40, 255)
    bars[:60], bars[-60:] = 16, 16
    cv2.putText(bars, WORDS[0], (60, 520), cv2.FONT_HERSHEY_SIMPLEX, 1.2, (255, 255, 255), 3)
    # The rows of the letters are not even; what is left of the bar below them still counts.
    assert 0 < bar_share(luma_of(bars)) < 120 / 540


def test_shares_of_dark_and_bright_are_counted_to_the_level():
    luma = np.repeat(np.array([24, 25, 239, 240], np.uint8), 25).reshape(10, 10)
    found = measure_appearance(luma, np.repeat(luma[..., None], 3, axis=2))
    assert (found.dark_share, found.bright_share) == (0.25, 0.25)


@pytest.mark.parametrize(("width", "height"), [(960, 540), (854, 480), (640, 360), (480, 270), (301, 537), (77, 100)])
def test_few_pixels_are_the_area_averages_of_opencv(width, height):
    luma = np.random.default_rng(height).integers(0, 256, (height, width), np.uint8)
    for size in ((9, 8), (64, 64)):
        assert np.array_equal(_area_average(luma, *size), cv2.resize(luma, size, interpolation=cv2.INTER_AREA))


@pytest.mark.parametrize("seed", range(4))
def test_a_picture_encoded_again_is_the_same_to_hash_and_descriptor(seed, tmp_path):
    rgb = photo(seed)
    again = encoded_again(rgb, tmp_path)
    assert not np.array_equal(rgb, again)
    assert distance(difference_hash(luma_of(rgb)), difference_hash(luma_of(again))) <= 4
    one, other = (describe(luma_of(each), small(each)).astype(np.float64) for each in (rgb, again))
    assert float(one @ other) > 0.97


def test_a_slight_change_of_light_or_place_stays_alike_and_another_picture_does_not():
    rgb = photo(5)
    own = describe(luma_of(rgb), small(rgb)).astype(np.float64)
    changes = {
        "brighter": np.clip(rgb.astype(int) + 6, 0, 255).astype(np.uint8),
        "moved": np.roll(rgb, 6, axis=1),
        "smaller": cv2.resize(rgb, (640, 360), interpolation=cv2.INTER_AREA),
    }
    for name, changed in changes.items():
        cosine = float(own @ describe(luma_of(changed), small(changed)).astype(np.float64))
        assert cosine > 0.93, name
        assert distance(difference_hash(luma_of(rgb)), difference_hash(luma_of(changed))) <= 8, name
    for other in (photo(seed) for seed in range(6, 12)):
        assert float(own @ describe(luma_of(other), small(other)).astype(np.float64)) < 0.95
        assert distance(difference_hash(luma_of(rgb)), difference_hash(luma_of(other))) > 8


def test_descriptors_are_of_norm_1_and_never_negative():
    for rgb in (photo(1), plain(0), plain(255), with_text(plain(90)), draw_frame(7)):
        descriptor = describe(luma_of(rgb), small(rgb))
        assert descriptor.shape == (NUM_DIMENSIONS,)
        assert descriptor.dtype == np.float16
        assert np.linalg.norm(descriptor.astype(float)) == pytest.approx(1, abs=2e-3)
        assert (descriptor >= 0).all()


def test_pictures_without_any_shape_are_told_apart_by_their_colour():
    red, blue = plain(0), plain(0)
    red[..., 0], blue[..., 2] = 200, 200
    cosines = [
        float(describe(luma_of(one), small(one)).astype(float) @ describe(luma_of(other), small(other)).astype(float))
        for one, other in ((red, red), (red, blue))
    ]
    assert cosines == pytest.approx([1.0, 0.0], abs=2e-3)


def test_the_hash_says_where_it_gets_darker_to_the_right():
    falling = np.tile(np.linspace(250, 5, 90).astype(np.uint8), (80, 1))
    assert difference_hash(falling) == "f" * 16
    assert difference_hash(falling[:, ::-1]) == "0" * 16
    half = falling.copy()
    half[40:] = half[40:, ::-1]
    assert difference_hash(half) == "f" * 8 + "0" * 8


@pytest.mark.parametrize(("clip", "most"), [("flower.mp4", 0.03), ("cockatoo.mp4", 0.03)])
def test_real_clips_without_writing_have_hardly_any_and_neighbours_are_alike(shared_dir, clip, most):
    with VideoDecoder(shared_dir / "video" / clip) as decoder:
        frames = [
            (frame.luma(EVAL_HEIGHT).copy(), frame.rgb(COLOUR_HEIGHT).copy())
            for frame in decoder
            if frame.frame_index in {20, 21, 60}
        ]
    found = [measure_appearance(*pictures) for pictures in frames]
    assert len(found) == 3
    assert max(each.text_share for each in found) < most
    assert min(each.luma_entropy for each in found) > 5
    assert float(found[0].descriptor.astype(float) @ found[1].descriptor.astype(float)) > 0.97
    # In even parts of a picture noise decides which cell is the brighter one: a bird before a wall changes 9 bits.
    assert distance(found[0].difference_hash, found[1].difference_hash) <= 12


def colour_bars(level: int = 191, *, width: int = 320, height: int = 180) -> np.ndarray:
    """White, yellow, cyan, green, magenta, red, blue, above other things, as SMPTE's bars have them."""
    bits = (0b111, 0b110, 0b011, 0b010, 0b101, 0b100, 0b001)
    colours = [[level * (code >> shift & 1) for shift in (2, 1, 0)] for code in bits]
    picture = plain(20, width=width, height=height)
    for place, colour in enumerate(colours):
        picture[: 2 * height // 3, place * width // 7 : (place + 1) * width // 7] = colour
    return picture


def test_colour_bars_are_known_by_their_order():
    bars = colour_bars()
    assert colour_bar_share(small(bars)) > 0.9
    assert colour_bar_share(small(colour_bars(255))) > 0.9
    assert colour_bar_share(small(cv2.copyMakeBorder(bars, 0, 0, 50, 50, cv2.BORDER_CONSTANT))) > 0.6
    named = cv2.putText(bars.copy(), "REEL 7", (90, 60), cv2.FONT_HERSHEY_SIMPLEX, 1.0, (255, 255, 255), 2)
    assert colour_bar_share(small(named)) > 0.5
    noise = np.random.default_rng(1).normal(0, 12, bars.shape)
    assert colour_bar_share(small(np.clip(bars + noise, 0, 255).astype(np.uint8))) > 0.9


def test_nothing_else_is_a_test_pattern():
    bars = colour_bars()
    others = [bars[:, ::-1], bars[::-1], plain(0), plain(255), photo(), with_text(plain(255), level=20)]
    # A chart on a slide has its columns on a ground, of different heights.
    chart = plain(255, width=320, height=180)
    for place in range(7):
        chart[100 - 10 * place :, 40 * place + 20 : 40 * place + 50] = bars[10, 46 * place + 20]
    assert [colour_bar_share(small(picture)) for picture in [*others, chart]] == [0.0] * 7
    slide = plain(255, width=320, height=180)
    slide[60:120] = bars[:60]
    assert colour_bar_share(small(slide)) == 0.0


def test_the_percentile_of_a_part_is_numpys_own() -> None:
    random = np.random.default_rng(5)
    for length in (1, 2, 3, 100, 101, 2304):
        values = random.random(length, np.float32)
        assert _percentile_99(values.copy()) == np.percentile(values, 99)
