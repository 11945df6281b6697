"""The library's distributions: of which videos, when, and how many values."""

from pathlib import Path

import numpy as np
import pytest

from thumb_assets.store.candidate_cache import CandidateCache
from thumb_assets.store.parquet import TableStore
from thumb_assets.survey.reference import MAX_QUANTILES, Reference, quantiles, reference_of
from thumb_assets_tests.unit.survey.builders import MODEL, write_video

OTHER_PROMPTS = {**MODEL, "prompts_sha256": "d" * 64}


def reference(store: TableStore, *, min_videos: int) -> Reference | None:
    stored = CandidateCache(store).candidates()
    assert stored.measured is not None
    return reference_of(stored.measured, stored.clip_footers, min_videos=min_videos)


@pytest.fixture
def store(data_dir: Path) -> TableStore:
    store = TableStore(data_dir)
    for number in range(3):
        write_video(store, f"video-{number:08x}", ["one", "two"], sharpness=10.0 * number)
    return store


def test_all_values_of_all_videos_in_order(store: TableStore) -> None:
    found = reference(store, min_videos=3)
    assert found is not None
    assert found.values["sharpness"].tolist() == [0, 0, 10, 10, 20, 20]
    assert set(found.values) == {"sharpness", "clip", "contrast"}
    assert found.clip == MODEL


def test_too_few_videos_say_nothing(store: TableStore) -> None:
    assert reference(store, min_videos=4) is None


def test_clip_is_of_the_model_and_prompts_that_most_videos_have(store: TableStore) -> None:
    write_video(store, "other-00000000", ["one"], model=OTHER_PROMPTS)
    found = reference(store, min_videos=3)
    assert found is not None
    assert found.clip == MODEL
    assert len(found.values["clip"]) == 6
    assert len(found.values["sharpness"]) == 7
    without = reference(store, min_videos=4)
    assert without is not None
    assert set(without.values) == {"sharpness", "contrast"}
    assert without.clip == {}


def test_many_values_are_told_by_some_of_them() -> None:
    values = np.random.default_rng(0).normal(size=50_000)
    told = quantiles(values)
    assert len(told) == MAX_QUANTILES
    assert (told[0], told[-1]) == (values.min(), values.max())
    assert (np.diff(told) >= 0).all()
    for value in np.quantile(values, [0.01, 0.3, 0.9]):
        assert np.mean(told <= value) == pytest.approx(np.mean(values <= value), abs=1e-3)
