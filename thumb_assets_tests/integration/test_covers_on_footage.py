"""Covers for a test, and no spoilers, chosen from real footage by the engine."""

from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest

from thumb_assets.settings.load import load_settings
from thumb_assets.store.parquet import TableStore
from thumb_assets_tests.support.running import WITHOUT_MODELS, register, run_stages
from thumb_assets_tests.support.spoilers import REPORTED, stretches_of, write_film

# Without the models that need weights; faces and subjects are in packages.
_STAGES = tuple(
    stage for stage in (*WITHOUT_MODELS[: WITHOUT_MODELS.index("selections")], "faces", "subjects", "selections")
)
VARIANTS = ("selection.strategy=variants",)
SAFE = ("selection.spoiler_safe=true", "selection.top_k=5")


def chosen(data_dir: Path, video_id: str, overrides: tuple[str, ...]) -> tuple[pa.Table, pa.Table, str]:
    """Selections and rejections under these settings, and the note of the run."""
    result = run_stages(data_dir, [video_id], _STAGES, settings=load_settings(overrides=list(overrides)))
    store, made = TableStore(data_dir), result[video_id, "selections"]
    return store.read("selections", video_id), store.read("rejections", video_id), str(made.metrics.get("note"))


@pytest.mark.slow
def test_a_real_clip_has_three_covers_that_differ_in_named_traits(shared_dir, data_dir):
    (video_id,) = register(data_dir, [shared_dir / "footage" / "cosmos_30s.mp4"])
    selections, rejections, _ = chosen(data_dir, video_id, VARIANTS)
    rows = sorted(selections.to_pylist(), key=lambda row: row["rank"])
    assert len(rows) == 3
    named = [set(row["traits"].split(", ")) for row in rows]
    assert all(one - other for place, one in enumerate(named) for other in named[:place])
    best = max(row["combined_score"] for row in rows)
    assert all(row["combined_score"] >= load_settings().selection.near_equal_share * best for row in rows)
    # None of what breaks a rule is a cover, and each of the others says why it is none.
    assert {row["frame_index"] for row in rows}.isdisjoint(rejections.column("frame_index").to_pylist())
    assert None not in rejections.column("reason").to_pylist()


@pytest.mark.slow
@pytest.mark.parametrize("name", REPORTED)
def test_no_pick_of_a_real_film_gives_its_end_away(shared_dir, data_dir, tmp_path, name):
    video = tmp_path / "film.mp4"
    parts = write_film(video, shared_dir / "footage", stretches_of(name))
    (video_id,) = register(data_dir, [video])
    selections, rejections, note = chosen(data_dir, video_id, SAFE)
    shown = Counter(parts[index] for index in selections.column("frame_index").to_pylist())
    assert set(shown) <= {"intro", "story"}
    assert shown["story"] >= 2
    why = Counter((parts[row["frame_index"]], row["reason"]) for row in rejections.to_pylist())
    assert why["finale", "late_in_story"] + why["finale", "foretells_end"] > 0
    assert "candidates are left out; the selections cover" in note
