"""Facts of a moment: named where they are so, and never as if they had counted."""

import pyarrow as pa
import pytest

from thumb_assets.select.moments import known_of_moment
from thumb_assets.tables.conform import table_from_rows

VIDEO = "a-1"
# Half seconds of a talk at -24 LUFS with a clap at 5 s, silence from 8 s on and a loud end.
LOUDNESS = [-24.0] * 10 + [-14.0] + [-24.0] * 5 + [-70.0] * 3 + [-15.0]


def audio(*, speech=0.1):
    return table_from_rows(
        "audio",
        [
            {
                "video_id": VIDEO,
                "start_seconds": place / 2,
                "end_seconds": place / 2 + 0.5,
                "loudness_lufs": loudness,
                "peak_dbfs": loudness + 10,
                "onset_db": 20.0 if place == 10 else 1.0,
                "speech_probability": speech,
            }
            for place, loudness in enumerate(LOUDNESS)
        ],
    )


def known(tables, seconds, *, selection=None, is_sound_counted=False, frame_index=0):
    return known_of_moment(
        tables, frame_index=frame_index, seconds=seconds, selection=selection, is_sound_counted=is_sound_counted
    )


@pytest.mark.parametrize(
    ("seconds", "fact"),
    [
        (5.2, "a burst of sound at 5.0 s (-14 LUFS, 10 LU above the usual)"),
        (4.5, "a burst of sound at 5.0 s (-14 LUFS, 10 LU above the usual)"),
        (9.7, "louder than usual (-15 LUFS, 9 LU above the usual)"),
        (8.6, "silence"),
    ],
)
def test_sound_is_named_where_it_is_remarkable(seconds, fact):
    assert known({"audio": audio()}, seconds) == f". Known of that moment: {fact}"


def test_usual_sound_and_seconds_without_sound_are_not_named():
    assert known({"audio": audio()}, 2.0) == ""
    assert known({"audio": audio()}, 99.0) == ""
    assert known({}, 5.2) == ""
    nothing = audio().set_column(3, "loudness_lufs", pa.nulls(len(LOUDNESS), pa.float64()))
    assert known({"audio": nothing}, 5.2) == ""


def test_a_selection_says_that_sound_did_not_count_unless_it_did():
    tables = {"audio": audio(speech=0.9)}
    facts = "a burst of sound at 5.0 s (-14 LUFS, 10 LU above the usual); speech (probability 0.90)"
    assert known(tables, 5.2, selection={"rank": 1}) == f". Known of that moment, with no say in its score: {facts}"
    assert known(tables, 5.2, selection={"rank": 1}, is_sound_counted=True) == f". Heard then: {facts}"


def cue():
    row = {"cue_index": 0, "start_seconds": 1.0, "end_seconds": 3.0, "text": "Hello\nyou", "source": "a.srt"}
    return table_from_rows("subtitles", [{"video_id": VIDEO, "language": None, **row}])


def test_words_are_quoted_unless_the_reason_quotes_them():
    tables = {"subtitles": cue()}
    assert known(tables, 2.0) == '. Known of that moment: subtitle "Hello you"'
    assert known(tables, 2.0, selection={"words_percentile": 1.0}) == ""
    assert known(tables, 4.0) == ""


def test_without_a_model_nothing_is_said_of_speech():
    tables = {"audio": audio(speech=None)}
    assert known(tables, 5.2) == ". Known of that moment: a burst of sound at 5.0 s (-14 LUFS, 10 LU above the usual)"
