"""Titles of chapters out of subtitles."""

import numpy as np
import pyarrow as pa

from thumb_assets.select.titles import spoken_titles, written_titles
from thumb_assets_tests.unit.select.builders import subtitles_table, texts_table

SUBTITLES = subtitles_table(
    (1.0, 2.0, "Welcome to the show"),
    (3.0, 4.0, "The budget of\nthe city"),
    (5.0, 6.0, "And the budget again"),
    (11.0, 12.0, "Yes."),
    (13.0, 14.0, "The show goes to the harbour"),
)
BORDERS = np.array([0.0, 10.0, 20.0, 30.0])


def test_a_title_says_what_is_said_in_its_chapter_alone():
    assert spoken_titles(SUBTITLES, borders=BORDERS) == ["The budget of the city", "The show goes to the harbour", None]


def test_one_language_counts():
    place, names = SUBTITLES.schema.get_field_index("source"), ["clip.srt", "clip.de.srt", *["clip.srt"] * 3]
    mixed = SUBTITLES.set_column(place, "source", pa.array(names))
    assert spoken_titles(mixed, borders=BORDERS)[0] == "And the budget again"


def test_long_ones_are_cut_behind_a_word():
    (title,) = spoken_titles(subtitles_table((0.0, 1.0, "one two three " * 10)), borders=np.array([0.0, 5.0])) or [None]
    assert title is not None
    assert len(title) <= 60
    assert title.endswith(("one...", "two...", "three..."))


def test_without_subtitles_there_are_none():
    assert spoken_titles(None, borders=BORDERS) == [None, None, None]


def test_the_largest_line_is_the_title_and_a_mark_of_the_video_is_none():
    texts = texts_table(
        (0, "ACME Corporation", 40.0),
        (0, "Annual budget", 30.0),
        (0, "a small line", 12.0),
        (1, "ACME Corporation", 40.0),
        (1, "2027", 50.0),
        (2, "ACME Corporation", 40.0),
        (2, "Harbour", 33.0),
    )
    titles = written_titles(texts, borders=BORDERS, seconds={0: 5.0, 1: 15.0, 2: 25.0}, frame_size=(640, 360))
    assert titles == ["Annual budget", None, "Harbour"]


def test_without_writing_there_are_no_titles_and_frames_elsewhere_count_for_none():
    assert written_titles(None, borders=BORDERS, seconds={}, frame_size=(640, 360)) == [None, None, None]
    texts = texts_table((7, "Annual budget", 30.0))
    assert written_titles(texts, borders=BORDERS, seconds={}, frame_size=(640, 360)) == [None, None, None]
