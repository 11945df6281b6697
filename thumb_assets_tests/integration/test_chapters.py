"""The stage `chapters` from the file on: through the engine, the command line and Dagster."""

import json
import subprocess
from pathlib import Path

import av
import dagster as dg
import numpy as np
import pytest
from click.testing import CliRunner, Result

from thumb_assets.cli import main
from thumb_assets.clip.encoder import OpenClipEncoder
from thumb_assets.defs.build import build_definitions
from thumb_assets.defs.metadata import stage_metadata
from thumb_assets.defs.partitions import add_videos
from thumb_assets.defs.resources import ThumbAssetsResource
from thumb_assets.pipeline.stages import default_stages
from thumb_assets.select.chapters import verify_chapters
from thumb_assets.settings.load import load_settings
from thumb_assets.store.catalog import Catalog
from thumb_assets.store.outputs import output_files, remove_outputs
from thumb_assets.store.parquet import TableStore
from thumb_assets.tables.conform import contract_problems
from thumb_assets_tests.support.drawing import draw_frame
from thumb_assets_tests.support.encoding import Encoding, encode
from thumb_assets_tests.support.running import WITHOUT_MODELS, register, run_stages
from thumb_assets_tests.support.tiny_clip import TinyModel

OVERRIDES = ["chapters.is_on=true", "chapters.min_chapter_seconds=2"]
STAGES = [*WITHOUT_MODELS, "chapters"]
# Shots of 2 s: which colours and texture each shows, and whether it is black.
SCENES = [
    (0, "sharp"),
    (0, "sharp"),
    (4, "sharp"),
    (4, "sharp"),
    (0, "black"),
    (2, "sharp"),
    (2, "sharp"),
    (0, "sharp"),
]
SHOT_FRAMES = 50


@pytest.fixture(scope="session")
def scenes_video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    frames = [
        draw_frame(SHOT_FRAMES * shot + index, width=320, height=180, shot_index=scene, kind=kind)
        for shot, (scene, kind) in enumerate(SCENES)
        for index in range(SHOT_FRAMES)
    ]
    path = tmp_path_factory.mktemp("scenes") / "scenes.mp4"
    return encode(path, frames, Encoding(gop_size=25, options={"preset": "veryfast", "crf": "20"}))


