"""Reasons why frames were chosen or not, from the file on: on the command line, and in Dagster's metadata."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from thumb_assets.cli import main
from thumb_assets.defs.metadata import stage_metadata
from thumb_assets.settings.load import load_settings
from thumb_assets.store.parquet import TableStore
from thumb_assets_tests.support.film import Film, Sound, srt, tone, write
from thumb_assets_tests.support.running import register, run_stages
from thumb_assets_tests.support.synthetic import MULTI_SHOT_CUTS, MULTI_SHOT_KINDS

MakeVideo = Callable[[str], Path]
STRICT = load_settings(overrides=["selection.reject.max_share=1"])


def show(data_dir: Path, *arguments: object) -> Result:
    return CliRunner().invoke(main, ["show", "multi", *map(str, arguments), "--data-dir", str(data_dir)])


@pytest.fixture
def done(synthetic_videos: MakeVideo, data_dir: Path) -> str:
    (video_id,) = register(data_dir, [synthetic_videos("multi_shot")])
    results = run_stages(data_dir, [video_id], settings=STRICT)
    assert {result.status for result in results.values()} <= {"done", "skipped"}
    return video_id


def kind_of(frame_index: int) -> str:
    return MULTI_SHOT_KINDS[sum(frame_index >= cut for cut in MULTI_SHOT_CUTS) - 1]


def test_planted_black_and_blurred_parts_are_named(done: str, data_dir: Path) -> None:
    result = show(data_dir, "--why")
    assert result.exit_code == 0, result.output
    counts = {name: int(count) for name, count in re.findall(r"^(\w[\w :]*?) {2,}(\d+)\b", result.output, re.MULTILINE)}
    assert counts["frames"] == counts["decoded"] == 216
    dropped = sum(count for name, count in counts.items() if ":" in name)
    assert dropped + counts["selections"] == counts["candidates"]
    dark = [int(index) for index in re.findall(r"^frame (\d+) .*rejected, too dark:", result.output, re.MULTILINE)]
    blurred = [int(index) for index in re.findall(r"^frame (\d+) .*rejected, blurred:", result.output, re.MULTILINE)]
    assert dark
    assert {kind_of(index) for index in dark} == {"black"}
    assert blurred
    assert {kind_of(index) for index in blurred} == {"blurred"}
    assert len(re.findall(r"selected with score 0\.\d{4}, rank \d of", result.output)) == counts["selections"]
    assert re.search(
        r"its sharpest edges take [\d.]+ % of their step within a pixel, below 21 % "
        r"\(21 %, or less where the video's best are soft\) "
        r"\(selection\.reject\.min_acutance\)",
        result.output,
    )


def test_any_frame_is_explained(done: str, data_dir: Path) -> None:
    chosen = TableStore(data_dir).read("selections", done).column("frame_index")[0].as_py()
    assert "selected with score" in show(data_dir, "--why", "--frame", chosen).output
    between = show(data_dir, "--why", "--frame", 130)  # in the black shot
    assert between.exit_code == 0
    assert between.output.count("\n") == 1
    assert re.match(
        r"frame 130 \(5\.200 s\): no candidate: .*; of its shot, 3, frame \d+ was rejected, too dark", between.output
    )


def test_a_frame_out_of_range_and_a_frame_alone_are_clear_errors(done: str, data_dir: Path) -> None:
    result = show(data_dir, "--why", "--frame", 216)
    assert result.exit_code == 1
    assert result.output == "error: there is no frame 216: the video has frames 0 to 215\n"
    alone = show(data_dir, "--frame", 3)
    assert alone.exit_code == 2
    assert "add --why" in alone.output


def test_a_video_without_selections_says_what_to_run(synthetic_videos: MakeVideo, data_dir: Path) -> None:
    (video_id,) = register(data_dir, [synthetic_videos("multi_shot")])
    run_stages(data_dir, [video_id], ["videos", "frames", "shots", "candidate_frames"])
    result = show(data_dir, "--why")
    assert result.exit_code == 1
    assert "run the stage 'selections' first" in result.output


def test_dagster_shows_the_same(done: str, data_dir: Path) -> None:
    result = run_stages(data_dir, [done], ["selections"], settings=STRICT, is_recomputed=True)[done, "selections"]
    metadata = stage_metadata(result, TableStore(data_dir))
    steps = [(record.data["what"], record.data["num_frames"]) for record in metadata["funnel"].records]
    assert ("frames", "216") in steps
    assert ("selections", str(result.tables["selections"].num_rows)) in steps
    assert "rejected, too dark: mean luma" in metadata["why"].value
    assert metadata["why"].value.startswith("- frame ")


def test_faces_words_and_sound_of_a_moment_are_named(tmp_path: Path, data_dir: Path) -> None:
    samples = 0.001 * tone(8)
    samples[:, 48_000 * 4 : 48_000 * 4 + 24_000] = tone(0.5)
    path = write(tmp_path / "multi.mkv", Film(8.0, [Sound(samples)]))
    (tmp_path / "multi.en.srt").write_text(srt([(3.0, 5.0, "The goal of the evening")]), encoding="utf-8")
    register(data_dir, [path])
    result = CliRunner().invoke(main, ["run", "--set", "selection.top_k=8", "--data-dir", str(data_dir)])
    assert result.exit_code == 0, result.output
    told = " ".join(show(data_dir, "--why").output.split())
    heard = r"a burst of sound at 4\.0 s \(-\d+ LUFS, \d+ LU above the usual\)"
    said = r"with no say in its score: subtitle \"The goal of the evening\""
    assert re.search(f"selected with score .* {said}; {heard}", told), told
