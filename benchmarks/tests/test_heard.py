"""The queries planted in the made video: each means one subtitle."""

from itertools import pairwise

import numpy as np

from benchmarks.heard import NUM_EVENTS, SECONDS, planted
from thumb_assets.select.words import share_of_words
from thumb_assets.subtitles import plain_text


def test_each_query_means_one_subtitle():
    cues, queries, events = planted()
    texts = [plain_text(text) for _, _, text in cues]
    assert len(queries) == len(cues) == 40
    for place, query in enumerate(queries):
        shares = share_of_words(query, texts)
        assert np.flatnonzero(shares == shares.max()).tolist() == [place]
    assert all(start < end < following for (start, end, _), (following, _, _) in pairwise(cues))
    assert len(events) == NUM_EVENTS
    assert 0 < min(events) < max(events) < SECONDS


def test_no_query_in_other_words_has_a_word_of_its_subtitle():
    cues, queries, _ = planted(is_rephrased=True)
    assert len({text for _, _, text in cues}) == len(set(queries)) == 40
    for (_, _, text), query in zip(cues, queries, strict=True):
        assert not share_of_words(query, [text]).any()
