"""Bars that the pictures of a video agree on; a dark picture is never taken for one."""

import numpy as np
import pytest

from thumb_assets.bars import BarWatch, bars_of_picture
from thumb_assets.video.geometry import NO_BARS, Bars
from thumb_assets_tests.support.bars import barred
from thumb_assets_tests.support.drawing import draw_frame

LETTERBOX = Bars(top=30, bottom=30)


def luma_of(picture):
    return (picture @ np.array([0.2126, 0.7152, 0.0722])).round().astype(np.uint8)


def watched(pictures):
    watch = BarWatch()
    for picture in pictures:
        observe(watch, picture)
    return watch.bars


def observe(watch, picture):
    luma = luma_of(picture)
    watch.observe(luma[::2, ::2], lambda: (picture, luma))


def scenes(num=6):
    return [draw_frame(10 * i, shot_index=i) for i in range(num)]


def black(picture):
    return np.zeros_like(picture)


@pytest.mark.parametrize(
    "bars",
    [
        LETTERBOX,
        Bars(left=41, right=41),
        Bars(20, 11, 8, 25),
        Bars(bottom=16),
        Bars(2, 2, 2, 2),
        Bars(left=300, right=300),
    ],
)
@pytest.mark.parametrize("kind", [{}, {"level": 16}, {"noise": 10}, {"level": 12, "noise": 8}])
def test_bars_are_found_to_the_pixel(bars, kind):
    assert watched(barred(picture, bars, **kind) for picture in scenes()) == bars


def test_a_video_without_bars_has_none():
    assert watched(scenes()) == NO_BARS


