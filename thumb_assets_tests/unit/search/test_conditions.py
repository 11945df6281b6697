"""Ranges of scores: what is read, what is refused, and which frames are in them."""

import numpy as np
import pytest

from benchmarks.what_if import write_library
from thumb_assets.errors import BadInputError, SettingsError
from thumb_assets.search.conditions import MEASURES, conditions_of, require_known
from thumb_assets.select.score import score_candidates
from thumb_assets.settings.load import load_settings
from thumb_assets.store.candidate_cache import CandidateCache
from thumb_assets.store.parquet import TableStore


def test_several_ranges_are_read_in_one_text_or_in_many() -> None:
    one = conditions_of(["sharpness>=0.5, luma_mean < 200 and num_faces>0"])
    assert one == conditions_of(["sharpness >= .5", "luma_mean<2e2", "num_faces > 0"])
    assert [(each.measure.name, each.sign, each.bound) for each in one] == [
        ("sharpness", ">=", 0.5),
        ("luma_mean", "<", 200.0),
        ("num_faces", ">", 0.0),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sharpness",
        "sharpness>",
        ">=1",
        "sharpness>=luma_mean",
        "sharpness>=nan",
        "sharpness>=inf",
        "__import__('os').system('true')>1",
        "sharpness>=1;drop table videos",
        "video_id>1",
        "sharpness>=0.5 or luma_mean>3",
        "ｓharpness>=1",
        "sharpness>=" + "9" * 5000 + "x",
    ],
)
def test_anything_else_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(SettingsError) as raised:
        conditions_of([text])
    assert "\n" not in str(raised.value)


def test_every_score_has_values_and_bounds_hold(data_dir) -> None:
    store = TableStore(data_dir)
    write_library(store, 3, 20)
    measured, settings = CandidateCache(store).candidates().measured, load_settings()
    for name, measure in MEASURES.items():
        values = measure.of(measured, settings)
        assert values.shape == measured.frame_indices.shape, name
        assert measure.doc.strip(), name
    scores = score_candidates(measured, settings=settings.selection)
    np.testing.assert_array_equal(MEASURES["score"].of(measured, settings), scores.combined)
    np.testing.assert_array_equal(MEASURES["sharpness"].of(measured, settings), scores.percentiles["sharpness"])
    num_faces = MEASURES["num_faces"].of(measured, settings)
    assert num_faces.sum() == len(measured.faces.positions)
    (condition,) = conditions_of(["luma_mean>=100"])
    np.testing.assert_array_equal(condition.holds(measured["luma_mean"]), measured["luma_mean"] >= 100)
    (unknown,) = conditions_of(["judge_score>=1"])
    with pytest.raises(BadInputError, match="judge_score"):
        require_known(unknown, measured["judge_score"])
