"""The engine on synthetic videos, from the file to the stills."""

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from thumb_assets.errors import BadInputError
from thumb_assets.pipeline.engine import run
from thumb_assets.settings.load import load_settings
from thumb_assets.stages import STAGES
from thumb_assets.store.catalog import Catalog
from thumb_assets.store.outcomes import failed_video_ids, read_outcomes
from thumb_assets.store.parquet import TableStore
from thumb_assets.tables.checks import verify_coverage
from thumb_assets.tables.conform import contract_problems
from thumb_assets.tables.contracts import TABLES, tables_of
from thumb_assets_tests.support.damage import damage
from thumb_assets_tests.support.running import WITHOUT_MODELS, register, run_stages
from thumb_assets_tests.support.synthetic import MULTI_SHOT_CUTS, RECIPES, read_frame_index
from thumb_assets_tests.support.tiny_clip import TinyModel

MakeVideo = Callable[[str], Path]

READABLE = [
    "cfr",
    "vfr",
    "b_frames",
    "rotated_90",
    "edit_list_trimmed",
    "hevc_10_bit",
    "mpeg_ts",
    "anamorphic",
    "one_frame",
    "duplicates",
    "portrait",
    "truncated",
]


def stills_of(data_dir: Path, video_id: str) -> list[tuple[int, Path]]:
    store = TableStore(data_dir)
    rows = store.read("stills", video_id).to_pylist()
    return [(row["frame_index"], store.stills_dir(video_id) / row["file_name"]) for row in rows]


@pytest.mark.parametrize("name", READABLE)
def test_every_still_shows_the_frame_its_name_says(name: str, synthetic_videos: MakeVideo, data_dir: Path) -> None:
    (video_id,) = register(data_dir, [synthetic_videos(name)])
    results = run_stages(data_dir, [video_id])
    assert {result.status for result in results.values()} == {"done"}, results
    stills = stills_of(data_dir, video_id)
    assert stills
    for frame_index, path in stills:
        picture = np.asarray(Image.open(path).convert("RGB"))
        assert read_frame_index(picture) == RECIPES[name].drawn_index(frame_index)
        assert f"_f{frame_index:08d}_" in path.name
        assert (picture.shape[1], picture.shape[0]) == RECIPES[name].display_size


def test_the_video_is_decoded_once_for_all_stages(synthetic_videos: MakeVideo, data_dir: Path) -> None:
    video_ids = register(data_dir, [synthetic_videos("multi_shot")])
    decoded: list[tuple[str, int]] = []
    run_stages(data_dir, video_ids, decoded=decoded)
    assert decoded == [(video_ids[0], index) for index in range(216)]


def test_tables_say_what_the_video_is(synthetic_videos: MakeVideo, data_dir: Path) -> None:
    (video_id,) = register(data_dir, [synthetic_videos("multi_shot")])
    run_stages(data_dir, [video_id])
    store = TableStore(data_dir)
    for stage in WITHOUT_MODELS:
        for table_name in tables_of(stage):
            assert contract_problems(table_name, store.read(table_name, video_id)) == []
    shots = store.read("shots", video_id).column("start_frame_index").to_pylist()
    assert shots == list(MULTI_SHOT_CUTS)
    video = store.read("videos", video_id).to_pylist()[0]
    assert (video["num_frames_from_content"], video["num_decode_errors"], video["is_vfr"]) == (216, 0, False)
    candidates = store.read("candidate_frames", video_id)
    assert verify_coverage(candidates, store.read("sharpness", video_id)).is_passed
    footer = store.footer("sharpness", video_id)
    assert footer is not None
    assert set(footer) >= {"table", "schema_version", "video_sha256", "code_version", "settings_sha256"}


def test_black_and_blurred_shots_are_not_chosen(synthetic_videos: MakeVideo, data_dir: Path) -> None:
    (video_id,) = register(data_dir, [synthetic_videos("multi_shot")])
    run_stages(data_dir, [video_id])
    store = TableStore(data_dir)
    chosen = store.read("selections", video_id).column("shot_index").to_pylist()
    assert set(chosen) == {0, 2, 4}  # the sharp ones
    candidates = set(store.read("candidate_frames", video_id).column("frame_index").to_pylist())
    selected = set(store.read("selections", video_id).column("frame_index").to_pylist())
    rejected = set(store.read("rejections", video_id).column("frame_index").to_pylist())
    assert selected | rejected == candidates
    assert not selected & rejected


