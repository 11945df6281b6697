from pathlib import Path

import pytest

from thumb_assets.errors import ContractError
from thumb_assets.store.identity import verify_video_id, video_id_for

SHA256 = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("name", "video_id"),
    [
        ("clip.mp4", "clip-01234567"),
        ("My Holiday (1), part #2.MP4", "my-holiday-1-part-2-01234567"),
        ("Ünïcödé – São.mkv", "unicode-sao-01234567"),
        ("ﬁlm №5.mov", "film-no5-01234567"),
        ("日本語.mp4", "ribenyu-01234567"),
        ("🎬🎬.mp4", "video-01234567"),
        ("a🎬b.mp4", "a-b-01234567"),
        ("..hidden...name...mp4", "hidden.name-01234567"),
        ("a...b.mp4", "a.b-01234567"),
        ("__-.x_.-.mp4", "x-01234567"),
        ("two\nlines.mp4", "two-lines-01234567"),
        ('it\'s "quoted".mp4', "it-s-quoted-01234567"),
        ("\udcff\udcfe.mp4", "video-01234567"),
        ("no_suffix", "no_suffix-01234567"),
        ("x" * 200 + ".mp4", "x" * 91 + "-01234567"),
        ("x" * 90 + " y.mp4", "x" * 90 + "-01234567"),
    ],
)
def test_slug_of_the_stem_and_eight_digits_of_the_hash(name, video_id):
    assert video_id_for(Path("some/folder") / name, SHA256) == video_id
    assert verify_video_id(video_id) == video_id


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "../../up",
        "a...b",
        "a..b",
        ".hidden",
        "a/b",
        "a\\b",
        "A",
        "a b",
        "a\n",
        "\na",
        "é",
        "a" * 101,
        "a\0",
        None,
        3,
    ],
)
def test_anything_else_is_refused_in_one_line(bad):
    with pytest.raises(ContractError) as caught:
        verify_video_id(bad)
    assert "\n" not in str(caught.value)
    assert repr(bad) in str(caught.value)


@pytest.mark.parametrize("bad", ["", "../../etc", "XYZ"])
def test_a_hash_that_is_none_never_becomes_part_of_a_path(bad):
    try:
        video_id = video_id_for(Path("clip.mp4"), bad)
    except ContractError:
        return
    assert verify_video_id(video_id) == video_id
