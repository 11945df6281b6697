"""`thumb-assets survey` as a person types it, over real clips that share an intro and over made-up libraries."""

import hashlib
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner, Result

from benchmarks.recurrences import BODIES, CARD_SECONDS, INTRO_SECONDS, STAGES, write_library
from thumb_assets.cli import main
from thumb_assets.errors import RUN_FIRST
from thumb_assets.library.what_if import what_if
from thumb_assets.settings.load import load_settings
from thumb_assets.store.parquet import TableStore
from thumb_assets.store.survey import read_reference, reference_path
from thumb_assets_tests.support.running import register, run_stages
from thumb_assets_tests.unit.survey.builders import MODEL, write_video

WITH_INTRO = 6
# A third of these short videos is a still card, which is about how a recording of a screen looks.
NO_SCREENS = load_settings(overrides=["candidates.screens=off"])


def thumb_assets(*arguments: object) -> Result:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert "Traceback" not in result.output
    return result


def fingerprints(data_dir: Path, *folders: str) -> dict[Path, str]:
    paths = [path for folder in folders for path in (data_dir / folder).rglob("*.parquet")]
    return {path.relative_to(data_dir): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def made_up(data_dir: Path, shows: dict[str, Sequence[str]]) -> TableStore:
    store = TableStore(data_dir)
    for name, of_video in shows.items():
        write_video(store, f"{name}-00000000", of_video)
    return store


@pytest.fixture(scope="module")
def real_library(shared_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine real videos, six of which begin with one intro, each encoded another way; run through the engine."""
    folder = tmp_path_factory.mktemp("shared-intro")
    sizes = [(320, 180), (480, 270), (426, 240), (384, 216), (256, 144), (320, 240)]
    bodies = [replace(body, num_seconds=4.0) for body in BODIES if body.has_intro]
    bodies = [replace(body, size=size) for body, size in zip(bodies, sizes, strict=True)]
    bodies += [replace(body, num_seconds=4.0, size=(320, 180)) for body in BODIES if not body.has_intro][:4]
    paths = write_library(shared_dir / "video", folder, bodies)
    data_dir = folder / "data"
    results = run_stages(data_dir, register(data_dir, paths), stages=STAGES, settings=NO_SCREENS)
    assert {result.status for result in results.values()} == {"done"}
    return data_dir


def test_an_intro_that_was_encoded_anew_is_found_in_every_video_and_nothing_else(
    real_library: Path, tmp_path: Path
) -> None:
    output = tmp_path / "survey.csv"
    result = thumb_assets("survey", "--data-dir", real_library, "--output", output)
    assert result.exit_code == 0, result.output
    table = pd.read_csv(output)
    recurring = table[table["kind"] == "recurring"]
    assert recurring["video_id"].nunique() == WITH_INTRO
    assert recurring["video_id"].str.startswith("intro").all()
    assert (recurring["pts_seconds"] < INTRO_SECONDS + CARD_SECONDS).all()
    assert (recurring["num_videos"] == WITH_INTRO - 1).all()
    for _, group in recurring.groupby("group_index"):
        assert group["video_id"].nunique() == WITH_INTRO
    store = TableStore(real_library)
    assert store.video_ids("recurrences") == sorted(recurring["video_id"].unique())
    stills = table[table["kind"] == "stills"]
    assert stills["video_id"].str.startswith("intro").all()
    assert stills["other_video_id"].str.startswith("intro").all()


def test_what_recurs_is_not_selected_once_selections_are_made_anew(real_library: Path, tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    shutil.copytree(real_library, data_dir)
    thumb_assets("survey", "--data-dir", data_dir)
    store = TableStore(data_dir)
    video_ids = store.video_ids("recurrences")
    results = run_stages(data_dir, store.video_ids("selections"), stages=["selections"], settings=NO_SCREENS)
    anew = sorted(video_id for (video_id, _), result in results.items() if not result.is_unchanged)
    assert anew == video_ids, "the videos without recurring frames are as they were"
    for video_id in video_ids:
        reasons = store.read("rejections", video_id).column("reason").to_pylist()
        assert "recurring" in reasons
    again = thumb_assets("survey", "--data-dir", data_dir)
    assert "select again" not in again.output
    results = run_stages(data_dir, video_ids, stages=["selections"], settings=NO_SCREENS)
    assert all(result.is_unchanged for result in results.values())


def test_what_if_foresees_what_the_librarys_scores_and_words_select(real_library: Path, tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    shutil.copytree(real_library, data_dir)
    store = TableStore(data_dir)
    video_ids = store.video_ids("selections")
    run_stages(data_dir, video_ids, stages=["selections"])  # the library was surveyed since
    assert what_if(store, load_settings()).changes == ()
    thumb_assets("survey", "--data-dir", data_dir, "--set", "survey.min_videos=5")
    # Scores of one video are of other prompts: the library's do not count beside them.
    settings = load_settings(overrides=['clip.negative_prompts=["a blank screen"]'])
    run_stages(data_dir, video_ids[:1], stages=["clip_scores"], settings=settings)
    words = ["selection.looking_for=a sharp frame", "selection.avoid=a title card", "selection.weights.text=5"]
    for overrides in ([], ["selection.library_weight=1"], words):
        settings = load_settings(overrides=overrides)
        then = {video.video_id: [frame for frame, _ in video.then] for video in what_if(store, settings).videos}
        results = run_stages(data_dir, video_ids, stages=["selections"], settings=settings)
        assert {result.status for result in results.values()} == {"done"}
        assert not any(result.is_unchanged for result in results.values())
        for video_id in video_ids:
            selections = store.read("selections", video_id).sort_by("rank")
            assert selections.column("frame_index").to_pylist() == then[video_id]
            has_words = selections.column("text_percentile").null_count == 0
            assert has_words == bool(overrides == words)


def test_it_lists_what_is_shared_and_what_to_do(data_dir: Path) -> None:
    shows = {name: ["intro", f"{name}1", f"{name}2"] for name in ("a", "b", "c", "d")}
    made_up(data_dir, {**shows, "e": ["logo", "e1"], "f": ["f1", "logo"]})
    result = thumb_assets("survey", "--data-dir", data_dir, "--set", "survey.min_videos=3")
    assert result.exit_code == 0, result.output
    lines = [line.split() for line in result.output.splitlines()]
    assert ["4", "yes", "4", "a-00000000", "0", "(0.000),", "b-00000000"] in [line[:7] for line in lines]
    assert ["2", "no", "2", "e-00000000", "0", "(0.000),", "f-00000000", "1", "(1.000)"] in lines
    assert "6 videos surveyed, 16 frames compared" in result.output
    assert "scores of the library (clip, contrast, sharpness)" in result.output
    assert "recurring frames changed in 6 videos, the library's scores in all: run `thumb-assets run" in result.output
    assert sum(line[:1] == ["a-00000000"] for line in lines) == 3, "its still, with that of b, c and d"


def test_two_surveys_write_the_same_and_only_what_is_new(data_dir: Path) -> None:
    made_up(data_dir, {"a": ["intro", "a1"], "b": ["intro", "b1"], "c": ["c1", "c2"]})
    arguments = ("survey", "--data-dir", data_dir, "--set", "survey.min_videos=2")
    thumb_assets(*arguments)
    folders = ("tables/recurrences", "survey")
    first = fingerprints(data_dir, *folders)
    times = {path: (data_dir / path).stat().st_mtime_ns for path in first}
    again = thumb_assets(*arguments)
    assert "select again" not in again.output
    assert {path: (data_dir / path).stat().st_mtime_ns for path in first} == times
    shutil.rmtree(data_dir / "tables" / "recurrences")
    shutil.rmtree(data_dir / "survey")
    thumb_assets(*arguments)
    assert fingerprints(data_dir, *folders) == first
    shutil.rmtree(data_dir / "tables" / "recurrences")
    thumb_assets(*arguments, "--set", "survey.max_exact=0")
    assert fingerprints(data_dir, *folders) == first, "the index finds what comparing every pair does"


def test_a_frame_that_stops_recurring_loses_its_row(data_dir: Path) -> None:
    store = made_up(data_dir, {"a": ["intro", "outro"], "b": ["intro", "b1"], "c": ["c1", "outro"]})
    thumb_assets("survey", "--data-dir", data_dir)
    assert store.read("recurrences", "a-00000000").column("frame_index").to_pylist() == [0, 1]
    write_video(store, "b-00000000", ["b0", "b1"])
    thumb_assets("survey", "--data-dir", data_dir)
    assert store.read("recurrences", "a-00000000").column("frame_index").to_pylist() == [1]
    assert store.video_ids("recurrences") == ["a-00000000", "c-00000000"]
    write_video(store, "c-00000000", ["c0", "c1"])
    thumb_assets("survey", "--data-dir", data_dir)
    assert store.video_ids("recurrences") == []


def test_scores_of_a_small_library_do_not_count(data_dir: Path) -> None:
    store = made_up(data_dir, {"a": ["a1"], "b": ["b1"]})
    thumb_assets("survey", "--data-dir", data_dir, "--set", "survey.min_videos=2")
    assert reference_path(store).is_file()
    result = thumb_assets("survey", "--data-dir", data_dir)
    assert "too few videos" in result.output
    assert "survey.min_videos is 20" in result.output
    assert read_reference(store) == ({}, {})


def test_models_are_told_apart_and_that_is_said(data_dir: Path) -> None:
    store = made_up(data_dir, {"a": ["intro"], "b": ["intro"]})
    write_video(store, "c-00000000", ["intro"], model={**MODEL, "model_name": "another"})
    result = thumb_assets("survey", "--data-dir", data_dir)
    assert "compared within a model only: 1 video of another (none), 2 videos of made-up (none)" in result.output
    assert store.video_ids("recurrences") == ["a-00000000", "b-00000000"]


def test_what_cannot_be_surveyed_is_said_in_one_line(data_dir: Path, tmp_path: Path) -> None:
    nothing = thumb_assets("survey", "--data-dir", data_dir)
    assert nothing.exit_code == 1
    assert nothing.output.splitlines() == [f"error: no video here can be surveyed; {RUN_FIRST}"]
    store = made_up(data_dir, {"a": ["intro"], "b": ["intro"], "c": ["intro"]})
    write_video(store, "d-00000000", ["intro"], has_appearance=False)
    store.delete("selections", "c-00000000")
    result = thumb_assets("survey", "--data-dir", data_dir)
    assert result.exit_code == 0
    assert "left out (1 video): run the stage selections first" in result.output
    assert "left out (1 video): run the stage appearance first" in result.output
    store.table_path("sharpness", "b-00000000").write_bytes(b"junk")
    damaged = thumb_assets("survey", "--data-dir", data_dir)
    assert damaged.exit_code == 1
    assert "is not a readable Parquet file" in damaged.output
    wrong = thumb_assets("survey", "--data-dir", data_dir, "--output", tmp_path / "survey.xlsx")
    assert wrong.exit_code == 2
    assert ".parquet, .csv" in wrong.output
    assert thumb_assets("survey", "--set", "survey.min_cosine=2").exit_code == 2