def test_frames_that_the_decoder_calls_corrupt_are_not_chosen(
    synthetic_videos: MakeVideo, data_dir: Path, tmp_path: Path
) -> None:
    sources = {path.name: path for path in (synthetic_videos("mpeg_ts"), synthetic_videos("cfr"))}
    (video_id,) = register(data_dir, [damage("mpeg_ts.ts|cut_packets|0", sources, tmp_path)])
    settings = load_settings(overrides=["candidates.every_num_frames=1", "selection.top_k=9", "shots.detector=content"])
    results = run_stages(data_dir, [video_id], settings=settings)
    assert {result.status for result in results.values()} == {"done"}, results
    frames = results[video_id, "frames"].tables["frames"].to_pylist()
    corrupt = {row["frame_index"] for row in frames if row["is_corrupt"]}
    assert 0 < len(corrupt) < len(frames) / 2
    rejections = results[video_id, "selections"].tables["rejections"].to_pylist()
    reasons = {row["frame_index"]: row["reason"] for row in rejections}
    assert {reasons[frame_index] for frame_index in corrupt} == {"damaged"}


def test_one_stage_is_rerun_from_the_store_alone(synthetic_videos: MakeVideo, data_dir: Path) -> None:
    (video_id,) = register(data_dir, [synthetic_videos("multi_shot")])
    run_stages(data_dir, [video_id])
    store = TableStore(data_dir)
    tables = [name for stage in WITHOUT_MODELS for name in tables_of(stage)]
    before = {name: store.read(name, video_id) for name in tables}
    for stage in WITHOUT_MODELS:
        decoded: list[tuple[str, int]] = []
        results = run_stages(data_dir, [video_id], [stage], decoded=decoded, is_recomputed=True)
        assert [result.status for result in results.values()] == ["done"], results
        assert not any(result.is_unchanged for result in results.values())
        assert bool(decoded) == (stage in {"videos", "frames", "shots"})
    for name in tables:
        assert store.read(name, video_id).equals(before[name]), name


def test_other_settings_of_one_stage_change_its_table_alone(synthetic_videos: MakeVideo, data_dir: Path) -> None:
    (video_id,) = register(data_dir, [synthetic_videos("multi_shot")])
    run_stages(data_dir, [video_id])
    store = TableStore(data_dir)
    before = store.footer("selections", video_id)
    settings = load_settings(overrides=["selection.top_k=1"])
    run_stages(data_dir, [video_id], ["selections", "stills", "catalog"], settings=settings)
    after = store.footer("selections", video_id)
    assert before is not None
    assert after is not None
    assert before["settings_sha256"] != after["settings_sha256"]
    assert len(stills_of(data_dir, video_id)) == 1
    assert len(list(store.stills_dir(video_id).glob("*_f*"))) == 1
    funnel = Catalog(store.catalog_path).query("SELECT * FROM funnel WHERE video_id = ?", (video_id,))
    assert funnel[0]["num_stills"] == 1


def test_a_stage_without_its_input_says_what_to_run(synthetic_videos: MakeVideo, data_dir: Path) -> None:
    (video_id,) = register(data_dir, [synthetic_videos("cfr")])
    result = run_stages(data_dir, [video_id], ["sharpness"])[video_id, "sharpness"]
    assert result.status == "failed"
    assert "run the stage" in str(result.message)


def test_a_bad_video_fails_alone(synthetic_videos: MakeVideo, data_dir: Path) -> None:
    names = ["cfr", "text", "audio_only", "zero_byte", "header_only", "one_frame"]
    ids = dict(zip(names, register(data_dir, [synthetic_videos(name) for name in names]), strict=True))
    results = run_stages(data_dir, ids.values())
    for name, video_id in ids.items():
        statuses = {stage: results[video_id, stage].status for stage in WITHOUT_MODELS}
        if RECIPES[name].is_readable:
            assert set(statuses.values()) == {"done"}
            continue
        first = results[video_id, "videos"]
        assert first.status == "failed"
        assert isinstance(first.error, BadInputError)
        assert str(synthetic_videos(name)) in str(first.message)
        assert "\n" not in str(first.message)
        assert results[video_id, "stills"].blocked_by == "videos"
        outcomes = {outcome.stage: outcome for outcome in read_outcomes(TableStore(data_dir), video_id)}
        assert outcomes["videos"].status == "failed"
        assert outcomes["videos"].is_permanent
        assert not TableStore(data_dir).stills_dir(video_id).exists()
    failures = Catalog(TableStore(data_dir).catalog_path).query("SELECT DISTINCT video_id FROM failures")
    assert {row["video_id"] for row in failures} == {ids[n] for n in names if not RECIPES[n].is_readable}


