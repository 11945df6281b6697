"""Subtitles as text: encodings, markup, bounds, and hostile files of them."""

from contextlib import suppress

import pytest

from thumb_assets.errors import BadInputError
from thumb_assets.subtitles import Cue, cues_of, decoded, language_of, plain_text, within
from thumb_assets.video.cues import MarkedCue, text_cues
from thumb_assets_tests.support.film import srt

GREETINGS = {
    "utf-8": "Grüße, мир",
    "cp1251": "Привет, как дела? Это проверка кодировки субтитров. Он пошёл домой.",
    "shift_jis": "こんにちは、世界。字幕のテストです。今日はいい天気ですね。",
    "cp1250": "Příliš žluťoučký kůň úpěl ďábelské ódy",
    "utf-16-le": "Hello world",
    "utf-16-be": "Hello world",
}
VTT = "WEBVTT\n\nNOTE x\n\n00:01.000 --> 00:03.000 line:0\n<v Bob><c.red>Hi</c> there &amp; you\n"
ASS = (
    "[Script Info]\n\n[Events]\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
    "Dialogue: 0,0:00:01.00,0:00:03.00,Default,,0,0,0,,{\\an8}Hello, world\\Nnext {\\p1}m 0 0 l 1 1{\\p0}done\n"
    "Comment: 0,0:00:01.00,0:00:03.00,Default,,0,0,0,,not shown\n"
)


def plain(content: str, name: str) -> list[tuple[float, float, str]]:
    cues = cues_of(text_cues(content, name), source=name, language=None, max_length=100)
    return [(cue.start_seconds, cue.end_seconds, cue.text) for cue in cues]


@pytest.mark.parametrize("encoding", GREETINGS)
def test_encodings_are_told(encoding):
    assert decoded(GREETINGS[encoding].encode(encoding))[0] == GREETINGS[encoding]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_marks_of_encodings_are_no_text(encoding):
    assert decoded("Hello é".encode(encoding))[0] == "Hello é"


def test_formats_give_the_same_kind_of_cue():
    assert plain("1\n00:00:01,000 --> 00:00:03,500\n<i>Hello</i> <font color=red>you</font>\n", "a.srt") == [
        (1.0, 3.5, "Hello you")
    ]
    assert plain(VTT, "a.vtt") == [(1.0, 3.0, "Hi there & you")]
    assert plain(ASS, "a.ASS") == [(1.0, 3.0, "Hello, world\nnext done")]


@pytest.mark.parametrize("name", ["a.srt", "a.vtt", "a.ass"])
@pytest.mark.parametrize("content", ["", "\0" * 1000, "garbage", "WEBVTT", "1\n00:00 --> x\nhi\n", "ы" * 10_000])
def test_what_holds_no_cue_gives_none_or_one_line(content, name):
    with suppress(BadInputError):
        assert plain(content, name) == []


@pytest.mark.parametrize("mark", ["<i>", "{", "{\\p1}", "<a", "<c>", "{\\t("])
def test_nested_markup_takes_no_time(mark):
    bomb = mark * 200_000
    assert len(plain(srt([(1, 2, f"{bomb}x")]), "a.srt")) <= 1
    assert len(plain(f"WEBVTT\n\n00:01.000 --> 00:02.000\n{bomb}\n", "a.vtt")) <= 1


def test_ends_that_are_not_known_are_those_of_the_next_cue():
    marked = [MarkedCue(4.0, 1.0, "c"), MarkedCue(1.0, None, "a"), MarkedCue(2.5, None, "b"), MarkedCue(2.5, 3, "")]
    cues = cues_of(marked, source="x", language=None, shift_seconds=1.0, max_length=10)
    assert [(cue.start_seconds, cue.end_seconds, cue.text) for cue in cues] == [
        (2.0, 3.5, "a"),
        (3.5, 5.0, "b"),
        (5.0, 10.0, "c"),
    ]


def test_cues_outside_of_the_picture_are_left_out():
    cues = [Cue(start, start + 1.0, str(start), None, "x") for start in (9.0, 2.0, -5.0, 1.0)]
    assert [cue.start_seconds for cue in within(cues, begin_seconds=1.5, end_seconds=9.0)] == [1.0, 2.0]


@pytest.mark.parametrize(
    ("name", "language"),
    [("f.en.srt", "en"), ("f.pt-BR.srt", "pt-br"), ("f.eng.sdh.srt", "eng"), ("f.sdh.srt", None), ("f.mp4.srt", None)],
)
def test_languages_of_names(name, language):
    assert language_of(name, "f") == language


def test_lines_and_spaces_of_text():
    assert plain_text(r"  a\N\N  b\hc  {open") == "a\nb c {open"