def test_dark_scenes_and_black_frames_between_do_not_matter():
    dark = [(picture // 12).astype(np.uint8) for picture in scenes(8)]
    pictures = [black(scenes()[0]), *scenes(4), *dark]
    assert watched(barred(picture, LETTERBOX) for picture in pictures) == LETTERBOX


@pytest.mark.parametrize("level", [0, 9, 20])
def test_a_video_that_is_dark_throughout_has_none(level):
    assert watched([np.full((180, 320, 3), level, np.uint8)] * 6) == NO_BARS
    assert watched((picture // 12).astype(np.uint8) for picture in scenes()) == NO_BARS


def test_a_fade_from_black_has_none():
    assert watched((picture * share).astype(np.uint8) for picture in scenes(1) for share in np.linspace(0, 1, 9)) == (
        NO_BARS
    )


def night(moment, *, is_moving):
    """A black sky over lit hills."""
    rng = np.random.default_rng(moment)
    picture = rng.integers(0, 6, (180, 320, 3), np.uint8)
    across = np.arange(320) + (9 * moment if is_moving else 0)
    horizon = 100 + 12 * np.sin(across / 25) + 5 * np.sin(across / 7)
    picture[np.arange(180)[:, None] >= horizon] += 90
    picture[30 + moment % 20, 160] = 255  # a star
    return picture


@pytest.mark.parametrize("is_moving", [True, False])
def test_a_night_sky_is_no_bar(is_moving):
    assert watched(night(moment, is_moving=is_moving) for moment in range(9)) == NO_BARS


def test_what_is_lit_in_the_middle_of_a_dark_stage_has_no_bars():
    y, x = np.mgrid[:180, :320]
    spot = ((y - 90) ** 2 + (x - 160) ** 2 < 60**2)[..., None]
    assert watched(np.where(spot, picture, 2).astype(np.uint8) for picture in scenes()) == NO_BARS


def test_a_small_picture_on_black_is_no_picture_between_bars():
    small = [draw_frame(i, width=64, height=36) for i in range(6)]
    assert watched(barred(picture, Bars(128, 72, 128, 72)) for picture in small) == NO_BARS


def test_writing_on_black_has_no_bars():
    picture = np.zeros((180, 320, 3), np.uint8)
    for row in range(20, 150, 20):
        for column in range(12, 250, 12):
            picture[row : row + 11, column : column + 7] = 220
    assert watched([picture] * 6) == NO_BARS


def test_a_blue_band_is_no_bar():
    assert watched(
        barred(picture, LETTERBOX) + np.array([0, 0, 200], np.uint8) for picture in [black(scenes()[0])]
    ) == (NO_BARS)
    blue = [barred(picture, LETTERBOX) for picture in scenes()]
    for picture in blue:
        picture[:30] = picture[-30:] = (0, 0, 255)
    assert watched(blue) == NO_BARS


@pytest.mark.parametrize("is_shown", [lambda moment: moment == 4, lambda moment: moment % 2 == 0, lambda _moment: True])
def test_a_bar_with_writing_in_it_stays_and_the_others_go(is_shown):
    pictures = [barred(picture, LETTERBOX) for picture in scenes(8)]
    for moment, picture in enumerate(pictures):
        if is_shown(moment):
            for column in range(60, 260, 12):
                picture[218:229, column : column + 7] = 200
    assert watched(pictures) == Bars(top=30)


def test_a_logo_in_a_bar_keeps_it():
    pictures = [barred(picture, Bars(left=60, right=60)) for picture in scenes()]
    for picture in pictures:
        picture[10:30, 400:425] = 180
    assert watched(pictures) == Bars(left=60)


def test_an_edge_that_varies_is_none():
    full = [draw_frame(i, height=240, shot_index=i) for i in range(2)]
    assert watched([*(barred(picture, LETTERBOX) for picture in scenes()), *full]) == NO_BARS
    moving = [barred(draw_frame(i, height=180 + 4 * i, shot_index=i), Bars(top=60 - 4 * i)) for i in range(8)]
    assert watched(moving) == NO_BARS


def test_a_smeared_line_does_not_stay():
    def smeared(picture, *, is_seen):
        framed = barred(picture, LETTERBOX)
        framed[29] = 11 + 2 * is_seen
        return framed

    assert watched(smeared(picture, is_seen=i == 2) for i, picture in enumerate(scenes())) == LETTERBOX


def test_the_last_line_may_have_the_colour_of_the_picture():
    tinted = [barred(picture, LETTERBOX) for picture in scenes()]
    for picture in tinted:
        picture[29] = (50, 0, 0)
    assert watched(tinted) == LETTERBOX


def test_bars_so_far_grow_less():
    watch = BarWatch()
    assert watch.bars == NO_BARS
    for picture in [barred(picture, LETTERBOX) for picture in scenes(4)]:
        observe(watch, picture)
        assert watch.bars == LETTERBOX
    observe(watch, draw_frame(1, height=240))
    assert watch.bars == NO_BARS


def test_a_dark_picture_says_nothing():
    assert bars_of_picture(np.full((90, 160, 3), 5, np.uint8), np.full((90, 160), 5, np.uint8)) is None


@pytest.mark.parametrize("colour", [(255, 255, 255), (0, 0, 255), (70, 0, 0), (40, 40, 40)])
@pytest.mark.parametrize("size", [(1, 1), (1, 96), (54, 1), (3, 3), (2, 40)])
def test_a_nearly_black_picture_breaks_nothing(size: tuple[int, int], colour: tuple[int, int, int]) -> None:
    """Lines may count as black in colour and not in luma, or the other way round: of both ends together all of them."""
    for top, left in [(0, 0), (20, 30), (53, 95), (26, 47), (1, 1)]:
        rgb = np.zeros((54, 96, 3), np.uint8)
        rgb[top : top + size[0], left : left + size[1]] = colour
        luma = np.rint(rgb @ np.array([0.2126, 0.7152, 0.0722])).astype(np.uint8)
        found = bars_of_picture(rgb, luma)
        if found is not None:
            left_lines, top_lines, right_lines, bottom_lines = found.lines
            assert left_lines + right_lines < 96
            assert top_lines + bottom_lines < 54
