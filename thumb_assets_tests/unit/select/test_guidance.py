from dataclasses import dataclass

import numpy as np
import pytest

from thumb_assets.select.guidance import Guidance
from thumb_assets.select.measure import CandidateArrays
from thumb_assets.settings.selection import SelectionSettings
from thumb_assets_tests.unit.select.builders import Case, by_frame, candidates_table, clip_table, ranking

FRAMES = list(range(4))
CANDIDATES = candidates_table({frame: 10.0 * frame for frame in FRAMES})
CLIP = clip_table(dict.fromkeys(FRAMES, 0.2))  # frame n shows direction n and nothing else
CASE = Case(CANDIDATES, clip_scores=CLIP, settings=SelectionSettings(top_k=1))


def direction(*places: int) -> np.ndarray:
    return np.eye(4, dtype=np.float32)[list(places)]


@dataclass(frozen=True)
class FavouriteFrame:
    """A learned scorer that knows one good frame, and nothing of another."""

    best: int
    unknown: int | None = None

    def scores(self, measured: CandidateArrays) -> np.ndarray:
        scores = (measured.frame_indices == self.best).astype(np.float64)
        scores[measured.frame_indices == self.unknown] = np.nan
        return scores


def test_what_is_looked_for_is_chosen():
    for frame in FRAMES:
        choice = CASE.choose(guidance=Guidance(looking_for=direction(frame)))
        assert ranking(choice) == [frame]
        row = by_frame(choice.selections)[frame]
        assert row["text_percentile"] == 1.0
        assert "text 1.00" in row["reason"]
        assert choice.components == ("clip", "text")


def test_of_several_prompts_the_one_that_is_most_like_it_counts():
    guidance = Guidance(looking_for=direction(1, 3))
    assert guidance.wanted(CASE.measured).tolist() == [0.0, 1.0, 0.0, 1.0]


def test_without_embeddings_or_with_those_of_another_size_nothing_is_said():
    guidance = Guidance(looking_for=direction(1), avoid=direction(2))
    without = Case(CANDIDATES).measured
    assert np.isnan(guidance.wanted(without)).all()
    assert np.isnan(guidance.avoided(without)).all()
    other_size = Guidance(looking_for=np.ones((1, 3), np.float32))
    assert np.isnan(other_size.wanted(CASE.measured)).all()
    choice = CASE.choose(guidance=other_size)
    assert choice.selections.column("text_percentile").to_pylist() == [None]


def test_what_is_avoided_is_rejected_by_how_much_more_like_it_than_like_a_good_frame_it_is():
    settings = SelectionSettings(top_k=4, avoid_margin=0.1)
    choice = CASE.choose(guidance=Guidance(avoid=direction(2)), settings=settings)
    assert sorted(ranking(choice)) == [0, 1, 3]
    (row,) = choice.rejections.to_pylist()
    assert (row["frame_index"], row["stage"], row["reason"]) == (2, "reject", "avoided")
    assert row["value"] == pytest.approx(0.8)  # 1.0 above the 0.2 to a good frame
    assert row["threshold"] == 0.1


def test_where_all_is_to_be_avoided_nothing_is_chosen():
    choice = CASE.choose(guidance=Guidance(avoid=direction(*FRAMES)))
    assert choice.selections.num_rows == 0
    assert choice.rejections.column("reason").to_pylist() == ["avoided"] * 4


def test_nothing_to_avoid_is_no_rule():
    assert Guidance().avoided(CASE.measured) is None


def test_a_learned_scorer_is_one_more_component():
    choice = CASE.choose(guidance=Guidance(scorer=FavouriteFrame(best=2, unknown=0)))
    assert ranking(choice) == [2]
    assert choice.components == ("clip", "learned")
    assert by_frame(choice.selections)[2]["learned_percentile"] == 1.0
    everything = CASE.choose(
        guidance=Guidance(scorer=FavouriteFrame(best=2, unknown=0)), settings=SelectionSettings(top_k=4)
    )
    assert by_frame(everything.selections)[0]["learned_percentile"] is None
