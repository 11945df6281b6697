"""A decision on a candidate measures nothing again, and one on another frame measures that frame alone."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from thumb_assets.pipeline.result import StageResult
from thumb_assets.pipeline.scoring import LOADING_MODEL
from thumb_assets.settings.load import load_settings
from thumb_assets.store.decisions import decide
from thumb_assets.store.parquet import TableStore
from thumb_assets_tests.support.running import WITHOUT_MODELS, register, run_stages

STAGES = (*WITHOUT_MODELS, "faces", "clip_scores", "iqa_scores")
MEASURES = {"sharpness", "appearance", "faces", "clip_scores", "iqa_scores"}
SETTINGS = ["clip.on_unavailable=error", "faces.on_unavailable=error"]


class Library:
    """A data folder with one video that was run once."""

    def __init__(self, data_dir: Path, video_id: str) -> None:
        self.store, self.video_id = TableStore(data_dir), video_id
        self.steps: list[str] = []
        self.run()

    def run(self, *overrides: str, is_recomputed: bool = False) -> dict[str, StageResult]:
        self.steps.clear()
        settings = load_settings(overrides=[*SETTINGS, *overrides])
        results = run_stages(
            self.store.data_dir,
            [self.video_id],
            STAGES,
            settings=settings,
            steps=self.steps,
            is_recomputed=is_recomputed,
        )
        assert {stage: result.message for (_, stage), result in results.items() if result.status != "done"} == {}
        return {stage: result for (_, stage), result in results.items()}

    def made_again(self, *overrides: str) -> set[str]:
        return {stage for stage, result in self.run(*overrides).items() if not result.is_unchanged} - {"catalog"}

    def candidates(self) -> list[int]:
        indices: list[int] = self.store.read("candidate_frames", self.video_id).column("frame_index").to_pylist()
        return indices

    def other(self) -> int:
        """A frame that is no candidate."""
        return next(frame for frame in range(20, 10**6) if frame not in self.candidates())

    def measured(self) -> dict[str, pa.Table]:
        return {name: self.store.read(name, self.video_id) for name in sorted(MEASURES)}


@pytest.fixture
def library(synthetic_videos: Callable[[str], Path], data_dir: Path) -> Library:
    (video_id,) = register(data_dir, [synthetic_videos("multi_shot")])
    return Library(data_dir, video_id)


def assert_equal(found: pa.Table, wanted: pa.Table, name: str) -> None:
    assert found.schema.equals(wanted.schema), name
    for column in wanted.column_names:
        ours, theirs = (table.column(column).to_pylist() for table in (found, wanted))
        if pa.types.is_floating(wanted.schema.field(column).type) or column == "embedding":
            assert [each is None for each in ours] == [each is None for each in theirs], (name, column)
            pairs = [(one, two) for one, two in zip(ours, theirs, strict=True) if one is not None]
            assert all(np.allclose(one, two, rtol=0, atol=1e-6) for one, two in pairs), (name, column)
        else:
            assert ours == theirs, (name, column)


@pytest.mark.parametrize("word", ["pin", "cover", "ban"])
def test_a_decision_on_a_candidate_measures_nothing(library: Library, word: str) -> None:
    before = library.measured()
    decide(library.store, library.video_id, {library.candidates()[-2]: word})
    assert library.made_again() <= {"candidate_frames", "selections", "stills"}
    assert [step for step in library.steps if step.startswith((LOADING_MODEL, "decoding", "fetching"))] == []
    decide(library.store, library.video_id, {library.candidates()[-2]: None})
    assert not library.made_again() & MEASURES
    assert library.measured() == before


def test_a_pin_of_another_frame_measures_it_alone(library: Library) -> None:
    before, frame = library.candidates(), library.other()
    decide(library.store, library.video_id, {frame: "pin"})
    results = library.run()
    assert sorted({*before, frame}) == library.candidates(), "a pin adds a candidate and takes none"
    kept = {stage: result.metrics.get("num_kept") for stage, result in results.items() if stage in MEASURES}
    assert kept == {**dict.fromkeys(MEASURES, len(before)), "appearance": None}
    assert "text_share" in str(results["appearance"].metrics["note"])
    pinned = library.measured()
    assert library.made_again() == set(), "footers say what was made"
    library.run(is_recomputed=True)
    for name, table in library.measured().items():
        assert_equal(pinned[name], table, name)


def test_a_pin_that_is_taken_back_leaves_the_rows_of_before(library: Library) -> None:
    before, frame = library.measured(), library.other()
    for word in ("pin", None):
        decide(library.store, library.video_id, {frame: word})
        library.run()
    assert not [step for step in library.steps if step == "decoding"]
    assert {name: table.to_pylist() for name, table in library.measured().items() if name != "appearance"} == {
        name: table.to_pylist() for name, table in before.items() if name != "appearance"
    }


def test_rows_of_other_settings_are_not_kept(library: Library) -> None:
    decide(library.store, library.video_id, {library.other(): "pin"})
    results = library.run("iqa.working_height=96")
    assert "num_kept" not in results["iqa_scores"].metrics
    assert results["sharpness"].metrics["num_kept"]


def test_every_frame_measured_needs_no_pin(library: Library) -> None:
    every = "iqa.scope=every_frame"
    library.run(every)
    decide(library.store, library.video_id, {library.other(): "pin"})
    assert "iqa_scores" not in library.made_again(every)
