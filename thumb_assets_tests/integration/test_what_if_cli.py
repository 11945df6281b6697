"""`thumb-assets what-if` as a person types it, over videos that really ran."""

import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner, Result

from thumb_assets.cli import main
from thumb_assets.store.library import Library
from thumb_assets.store.parquet import TableStore
from thumb_assets_tests.support.running import register, run_stages

STAGES = ("videos", "frames", "shots", "candidate_frames", "sharpness", "appearance", "selections", "stills")


def thumb_assets(*arguments: object) -> Result:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert "Traceback" not in result.output
    return result


# The two best scores: with diversity the second may be another than the second of three.
TWO_BEST = ("--set", "selection.top_k=2", "--set", "selection.diversify=none")


@pytest.fixture
def video_id(synthetic_videos: Callable[[str], Path], data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A video of three selections, run without models; commands take its data folder."""
    monkeypatch.setenv("THUMB_ASSETS_DATA_DIR", str(data_dir))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    (video_id,) = register(data_dir, [synthetic_videos("multi_shot")])
    results = run_stages(data_dir, [video_id], stages=STAGES)
    assert {result.status for result in results.values()} == {"done"}
    return video_id


def frames_of(data_dir: Path, video_id: str) -> list[int]:
    return TableStore(data_dir).read("selections", video_id).sort_by("rank").column("frame_index").to_pylist()


def test_it_prints_now_and_then_and_changes_nothing(video_id: str, data_dir: Path) -> None:
    now = frames_of(data_dir, video_id)
    result = thumb_assets("what-if", *TWO_BEST)
    assert result.exit_code == 0, result.output
    (row,) = [line for line in result.output.splitlines() if line.startswith(video_id)]
    assert [int(frame) for frame in re.findall(r"(\d+) \(", row)] == [*now, *now[:2]]
    assert re.search(r"^1 of 1 video would change \(\d+\.\d\d s\)$", result.output, re.MULTILINE)
    assert frames_of(data_dir, video_id) == now
    same = thumb_assets("what-if", "multi", "--set", "selection.top_k=3")
    assert "0 of 1 video would change" in same.output
    assert video_id not in same.output


def test_fewer_than_were_asked_for_have_a_reason(video_id: str) -> None:
    most = thumb_assets("what-if", "--set", "selection.top_k=500").output
    (line,) = [line for line in most.splitlines() if "fewer than 500" in line]
    assert line.startswith(f"1 video would have fewer than 500 ({video_id}): ")
    assert f"thumb-assets show {video_id} --why" in line
    assert "fewer than" not in thumb_assets("what-if", *TWO_BEST).output


def test_applied_it_is_what_the_tables_and_stills_say(video_id: str, data_dir: Path) -> None:
    then = frames_of(data_dir, video_id)[:2]
    arguments = (*TWO_BEST, "--set", "video.is_isolated=false")
    result = thumb_assets("what-if", "--apply", *arguments)
    assert result.exit_code == 0, result.output
    store = TableStore(data_dir)
    assert frames_of(data_dir, video_id) == then
    assert sorted(store.read("stills", video_id).column("frame_index").to_pylist()) == sorted(then)
    assert len(list((data_dir / "stills").rglob("*_f*.jpg"))) == len(then)
    assert len(store.read("rejections", video_id)) == len(store.read("candidate_frames", video_id)) - len(then)
    assert "0 of 1 video would change" in thumb_assets("what-if", *arguments).output


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_the_output_file_has_every_frame_of_now_and_then(
    video_id: str, data_dir: Path, tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"what-if{suffix}"
    result = thumb_assets("what-if", *TWO_BEST, "--output", path)
    assert result.exit_code == 0, result.output
    frame = pd.read_csv(path) if suffix == ".csv" else pd.read_parquet(path)
    by_rank = frame.sort_values("rank_now")
    assert by_rank["frame_index"].tolist() == frames_of(data_dir, video_id)
    assert by_rank["rank_then"].fillna(0).tolist() == [1, 2, 0]
    assert set(by_rank["video_id"]) == {video_id}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--set", "selection.topk=2"], "selection.topk"),
        (["--set", "candidates.use_keyframes=true"], "run the stage `candidate_frames`"),
        (["--set", "sparse.is_on=true"], "run the stage `frames`"),
        (["--set", "clip.model=RN50"], "clip.positive_prompts"),
        (["--output", "what-if.xlsx"], ".parquet, .csv"),
    ],
)
def test_what_it_cannot_answer_is_wrong_usage(video_id: str, arguments: list[str], words: str) -> None:
    result = thumb_assets("what-if", *arguments)
    assert result.exit_code == 2
    assert len(result.output.splitlines()) == 1
    assert words in result.output


def test_what_is_missing_is_named_with_its_stage(video_id: str, data_dir: Path) -> None:
    prompts = thumb_assets("what-if", "--set", 'clip.positive_prompts=["a clear shot"]')
    assert prompts.exit_code == 1
    assert "run the stage `clip_scores` first" in prompts.output
    unknown = thumb_assets("what-if", "no-such-video")
    assert unknown.exit_code == 1
    assert "no video that was run here" in unknown.output
    nowhere = thumb_assets("what-if", "--output", data_dir / "no-such-folder" / "what-if.csv")
    assert nowhere.exit_code == 1
    assert "what-if.csv: cannot be written" in nowhere.output
    TableStore(data_dir).delete("selections", video_id)
    nothing = thumb_assets("what-if")
    assert nothing.exit_code == 1
    assert nothing.output.splitlines() == [
        "error: no video here can be selected anew; run the stage `selections` first"
    ]


def test_a_video_that_cannot_be_selected_is_left_out_and_said(
    video_id: str, synthetic_videos: Callable[[str], Path], data_dir: Path
) -> None:
    (other,) = register(data_dir, [synthetic_videos("one_frame")])
    run_stages(data_dir, [other], stages=STAGES[:-2])
    result = thumb_assets("what-if", "--set", "selection.top_k=1")
    assert result.exit_code == 0
    assert f"left out (1 video, {other}): run the stage selections first" in result.output
    assert "1 of 1 video would change" in result.output
    path = Path(Library(data_dir).find(other).path)
    content = path.read_bytes()
    path.unlink()
    run_stages(data_dir, [other], stages=STAGES)
    failed = thumb_assets("what-if", "--set", "selection.top_k=1").output
    assert re.search(
        rf"^left out \(1 video, {other}\): the stage \w+ made nothing; .*show VIDEO_ID", failed, re.MULTILINE
    )
    path.write_bytes(content)
    TableStore(data_dir).table_path("sharpness", video_id).write_bytes(b"junk")
    damaged = thumb_assets("what-if")
    assert damaged.exit_code == 1
    assert "is not a readable Parquet file" in damaged.output


def test_new_prompts_need_no_frame_and_are_applied(video_id: str, data_dir: Path) -> None:
    arguments = ("clip_scores", "selections")
    run_stages(data_dir, [video_id], stages=arguments)
    store = TableStore(data_dir)
    before = store.read("clip_scores", video_id)
    overrides = ['clip.positive_prompts=["a black frame"]', 'clip.negative_prompts=["a sharp frame"]']
    overrides += ["selection.weights.sharpness=0", "video.is_isolated=false"]
    options = [part for override in overrides for part in ("--set", override)]
    result = thumb_assets("what-if", *options)
    assert result.exit_code == 0, result.output
    assert "1 of 1 video would change" in result.output
    then = [int(frame) for frame in re.findall(r"(\d+) \(", result.output.split(video_id)[1])][3:]
    assert store.read("clip_scores", video_id).equals(before)
    applied = thumb_assets("what-if", "--apply", *options)
    assert applied.exit_code == 0, applied.output
    assert frames_of(data_dir, video_id) == then
    assert not store.read("clip_scores", video_id).column("clip_score").equals(before.column("clip_score"))
    assert store.read("clip_scores", video_id).column("embedding").equals(before.column("embedding"))
    assert "0 of 1 video would change" in thumb_assets("what-if", *options).output