def test_a_changed_file_is_refused_not_mixed(synthetic_videos: MakeVideo, data_dir: Path, tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    shutil.copyfile(synthetic_videos("cfr"), path)
    (video_id,) = register(data_dir, [path])
    run_stages(data_dir, [video_id])
    shutil.copyfile(synthetic_videos("b_frames"), path)
    results = run_stages(data_dir, [video_id], ["stills"])
    assert results[video_id, "stills"].status == "failed"
    assert "changed" in str(results[video_id, "stills"].message)
    assert stills_of(data_dir, video_id)  # the old ones are whole


def test_unavailable_models_are_skipped_or_fail_as_the_setting_says(
    synthetic_videos: MakeVideo, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    (video_id,) = register(data_dir, [synthetic_videos("cfr")])
    stages = [stage for stage in STAGES if stage not in {"iqa_scores", "subjects"}]
    hub_model = ["clip.model=ViT-B-32-256", "clip.pretrained=datacomp_s34b_b86k", "faces.detector=none"]
    results = run_stages(data_dir, [video_id], stages, settings=load_settings(overrides=hub_model))
    skipped = results[video_id, "clip_scores"]
    assert skipped.status == "skipped"
    assert "thumb-assets models fetch" in str(skipped.message)
    assert results[video_id, "faces"].status == "skipped"
    assert results[video_id, "stills"].status == "done"
    assert results[video_id, "selections"].metrics["components"] == "sharpness, contrast"
    strict = load_settings(overrides=[*hub_model, "clip.on_unavailable=error"])
    results = run_stages(data_dir, [video_id], stages, settings=strict)
    assert results[video_id, "clip_scores"].status == "failed"
    assert results[video_id, "stills"].status == "done"


def test_results_do_not_depend_on_the_other_videos_of_a_run(synthetic_videos: MakeVideo, data_dir: Path) -> None:
    names = ["cfr", "multi_shot", "vfr"]
    paths = [synthetic_videos(name) for name in names]
    together, alone = data_dir / "together", data_dir / "alone"
    ids = register(together, paths)
    run_stages(together, ids)
    for video_id, path in zip(ids, paths, strict=True):
        register(alone, [path])
        run_stages(alone, [video_id])
        for stage in WITHOUT_MODELS:
            for name in tables_of(stage):
                assert TableStore(together).read(name, video_id).equals(TableStore(alone).read(name, video_id))


def test_the_catalog_holds_every_frame(synthetic_videos: MakeVideo, data_dir: Path) -> None:
    (video_id,) = register(data_dir, [synthetic_videos("cfr")])
    run_stages(data_dir, [video_id])
    catalog = Catalog(TableStore(data_dir).catalog_path)
    rows = catalog.query("SELECT frame_index, laplacian_variance FROM frame_scores ORDER BY 1")
    assert [row["frame_index"] for row in rows] == list(range(40))
    assert all(row["laplacian_variance"] is not None for row in rows)
    for table_name in TABLES:
        catalog.query(f"SELECT count(*) FROM {table_name}")


def test_piqe_scores_candidates_or_every_frame(synthetic_videos: MakeVideo, data_dir: Path) -> None:
    (video_id,) = register(data_dir, [synthetic_videos("cfr")])
    stages = ("videos", "frames", "shots", "candidate_frames", "iqa_scores", "selections")
    run_stages(data_dir, [video_id], stages)
    store = TableStore(data_dir)
    candidates = store.read("candidate_frames", video_id)
    scores = store.read("iqa_scores", video_id)
    assert verify_coverage(candidates, scores).is_passed
    assert scores.num_rows == candidates.num_rows
    every_frame = load_settings(overrides=["iqa.scope=every_frame"])
    decoded: list[tuple[str, int]] = []
    run_stages(data_dir, [video_id], ["iqa_scores"], settings=every_frame, decoded=decoded)
    again = store.read("iqa_scores", video_id)
    assert again.num_rows == len(decoded) == 40
    by_frame = {row["frame_index"]: row["iqa_score"] for row in again.to_pylist()}
    for row in scores.to_pylist():
        assert by_frame[row["frame_index"]] == pytest.approx(row["iqa_score"], abs=1e-3)


def test_the_embedded_model_scores_without_a_hub(
    synthetic_videos: MakeVideo, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    (video_id,) = register(data_dir, [synthetic_videos("multi_shot")])
    results = run_stages(data_dir, [video_id], [*WITHOUT_MODELS, "clip_scores"])
    assert results[video_id, "clip_scores"].status == "done"
    store = TableStore(data_dir)
    footer = store.footer("clip_scores", video_id)
    assert footer is not None
    assert footer["model_name"] == "thumb-mini"
    assert footer["pretrained"].startswith("embedded-v")
    # What the scores say of real frames is in the model's own tests: drawn textures are nothing it has seen.
    scores = store.read("clip_scores", video_id).column("clip_score").to_pylist()
    assert len(set(scores)) == len(scores)
    assert all(-1 < score < 1 for score in scores)


def test_clip_scores_with_a_local_checkpoint(
    synthetic_videos: MakeVideo, data_dir: Path, tiny_model: TinyModel
) -> None:
    ids = register(data_dir, [synthetic_videos(name) for name in ("multi_shot", "cfr", "one_frame")])
    overrides = [f"clip.model={tiny_model.name}", f"clip.checkpoint={tiny_model.checkpoint}", "clip.batch_size=4"]
    stages = [*WITHOUT_MODELS, "clip_scores"]
    results = run_stages(data_dir, ids, stages, settings=load_settings(overrides=overrides))
    store = TableStore(data_dir)
    for video_id in ids:
        assert results[video_id, "clip_scores"].status == "done"
        assert results[video_id, "selections"].metrics["components"] == "sharpness, clip, contrast"
        scores = store.read("clip_scores", video_id)
        assert contract_problems("clip_scores", scores) == []
        assert verify_coverage(store.read("candidate_frames", video_id), scores).is_passed
        for row in scores.to_pylist():
            assert row["clip_score"] == pytest.approx(row["positive_similarity"] - row["negative_similarity"])
            assert np.linalg.norm(np.array(row["embedding"], dtype=np.float64)) == pytest.approx(1, abs=2e-3)
    footer = store.footer("clip_scores", ids[0])
    assert footer is not None
    assert footer["model_name"] == tiny_model.name
    assert len(footer["prompts_sha256"]) == 64
    # Batches of 4 run across the videos; alone, the same video gets the same scores.
    one_by_one = load_settings(overrides=[*overrides, "clip.batch_size=1"])
    before = store.read("clip_scores", ids[0])
    run_stages(data_dir, ids[:1], ["clip_scores"], settings=one_by_one)
    after = store.read("clip_scores", ids[0])
    assert np.allclose(before.column("clip_score").to_numpy(), after.column("clip_score").to_numpy(), atol=1e-4)


@pytest.fixture
def without_pyiqa(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "pyiqa"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pyiqa", None)  # what an import of a package that is not installed meets


@pytest.mark.usefixtures("without_pyiqa")
def test_the_default_metric_needs_no_pyiqa(synthetic_videos: MakeVideo, data_dir: Path) -> None:
    (video_id,) = register(data_dir, [synthetic_videos("cfr")])
    settings = load_settings(overrides=["models.licence=commercial", "iqa.batch_size=5"])
    result = run_stages(data_dir, [video_id], [*WITHOUT_MODELS, "iqa_scores"], settings=settings)[
        video_id, "iqa_scores"
    ]
    assert (result.status, result.message) == ("done", None)
    store = TableStore(data_dir)
    assert store.read("iqa_scores", video_id).column("iqa_score").null_count == 0
    assert json.loads((store.footer("iqa_scores", video_id) or {})["made_by"])["piqe"].startswith("thumb-assets ")


@pytest.mark.usefixtures("without_pyiqa")
def test_everything_else_works_without_pyiqa(synthetic_videos: MakeVideo, data_dir: Path) -> None:
    (video_id,) = register(data_dir, [synthetic_videos("cfr")])
    # Another precision than any test asks for, so that no metric of this process is found again.
    settings = load_settings(overrides=['iqa.metrics=["piqe","entropy"]', "iqa.precision=fp32"])
    results = run_stages(data_dir, [video_id], [*WITHOUT_MODELS, "iqa_scores"], settings=settings)
    skipped = results[video_id, "iqa_scores"]
    assert skipped.status == "skipped"
    assert 'pip install "thumb-assets[iqa]"' in str(skipped.message)
    assert "Noncommercial" in str(skipped.message)
    assert results[video_id, "stills"].status == "done"


def test_a_skipped_stage_leaves_no_table_in_use(
    synthetic_videos: MakeVideo, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    (video_id,) = register(data_dir, [synthetic_videos("cfr")])
    stages = [*WITHOUT_MODELS, "clip_scores"]
    results = run_stages(data_dir, [video_id], stages)
    assert results[video_id, "selections"].metrics["components"] == "sharpness, clip, contrast"
    no_weights = load_settings(overrides=["clip.model=ViT-B-32-256", "clip.pretrained=datacomp_s34b_b86k"])
    assert run_stages(data_dir, [video_id], stages, settings=no_weights)[video_id, "clip_scores"].status == "skipped"
    alone = run_stages(data_dir, [video_id], ["selections"], is_recomputed=True)
    assert alone[video_id, "selections"].metrics["components"] == "sharpness, contrast"


def test_an_interrupted_video_is_not_taken_for_done(synthetic_videos: MakeVideo, data_dir: Path) -> None:
    (video_id,) = register(data_dir, [synthetic_videos("cfr")])
    run_stages(data_dir, [video_id])
    store = TableStore(data_dir)
    assert failed_video_ids(store) == []
    results = run([video_id], ["selections", "stills"], load_settings(overrides=["selection.top_k=1"]), store)
    assert next(results).stage == "selections"
    results.close()  # as where the process dies
    assert failed_video_ids(store) == [video_id]
    run_stages(data_dir, [video_id])
    assert failed_video_ids(store) == []


def test_a_video_named_twice_is_run_once(synthetic_videos: MakeVideo, data_dir: Path) -> None:
    (video_id,) = register(data_dir, [synthetic_videos("cfr")])
    decoded: list[tuple[str, int]] = []
    run_stages(data_dir, [video_id, video_id], decoded=decoded)
    assert len(decoded) == 40
    assert TableStore(data_dir).read("sharpness", video_id).num_rows > 0


def test_candidates_that_were_never_scored_are_told(synthetic_videos: MakeVideo, data_dir: Path) -> None:
    (video_id,) = register(data_dir, [synthetic_videos("multi_shot")])
    run_stages(data_dir, [video_id])
    more = load_settings(overrides=["candidates.every_num_frames=4"])
    results = run_stages(data_dir, [video_id], ["candidate_frames", "selections"], settings=more)
    assert "sharpness, appearance lack some" in str(results[video_id, "selections"].metrics["note"])


def test_a_stored_table_that_is_junk_fails_what_needs_it_alone(synthetic_videos: MakeVideo, data_dir: Path) -> None:
    ids = register(data_dir, [synthetic_videos("cfr"), synthetic_videos("multi_shot")])
    run_stages(data_dir, ids)
    store = TableStore(data_dir)
    store.table_path("frames", ids[0]).write_bytes(b"junk")
    stages = ("sharpness", "appearance", "selections", "stills")
    results = run_stages(data_dir, ids, stages)
    assert [results[ids[0], stage].status for stage in stages] == ["failed"] * 4
    # The frames that cannot be fetched are told once, however many stages want them.
    assert [results[ids[0], stage].blocked_by for stage in stages] == [None, "sharpness", None, "selections"]
    assert "not run: sharpness failed" in str(results[ids[0], "appearance"].message)
    assert {results[ids[1], stage].status for stage in stages} == {"done"}
    assert run_stages(data_dir, ids[:1])[ids[0], "stills"].status == "done"  # made anew


def test_faces_of_a_real_clip_give_a_bonus(shared_dir: Path, data_dir: Path) -> None:
    (video_id,) = register(data_dir, [shared_dir / "video" / "issue-195-aspect-ratio.mp4"])
    model = shared_dir / "models" / "face" / "face_detection_yunet_2023mar.onnx"
    # The full shelves behind the people look like lines of writing, which is another rule's affair.
    overrides = ["faces.detector=yunet", f"faces.model_path={model}"]
    overrides += ["selection.preset=face", "selection.reject.max_text_share=1"]
    settings = load_settings(overrides=overrides)
    results = run_stages(data_dir, [video_id], [*WITHOUT_MODELS, "faces"], settings=settings)
    assert {result.status for result in results.values()} == {"done"}
    store = TableStore(data_dir)
    faces = store.read("faces", video_id).to_pylist()
    assert faces
    for face in faces:
        assert 0 <= face["x"] <= face["x"] + face["width"] <= 1024  # displayed pixels: 704x576 at 16:11
        assert 0 <= face["y"] <= face["y"] + face["height"] <= 576
        assert face["laplacian_variance"] > 0
        assert 0 <= face["frontality"] <= 1
    bonuses = store.read("selections", video_id).column("face_bonus").to_pylist()
    assert max(bonuses) > 0
    assert min(bonuses) >= 0