def thumb_assets(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def done(scenes_video: Path, data_dir: Path) -> str:
    (video_id,) = register(data_dir, [scenes_video])
    results = run_stages(data_dir, [video_id], STAGES, settings=load_settings(overrides=OVERRIDES))
    assert {result.status for result in results.values()} == {"done"}, results
    return video_id


def test_scenes_become_chapters(done: str, data_dir: Path) -> None:
    store = TableStore(data_dir)
    chapters = store.read("chapters", done)
    assert contract_problems("chapters", chapters) == []
    assert verify_chapters(chapters, store.read("shots", done)).is_passed
    rows = chapters.to_pylist()
    starts = [row["start_frame_index"] for row in rows]
    # The black shot goes with one of its neighbours; the first scene comes back at the end.
    assert starts[:2] == [0, 2 * SHOT_FRAMES]
    assert starts[2] in {4 * SHOT_FRAMES, 5 * SHOT_FRAMES}
    assert starts[3:] == [7 * SHOT_FRAMES]
    assert rows[-1]["exclusive_end_frame_index"] == len(SCENES) * SHOT_FRAMES
    assert rows[-1]["end_seconds"] == pytest.approx(2.0 * len(SCENES))
    for row in rows:
        shot = row["frame_index"] // SHOT_FRAMES
        assert SCENES[shot][1] == "sharp"
        assert 3 <= row["frame_index"] % SHOT_FRAMES < SHOT_FRAMES - 3  # not at a cut
        assert row["title"] is None  # without embeddings there are no words
    catalog = Catalog(store.catalog_path).query("SELECT * FROM chapters ORDER BY chapter_index")
    assert [row["start_frame_index"] for row in catalog] == starts


def test_files_say_what_the_table_says_and_come_back_when_they_are_lost(done: str, data_dir: Path) -> None:
    store = TableStore(data_dir)
    folder = store.chapters_dir(done)
    sizes = {path.name: path.stat().st_size for path in folder.iterdir()}
    assert json.loads((store.footer("chapters", done) or {})["files"]) == sizes
    settings = load_settings(overrides=OVERRIDES)
    again = run_stages(data_dir, [done], ["chapters"], settings=settings)[done, "chapters"]
    assert again.is_unchanged
    (folder / "chapters.vtt").unlink()
    made = run_stages(data_dir, [done], ["chapters"], settings=settings)[done, "chapters"]
    assert (made.status, made.is_unchanged) == ("done", False)
    assert {path.name: path.stat().st_size for path in folder.iterdir()} == sizes


def test_what_is_removed_of_a_video_has_its_chapters(done: str, data_dir: Path) -> None:
    store = TableStore(data_dir)
    names = {path.name for path in output_files(store, done)}
    assert {"chapters.vtt", "chapters.ffmetadata"} <= names
    remove_outputs(store, done)
    assert not store.chapters_dir(done).exists()
    assert not store.has("chapters", done)
    assert output_files(store, done) == []


def test_the_stage_is_off_unless_asked_for(scenes_video: Path, data_dir: Path) -> None:
    assert "chapters" not in default_stages(load_settings())
    assert "chapters" in default_stages(load_settings(overrides=OVERRIDES))
    (video_id,) = register(data_dir, [scenes_video])
    result = run_stages(data_dir, [video_id], STAGES)[video_id, "chapters"]
    assert result.status == "skipped"
    assert result.message == "chapters are not asked for: set chapters.is_on=true"
    missing = thumb_assets("chapters", "scenes", "--data-dir", data_dir)
    assert missing.exit_code == 1
    assert "run the stage 'chapters' first" in missing.output


def test_the_command_prints_and_writes_every_form(
    done: str, data_dir: Path, tmp_path: Path, scenes_video: Path
) -> None:
    def chapters(*arguments: object) -> str:
        result = thumb_assets("chapters", "scenes", "--data-dir", data_dir, *arguments)
        assert result.exit_code == 0, result.output
        return result.output

    table = TableStore(data_dir).read("chapters", done)
    assert chapters().count("Chapter ") == table.num_rows
    folder = TableStore(data_dir).chapters_dir(done)
    assert chapters("--format", "webvtt") == (folder / "chapters.vtt").read_text()
    assert chapters("--format", "ffmetadata") == (folder / "chapters.ffmetadata").read_text()
    output = tmp_path / "chapters.txt"
    assert chapters("--format", "ffmetadata", "--output", output) == f"{table.num_rows} chapters in {output}\n"
    assert output.read_text() == (folder / "chapters.ffmetadata").read_text()
    chapters("--output", tmp_path / "chapters.csv")
    assert len((tmp_path / "chapters.csv").read_text().splitlines()) == table.num_rows + 1
    bad = thumb_assets("chapters", "scenes", "--data-dir", data_dir, "--output", tmp_path / "chapters.txt")
    assert bad.exit_code == 2
    nowhere = thumb_assets(
        *("chapters", "scenes", "--data-dir", data_dir, "--format", "webvtt", "--output", tmp_path / "no" / "a.vtt")
    )
    assert nowhere.exit_code == 1
    assert "cannot be written" in nowhere.output
    imageio_ffmpeg = pytest.importorskip("imageio_ffmpeg")
    muxed = tmp_path / "muxed.mp4"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", scenes_video, "-i", output, "-map_chapters", "1"]
    subprocess.run([*map(str, command), "-codec", "copy", str(muxed)], check=True)
    with av.open(str(muxed)) as container:
        found = [float(each["start"] * each["time_base"]) for each in container.chapters()]
    assert found == pytest.approx(table.column("start_pts_seconds").to_pylist(), abs=0.001)


def test_labels_become_titles_with_the_model_of_the_embeddings(
    scenes_video: Path, data_dir: Path, tiny_model: TinyModel
) -> None:
    (video_id,) = register(data_dir, [scenes_video])
    clip = [f"clip.model={tiny_model.name}", f"clip.checkpoint={tiny_model.checkpoint}", "clip.pretrained=null"]
    overrides = [*OVERRIDES, *clip, 'chapters.labels=["a kitchen", "the sea"]', "chapters.min_label_margin=0"]
    settings = load_settings(overrides=overrides)
    run_stages(data_dir, [video_id], [*STAGES, "clip_scores"], settings=settings)
    store = TableStore(data_dir)
    rows = store.read("chapters", video_id).to_pylist()
    texts = OpenClipEncoder(settings.clip).encode_texts(["a photo of a kitchen", "a photo of the sea"])
    stored = store.read("clip_scores", video_id).to_pylist()
    for row in rows:
        inside = [
            np.array(each["embedding"], np.float64)
            for each in stored
            if row["start_frame_index"] <= each["frame_index"] < row["exclusive_end_frame_index"]
            and SCENES[each["frame_index"] // SHOT_FRAMES][1] != "black"
        ]
        cosines = texts @ np.mean(inside, axis=0) / np.linalg.norm(np.mean(inside, axis=0))
        assert row["title"] == ("a kitchen", "the sea")[int(np.argmax(cosines))]
        assert row["title_similarity"] == pytest.approx(cosines.max(), abs=1e-6)
        assert row["title"] in (store.chapters_dir(video_id) / "chapters.vtt").read_text()
    strict = load_settings(overrides=[*overrides, "chapters.min_label_margin=2"])
    run_stages(data_dir, [video_id], ["chapters"], settings=strict)
    assert set(store.read("chapters", video_id).column("title").to_pylist()) == {None}
    # thumb-mini now: not the model of the embeddings.
    other = load_settings(overrides=[*OVERRIDES, *overrides[-2:]])
    labelled = load_settings(overrides=overrides)
    result = run_stages(data_dir, [video_id], ["chapters"], settings=other)[video_id, "chapters"]
    assert result.status == "done"
    assert "another model" in str(result.metrics["titles"])
    # That is no setting of the stage, and still: once it is put right, the titles come without being asked for.
    again = run_stages(data_dir, [video_id], ["chapters"], settings=labelled)[video_id, "chapters"]
    assert not again.is_unchanged
    assert set(store.read("chapters", video_id).column("title").to_pylist()) != {None}


def test_dagster_lists_and_checks_them(done: str, data_dir: Path) -> None:
    resource = ThumbAssetsResource(data_dir=str(data_dir), overrides=OVERRIDES)
    with dg.DagsterInstance.ephemeral() as instance:
        add_videos(instance, [done])
        outcome = (
            build_definitions(resource=resource)
            .resolve_job_def("thumbnails")
            .execute_in_process(
                instance=instance,
                asset_selection=[dg.AssetKey("chapters")],
                partition_key=done,
                run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            )
        )
    checks = {each.check_name: each.passed for each in outcome.get_asset_check_evaluations()}
    assert checks == {"conforms_to_contract": True, "tiles_video": True}
    settings = load_settings(overrides=OVERRIDES)
    result = run_stages(data_dir, [done], ["chapters"], settings=settings)[done, "chapters"]
    text = stage_metadata(result, TableStore(data_dir))["chapters"].value
    assert text.startswith("1. Chapter 1: 0.000 s to 4.000 s, frame ")
