"""Weights that hold code: the stage fails and the command says so, whatever `on_unavailable` is."""

import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from thumb_assets.cli import main
from thumb_assets.weights.faults import refusal_of
from thumb_assets.weights.registry import get_model_file
from thumb_assets_tests.support.tiny_clip import TinyModel


class Payload:
    """Payload of a hostile checkpoint: unpickling it leaves a mark."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return (open, (str(self.path), "w"))


@pytest.mark.parametrize("stage", ["clip_scores", "iqa_scores"])
def test_a_run_with_refused_weights_fails(
    synthetic_videos: Callable[[str], Path],
    data_dir: Path,
    tmp_path: Path,
    tiny_model: TinyModel,
    stage: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trace, models_dir = tmp_path / "was-run", tmp_path / "models"
    models_dir.mkdir()
    monkeypatch.setenv("THUMB_ASSETS_MODELS_DIR", str(models_dir))
    if stage == "clip_scores":
        path = models_dir / "found.pt"
        options = [f"clip.model={tiny_model.name}", f"clip.checkpoint={path}", "clip.pretrained=null"]
    else:
        pytest.importorskip("pyiqa", reason="the extra thumb-assets[iqa] is not installed")
        path = models_dir / get_model_file("musiq").file_names[0]
        options = ['iqa.metrics=["musiq"]']
    torch.save({"state_dict": Payload(trace), "params": Payload(trace)}, path)
    sets = [word for option in ["video.is_isolated=false", *options] for word in ("--set", option)]
    stages = f"videos,frames,shots,candidate_frames,{stage}"
    command = ["run", str(synthetic_videos("cfr")), "--stages", stages, *sets, "--data-dir", str(data_dir)]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 1, result.output
    lines = [line for line in result.output.splitlines() if path.name in line and line.startswith("failed: ")]
    assert len(lines) == 1
    assert lines[0].startswith("failed: ")
    assert "is refused: it holds code" in lines[0]
    assert "weights_only" not in result.output
    assert "skipped" not in result.output
    assert not trace.exists()


def test_a_refusal_is_told_from_a_damaged_file(tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    torch.save({"weights": Payload(tmp_path / "was-run")}, path)
    with pytest.raises(pickle.UnpicklingError) as caught:
        torch.load(path, weights_only=True)
    wrapped = RuntimeError("the loader of a package failed")
    wrapped.__cause__ = caught.value
    refusal = refusal_of(wrapped, file=str(path), model="TransNetV2")
    assert refusal is not None
    assert "io.open" in str(refusal)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises((OSError, RuntimeError), match=r"\w") as damaged:
        torch.load(path, weights_only=True)
    assert refusal_of(damaged.value, file=str(path), model="TransNetV2") is None
