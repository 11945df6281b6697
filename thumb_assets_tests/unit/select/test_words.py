"""Words that are looked for and avoided, held against subtitles."""

import numpy as np
import pytest

from thumb_assets.select.aligned import texts_at, values_at
from thumb_assets.select.guidance import Guidance
from thumb_assets.select.words import share_of_words, words_in
from thumb_assets.settings.selection import SelectionSettings
from thumb_assets.tables.conform import table_from_rows
from thumb_assets_tests.unit.select.builders import (
    VIDEO_ID,
    Case,
    by_frame,
    candidates_table,
    ranking,
    subtitles_table,
    texts_table,
)

CANDIDATES = candidates_table({frame: 10.0 * frame for frame in range(4)})
SUBTITLES = subtitles_table((9.0, 11.0, "The Régional budget"), (9.5, 11.0, "Das Budget"), (29.0, 31.0, "the\nweather"))
CASE = Case(CANDIDATES, subtitles=SUBTITLES, settings=SelectionSettings(top_k=1))


def test_the_frame_at_the_subtitle_with_the_words_is_chosen_and_the_reason_quotes_it():
    for query, frame in (("regional budget", 1), ("the weather", 3)):
        choice = CASE.choose(guidance=Guidance(words={"looking_for": query}))
        assert ranking(choice) == [frame]
        row = by_frame(choice.selections)[frame]
        assert row["words_percentile"] == pytest.approx(1.0)
        assert choice.components == ("words",)
    assert 'words 1.00; subtitle "the weather"' in row["reason"]


@pytest.mark.parametrize("query", ["a red car", "", "!?"])
def test_words_that_no_subtitle_has_have_no_say(query):
    guidance = Guidance(words={"looking_for": query})
    assert np.isnan(guidance.said(CASE.measured)).all()
    assert np.isnan(guidance.said(Case(CANDIDATES).measured)).all()
    choice = CASE.choose(guidance=guidance)
    assert choice.selections.column("words_percentile").to_pylist() == [None]
    assert "subtitle" not in choice.selections.column("reason")[0].as_py()


def test_what_a_subtitle_says_can_be_avoided():
    choice = CASE.choose(guidance=Guidance(words={"avoid": "budget"}), settings=SelectionSettings(top_k=3))
    row = by_frame(choice.rejections)[1]
    assert (row["reason"], row["setting"], row["value"]) == ("avoided", "selection.avoid_words", pytest.approx(1.0))
    assert sorted(ranking(choice)) == [0, 2, 3]


def test_what_is_written_is_matched_line_by_line_and_the_reason_quotes_the_line():
    texts = texts_table((2, "Quarterly results", 40.0), (2, "Revenue and costs", 20.0), (3, "Thank you", 40.0))
    case = Case(CANDIDATES, subtitles=SUBTITLES, texts=texts, settings=SelectionSettings(top_k=1))
    choice = case.choose(guidance=Guidance(words={"looking_for": "revenue costs"}))
    assert ranking(choice) == [2]
    assert 'words 1.00; writing "Revenue and costs"' in by_frame(choice.selections)[2]["reason"]
    choice = case.choose(guidance=Guidance(words={"looking_for": "weather"}))
    assert 'subtitle "the weather"' in by_frame(choice.selections)[3]["reason"]
    avoided = case.choose(guidance=Guidance(words={"avoid": "thank you"}), settings=SelectionSettings(top_k=3))
    assert by_frame(avoided.rejections)[3]["reason"] == "avoided"


def test_another_likeness_may_take_the_place_of_shares_of_words():
    guidance = Guidance(
        words={"looking_for": "rain"}, likeness=lambda _, texts: np.array(["weather" in text for text in texts], float)
    )
    assert ranking(CASE.choose(guidance=guidance)) == [3]


def test_rare_words_weigh_more_than_common_ones_and_a_lone_article_is_nothing():
    texts = ["the dog", "the cat", "the bird", "", "a bird and the dog"]
    shares = share_of_words("the dog", texts)
    assert shares[[1, 2, 3]].tolist() == [0, 0, 0]
    assert shares[[0, 4]] == pytest.approx([1, 1])
    assert 0.5 < share_of_words("the dog barks", texts)[0] < 1 or share_of_words("the dog barks", texts)[0] == 0


def test_words_of_any_script():
    assert words_in("ÉTÉ été Ete") == {"ete"}
    assert words_in("Привет, МИР") == {"привет", "мир"}
    assert share_of_words("東京", ["東京都に行く", "大阪"]).tolist() == [1.0, 0.0]


def test_cues_and_spans_hold_their_start_and_not_their_end():
    seconds = np.array([8.99, 9.0, 10.0, 11.0, 30.0])
    assert texts_at(SUBTITLES, seconds=seconds) == (
        "",
        "The Régional budget",
        "The Régional budget\nDas Budget",
        "",
        "the\nweather",
    )
    rows = [
        {
            "video_id": VIDEO_ID,
            "start_seconds": start,
            "end_seconds": start + 0.5,
            "loudness_lufs": value,
            "peak_dbfs": None,
            "onset_db": None,
            "speech_probability": None,
        }
        for start, value in ((1.0, -20.0), (1.5, None))
    ]
    audio = table_from_rows("audio", rows)
    found = values_at(audio, "loudness_lufs", seconds=np.array([0.9, 1.0, 1.49, 1.5, 2.0]))
    assert np.nan_to_num(found, nan=0).tolist() == [0, -20, -20, 0, 0]
    assert np.isnan(values_at(None, "loudness_lufs", seconds=seconds)).all()


def test_the_loudest_moment_counts_where_its_weight_is_set():
    audio = table_from_rows(
        "audio",
        [
            {
                "video_id": VIDEO_ID,
                "start_seconds": 10.0 * frame,
                "end_seconds": 10.0 * frame + 0.5,
                "loudness_lufs": -30.0 + (frame == 2) * 10,
                "peak_dbfs": None,
                "onset_db": None,
                "speech_probability": None,
            }
            for frame in range(4)
        ],
    )
    settings = SelectionSettings(top_k=1, weights={"sound": 1.0})
    choice = Case(CANDIDATES, audio=audio, settings=settings).choose()
    assert ranking(choice) == [2]
    assert "sound 1.00" in choice.selections.column("reason")[0].as_py()
