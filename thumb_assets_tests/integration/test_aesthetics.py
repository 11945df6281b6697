"""The stage `aesthetics` over stored embeddings: which heads may rate which, and what the score does to the choice."""

from pathlib import Path

import numpy as np
import pytest
import torch

from thumb_assets.settings.load import load_settings
from thumb_assets.store.parquet import TableStore
from thumb_assets.store.stored_form import CONTENT, OWN_FOOTER_KEYS
from thumb_assets.tables.conform import content_sha256, table_from_rows
from thumb_assets_tests.support.running import WITHOUT_MODELS, register, run_stages

ON = "aesthetics.is_on=true"
# As many numbers as an embedding of thumb-mini, and of OpenAI's ViT-L-14, has.
MINI, LARGE = 64, 768


@pytest.fixture
def video(synthetic_videos, data_dir):
    """A video with embeddings of thumb-mini."""
    (video_id,) = register(data_dir, [synthetic_videos("multi_shot")])
    run_stages(data_dir, [video_id], (*WITHOUT_MODELS, "clip_scores"))
    return video_id


def head_file(path: Path, num_dimensions: int, *, bias: float = 5.0) -> Path:
    weight = torch.from_numpy(np.random.default_rng(7).standard_normal((1, num_dimensions)).astype(np.float32))
    torch.save({"weight": weight, "bias": torch.tensor([bias])}, path)
    return path


def rated(data_dir: Path, video_id: str, *overrides: str, stages: tuple[str, ...] = ("aesthetics", "selections")):
    return run_stages(data_dir, [video_id], stages, settings=load_settings(overrides=[ON, *overrides]))


def openai_s(data_dir: Path, video_id: str) -> None:
    """Puts embeddings in the stored ones' place that say of themselves that they are OpenAI's."""
    store = TableStore(data_dir)
    footer = {key: each for key, each in store.footer("clip_scores", video_id).items() if key not in OWN_FOOTER_KEYS}
    generator = np.random.default_rng(3)
    rows = [
        {**row, "embedding": generator.standard_normal(LARGE).astype(np.float16)}
        for row in store.read("clip_scores", video_id).to_pylist()
    ]
    table = table_from_rows("clip_scores", rows)
    of_model = {"model_name": "ViT-L-14", "pretrained": "openai@sha256:0123456789ab"}
    store.write("clip_scores", table, video_id=video_id, footer={**footer, **of_model, CONTENT: content_sha256(table)})


def test_it_is_off_by_default(video, data_dir):
    result = run_stages(data_dir, [video], ("aesthetics",))[video, "aesthetics"]
    assert result.status == "skipped"
    assert "aesthetics.is_on=true" in result.message


def test_a_head_of_another_model_is_refused_in_one_line(video, data_dir):
    result = rated(data_dir, video)[video, "aesthetics"]
    assert result.status == "failed"
    assert "no aesthetic head is for the embeddings of thumb-mini" in result.message
    assert "clip.model=ViT-L-14 and clip.pretrained=openai" in result.message
    assert "\n" not in result.message


def test_a_head_of_one_s_own_rates_every_candidate_and_may_decide(video, data_dir, tmp_path):
    store = TableStore(data_dir)
    size = len(store.read("clip_scores", video).column("embedding")[0].as_py())
    assert size == MINI
    path = head_file(tmp_path / "mine.pth", MINI)
    results = rated(data_dir, video, f"aesthetics.model_path={path}")
    assert results[video, "aesthetics"].status == "done", results[video, "aesthetics"].message
    scores = {row["frame_index"]: row["aesthetic_score"] for row in store.read("aesthetics", video).to_pylist()}
    assert set(scores) == set(store.read("candidate_frames", video).column("frame_index").to_pylist())
    assert len(set(scores.values())) > 1
    first = store.read("selections", video).to_pylist()
    assert all(row["aesthetic_percentile"] is not None for row in first)
    assert "aesthetic" not in results[video, "selections"].metrics["components"], "its weight is 0 by default"
    alone = [f"selection.weights.{name}=0" for name in ("sharpness", "clip", "contrast", "subject")]
    wanted = ["selection.weights.aesthetic=1", "selection.top_k=1", f"aesthetics.model_path={path}", *alone]
    rated(data_dir, video, *wanted)
    (chosen,) = store.read("selections", video).to_pylist()
    rejected = {row["frame_index"] for row in store.read("rejections", video).to_pylist() if row["stage"] == "reject"}
    assert scores[chosen["frame_index"]] == max(score for frame, score in scores.items() if frame not in rejected)


def test_a_head_of_another_size_is_left_out_with_a_line(video, data_dir, tmp_path):
    path = head_file(tmp_path / "large.pth", LARGE)
    result = rated(data_dir, video, f"aesthetics.model_path={path}")[video, "aesthetics"]
    assert result.status == "skipped"
    assert f"large.pth is a head for embeddings of {LARGE} dimensions, and these have {MINI}" in result.message
    strict = rated(data_dir, video, f"aesthetics.model_path={path}", "aesthetics.on_unavailable=error")
    assert strict[video, "aesthetics"].status == "failed"


def test_the_registered_head_is_looked_for_by_the_model_of_the_embeddings(video, data_dir, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("THUMB_ASSETS_MODELS_DIR", str(tmp_path))
    openai_s(data_dir, video)
    absent = rated(data_dir, video, stages=("aesthetics",))[video, "aesthetics"]
    assert absent.status == "skipped", absent.message
    assert "run `thumb-assets models fetch laion-aesthetic-vit-l-14`" in absent.message
    head_file(tmp_path / "sa_0_4_vit_l_14_linear.pth", LARGE)
    other = rated(data_dir, video, stages=("aesthetics",))[video, "aesthetics"]
    assert other.status == "skipped"
    assert "is not the model laion-aesthetic-vit-l-14: its SHA-256 is" in other.message
    path = tmp_path / "sa_0_4_vit_l_14_linear.pth"
    taken = rated(data_dir, video, f"aesthetics.model_path={path}", stages=("aesthetics",))[video, "aesthetics"]
    assert taken.status == "done"
