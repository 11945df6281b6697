"""Lines of writing, found by their letters."""

import cv2
import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from thumb_assets.writing import Line, groups_of, lines_of_writing, passing_shares, share_of, writing_of
from thumb_assets_tests.unit.test_appearance import luma_of, photo

HEIGHT, WIDTH = 288, 512


def ground(level: int = 60) -> np.ndarray:
    return np.full((HEIGHT, WIDTH), level, np.uint8)


def written(picture: np.ndarray, text: str, *, lines: int, bottom: int, level: int = 245) -> np.ndarray:
    """The text in bold letters whose capitals have so many lines, from x = 20 on, above `bottom`."""
    picture = picture.copy()
    scale = lines / 22
    thickness = max(1, round(1.8 * scale))
    cv2.putText(picture, text, (20, bottom), cv2.FONT_HERSHEY_DUPLEX, scale, level, thickness, cv2.LINE_AA)
    return picture


def boxes(picture: np.ndarray, places: list[tuple[int, int, int, int]], level: int = 200) -> np.ndarray:
    picture = picture.copy()
    for x, y, width, height in places:
        picture[y : y + height, x : x + width] = level
    return picture


@pytest.mark.parametrize("lines", [10, 16, 30, 60])
@pytest.mark.parametrize("level", [245, 5])
def test_the_box_of_a_line_is_found_whatever_the_size_of_its_letters(lines, level):
    picture = written(ground(120), "HOUSE" if lines > 40 else "HOUSE MUSIC", lines=lines, bottom=200, level=level)
    (line,) = lines_of_writing(picture)
    ink = np.argwhere(np.abs(picture.astype(int) - 120) > 60)
    (top, left), (bottom, right) = ink.min(axis=0), ink.max(axis=0) + 1
    assert line == pytest.approx(Line(left, top, right - left, bottom - top), abs=3)


def test_a_caption_over_a_picture_is_found_and_the_picture_is_not():
    picture = cv2.resize(luma_of(photo(3)), (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    bare = sum(line.width * line.height for line in lines_of_writing(picture))
    (line, *_rest) = sorted(
        lines_of_writing(written(picture, "NEXT WEEK", lines=40, bottom=160, level=255)), key=lambda each: -each.width
    )
    assert bare < 0.005 * picture.size
    assert 110 <= line.y <= 125
    assert line.y + line.height == pytest.approx(161, abs=4)
    assert line.width > 150


def test_letters_that_rise_or_hang_are_of_their_line():
    (line,) = lines_of_writing(written(ground(), "Long songs", lines=24, bottom=150))
    assert line.width > 150
    assert line.height > 26


@pytest.mark.parametrize(
    ("places", "num_lines"),
    [
        ([(20 + 30 * place, 100, 16, 20) for place in range(6)], 1),  # could as well be letters
        ([(20 + 30 * place, 100, 16, 20) for place in range(3)], 0),  # too few
        ([(20 + 30 * place, 100 + 12 * (place % 2), 16, 20) for place in range(6)], 0),  # not on one line
        ([(20 + 60 * place, 100, 16, 20) for place in range(6)], 0),  # too far apart
        ([(20 + 30 * place, 120 - height, 16, height) for place, height in enumerate((8, 20, 9, 24, 8, 22))], 0),
        ([(20 + 80 * place, 100, 60, 20) for place in range(5)], 0),  # wider than letters
        ([(20 + 30 * place, 20, 16, 90) for place in range(6)], 0),  # taller than a quarter of the picture
    ],
)
def test_letters_are_alike_close_and_on_one_line(places, num_lines):
    assert len(lines_of_writing(boxes(ground(), places))) == num_lines


@pytest.mark.parametrize("num_nodes", [0, 1, 2, 40, 300])
@pytest.mark.parametrize("num_links_each", [0.2, 0.9, 3.0])
def test_letters_are_grouped_as_scipy_does(num_nodes, num_links_each):
    share = num_links_each / max(1, num_nodes)
    links = np.triu(np.random.default_rng(num_nodes).random((num_nodes, num_nodes)) < share)
    are_linked = links | links.T | np.eye(num_nodes, dtype=bool)
    assert groups_of(are_linked).tolist() == (
        connected_components(csr_array(are_linked), directed=False)[1].tolist() if num_nodes else []
    )


def test_what_hardly_stands_out_is_not_there_to_be_read():
    places = [(20 + 30 * place, 100, 16, 20) for place in range(6)]
    assert len(lines_of_writing(boxes(ground(60), places, level=130))) == 1
    assert lines_of_writing(boxes(ground(60), places, level=85)) == []


def test_more_regions_than_are_compared_are_no_trouble():
    picture = ground(0)
    for top in range(0, HEIGHT - 6, 8):
        picture[top : top + 6][:, np.arange(WIDTH) % 6 < 4] = 250
    assert lines_of_writing(picture)
    assert lines_of_writing(picture) == lines_of_writing(picture)


def picture_of(seed: int) -> np.ndarray:
    """A soft ground, another one for each seed."""
    noise = np.random.default_rng(seed).integers(20, 110, (5, 9), dtype=np.uint8)
    return cv2.resize(noise, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)


def shares(pictures: list[np.ndarray], seconds: list[float] | None = None) -> list[float]:
    return passing_shares([writing_of(picture) for picture in pictures], seconds or [1.0] * len(pictures))


def test_writing_that_stands_throughout_does_not_count():
    grounds = [picture_of(seed) for seed in range(6)]
    marked = [written(picture, "channel seven news", lines=12, bottom=270) for picture in grounds]
    assert min(share_of(writing_of(picture)) for picture in marked) > 0.01
    titled = [*marked[:5], written(marked[5], "THE BIG TITLE", lines=30, bottom=150)]
    found = shares(titled)
    assert max(found[:5]) < 0.01, "the watermark"
    assert found[5] > 0.04, "the title counts, in spite of it"


def test_captions_change_and_count_though_their_place_is_the_same():
    words = [
        "never say that again",
        "who is it this time",
        "look behind you",
        "all my love goes",
        "it was raining",
        "no",
    ]
    captions = [written(picture_of(seed), words[seed], lines=14, bottom=260) for seed in range(5)]
    assert min(shares(captions)) > 0.008


def test_what_counts_is_the_time_for_which_writing_stands():
    title = [written(picture_of(seed), "part one of three", lines=14, bottom=260) for seed in range(3)]
    others = [picture_of(seed) for seed in range(3, 5)]
    assert max(shares([*title, *others])[:3]) < 0.01
    assert min(shares([*title, *others], [1.0, 1.0, 1.0, 30.0, 30.0])[:3]) > 0.015


def test_of_too_few_pictures_nothing_is_known_to_stand():
    one = written(picture_of(0), "part one of three", lines=14, bottom=260)
    assert shares([one, one]) == [share_of(writing_of(one))] * 2
    assert shares([]) == []
