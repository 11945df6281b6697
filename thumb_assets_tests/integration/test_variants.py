"""Covers for a test and choices without spoilers, of a real clip, from the file on."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from thumb_assets.cli import main
from thumb_assets.settings.load import load_settings
from thumb_assets.store.parquet import TableStore
from thumb_assets_tests.support.running import register, run_stages

STAGES = ("videos", "frames", "shots", "candidate_frames", "sharpness", "appearance", "selections")


@pytest.mark.slow
def test_a_real_clip_gives_covers_of_named_traits_and_keeps_its_end_to_itself(shared_dir: Path, data_dir: Path) -> None:
    (video_id,) = register(data_dir, [shared_dir / "video" / "fades.mp4"])
    variants = load_settings(overrides=["selection.strategy=variants", "selection.near_equal_share=0.5"])
    results = run_stages(data_dir, [video_id], STAGES, settings=variants)
    assert {result.status for result in results.values()} == {"done"}
    traits = TableStore(data_dir).read("selections", video_id).column("traits").to_pylist()
    assert all(traits)
    assert len(set(traits)) == len(traits) > 1
    told = CliRunner().invoke(main, ["show", "fades", "--why", "--data-dir", str(data_dir)]).output
    assert all(f"traits: {each};" in told for each in traits)
    safe = load_settings(overrides=["selection.spoiler_safe=true"])
    done = run_stages(data_dir, [video_id], STAGES, settings=safe)[video_id, "selections"]
    assert "selection.spoiler_safe: " in str(done.metrics["note"])
    candidates = TableStore(data_dir).read("candidate_frames", video_id).column("pts_seconds").to_pylist()
    chosen = TableStore(data_dir).read("selections", video_id).column("pts_seconds").to_pylist()
    assert chosen
    assert max(chosen) <= min(candidates) + 0.6 * (max(candidates) - min(candidates))
