"""`thumb-assets search` and `collections` as a person types them, over made-up libraries and one that was run."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from thumb_assets.cli import main
from thumb_assets.clip.scorer import load_clip_scorer
from thumb_assets.errors import ModelUnavailableError
from thumb_assets.meaning import DIMENSIONS
from thumb_assets.settings.load import load_settings
from thumb_assets.stages.selections import MODELS_OF_WORDS
from thumb_assets.store.outcomes import Outcome, record_outcomes
from thumb_assets.store.parquet import TableStore
from thumb_assets.tables.conform import table_from_rows
from thumb_assets.weights.resolve import resolve_file
from thumb_assets_tests.support.running import WITHOUT_MODELS, register, run_stages
from thumb_assets_tests.support.tiny_clip import TinyModel
from thumb_assets_tests.unit.store.builders import FOOTER, row
from thumb_assets_tests.unit.survey.builders import write_video

GOAL, START, MARKUP = "What a goal! The crowd is on its feet.", "They are about to start.", "<b>Gate</b> 12 & more"


def thumb_assets(*arguments: object) -> Result:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert "Traceback" not in result.output
    return result


def found(*arguments: object) -> list[dict[str, Any]]:
    result = thumb_assets("search", "--json", *arguments)
    assert result.exit_code == 0, result.output
    return list(json.loads(result.stdout)["found"])


def frames_of(rows: list[dict[str, Any]]) -> list[tuple[str, int]]:
    return [(row["video_id"], row["frame_index"]) for row in rows]


def write_run_video(store: TableStore, video_id: str, shows: list[str], *, has_clip: bool = True) -> None:
    """As `write_video`, of a video that counts as run."""
    write_video(store, video_id, shows, **({} if has_clip else {"model": None}))
    record_outcomes(store, video_id, [Outcome(video_id, "selections", "done", None, None, 1, "clip.mp4")])


def write_texts(store: TableStore, video_id: str) -> None:
    """Two subtitles, one writing, one chapter title of a video with a candidate each second."""
    cues = [(1.5, 3.0, START), (4.2, 5.9, GOAL)]
    rows_of = {
        "subtitles": [
            row("subtitles", number, video_id, start_seconds=start, end_seconds=end, text=text)
            for number, (start, end, text) in enumerate(cues)
        ],
        "texts": [row("texts", 0, video_id, frame_index=2, text_index=0, text=MARKUP)],
        "chapters": [
            row("chapters", 0, video_id, title="Interview", frame_index=3, start_pts_seconds=0.0, end_seconds=6.0)
        ],
    }
    for name, rows in rows_of.items():
        store.write(name, table_from_rows(name, rows), video_id=video_id, footer=FOOTER)


@pytest.fixture
def library(data_dir: Path) -> Path:
    store = TableStore(data_dir)
    write_run_video(store, "match-00000001", ["pitch", "bench", "gate", "face", "crowd", "net"])
    write_run_video(store, "other-00000002", ["street", "net", "dog", "crowd", "tree", "sky"], has_clip=False)
    write_run_video(store, "third-00000003", ["face", "beach", "net", "boat"])
    write_texts(store, "match-00000001")
    return data_dir


def test_words_are_found_wherever_they_stand_and_quoted(library: Path) -> None:
    for words, frame, source, quote in (
        ("goal", 5, "subtitle", GOAL),
        ("GATE 12", 2, "writing", MARKUP),
        ("interview", 3, "chapter title", "Interview"),
    ):
        first, *_ = found(words, "--data-dir", library)
        assert (first["video_id"], first["frame_index"], first["score"]) == ("match-00000001", frame, 1.0)
        assert [(each["source"], each["quote"]) for each in first["matches"]] == [(source, quote)]
        assert source in first["why"]
    result = thumb_assets("search", "goal", "--data-dir", library)
    assert 'subtitle at 4.2 s: "What a goal!' in result.stdout
    assert "reads no words" in result.stderr
    assert found("zebra", "--data-dir", library) == []


def test_a_text_is_found_by_its_meaning_where_the_model_is_there(library: Path) -> None:
    try:
        for name in MODELS_OF_WORDS:
            resolve_file(name, allow_download=False)
    except ModelUnavailableError as error:
        assert "compared by their words" in thumb_assets("search", "goal", "--data-dir", library).stderr
        pytest.skip(str(error))
    thumb_assets("search", "--prepare", "--data-dir", library)
    stored = (library / "search" / "meanings.arrow").stat()
    assert stored.st_size > 4 * DIMENSIONS
    first, *_ = found("a score by the team and cheering fans", "--data-dir", library)
    assert first["matches"][0]["quote"] == GOAL
    assert 0 < first["score"] < 1
    assert (library / "search" / "meanings.arrow").stat().st_mtime_ns == stored.st_mtime_ns, "read once"


def test_without_any_text_it_says_what_to_do(data_dir: Path) -> None:
    write_video(TableStore(data_dir), "silent-00000001", ["a", "b"])
    result = thumb_assets("search", "goal", "--data-dir", data_dir)
    assert result.exit_code == 1
    assert result.stderr.startswith("error: nothing here can be searched by words")
    assert "settings set profile=cpu`" in result.stderr
    assert "no chapter titles: turn on the setting chapters.is_on (`thumb-assets settings set" in result.stderr
    assert "texts.is_on" not in result.stderr, "it is on by default"
    assert thumb_assets("search", "goal", "--data-dir", data_dir / "none").exit_code == 1


def test_more_like_this_is_what_shows_the_same(library: Path) -> None:
    rows = found("--like", "match-00000001:5", "--limit", 1, "--data-dir", library)
    assert frames_of(rows) == [("third-00000003", 2)]
    assert rows[0]["score"] > 0.99
    assert "other-00000002" not in {row["video_id"] for row in found("--like", "match:5", "--data-dir", library)}
    assert "same model" in thumb_assets("search", "--like", "match:5", "--data-dir", library).stderr
    rows = found("--like", "match:5", "--per-video", 1, "--data-dir", library)
    assert sorted(row["video_id"] for row in rows) == ["match-00000001", "third-00000003"]
    result = thumb_assets("search", "--like", "match:99", "--data-dir", library)
    assert "frame 5, the nearest" in result.stderr
    for wrong in ("match", "match:", "match:x", ":3", "nobody:3", "match:-1", "match:²"):
        assert thumb_assets("search", "--like", wrong, "--data-dir", library).exit_code in {1, 2}, wrong


def test_ranges_alone_and_with_another_question(library: Path) -> None:
    rows = found("--where", "laplacian_variance>=1", "--limit", 3, "--data-dir", library)
    values = [row["values"]["laplacian_variance"] for row in rows]
    assert values == sorted(values, reverse=True)
    assert [row["score"] for row in rows] == values
    least = found("--where", "laplacian_variance<500", "--limit", 3, "--data-dir", library)
    assert [row["score"] for row in least] == sorted(row["score"] for row in least)
    assert GOAL not in str(found("goal", "--where", "pts_seconds<5", "--data-dir", library))
    assert frames_of(found("goal", "--where", "pts_seconds>=5", "--data-dir", library)) == [("match-00000001", 5)]
    inside = found("--like", "match:5", "--where", "pts_seconds<2", "--data-dir", library)
    assert inside
    assert all(row["pts_seconds"] < 2 for row in inside)
    result = thumb_assets("search", "--where", "pts_seconds<2", "--data-dir", library)
    assert "6 of them within the ranges" in result.stdout
    assert thumb_assets("search", "--where", "pts>2", "--data-dir", library).exit_code == 2
    misspelt = thumb_assets("search", "--where", "sharpnes>0.3", "--data-dir", library).stderr
    assert misspelt == "error: 'sharpnes' is no score of a frame; did you mean sharpness?\n"
    listed = thumb_assets("search", "--list-scores").stdout
    assert "laplacian_variance" in listed
    assert "num_faces" in listed


def test_it_follows_the_library(library: Path) -> None:
    store = TableStore(library)
    write_run_video(store, "fourth-00000004", ["net"])
    assert frames_of(found("--like", "match:5", "--limit", 2, "--data-dir", library))[0][0] in {
        "third-00000003",
        "fourth-00000004",
    }
    write_texts(store, "fourth-00000004")
    assert {video for video, _ in frames_of(found("goal", "--data-dir", library))} == {
        "match-00000001",
        "fourth-00000004",
    }
    for name in ("candidate_frames", "subtitles"):
        store.delete(name, "match-00000001")
    assert {video for video, _ in frames_of(found("goal", "--data-dir", library))} == {"fourth-00000004"}


def test_words_are_held_against_pictures_by_a_model_that_reads_them(
    data_dir: Path, synthetic_videos: Callable[[str], Path], tiny_model: TinyModel
) -> None:
    sets = [f"clip.model={tiny_model.name}", f"clip.checkpoint={tiny_model.checkpoint}", "clip.pretrained=null"]
    settings = load_settings(overrides=sets)
    ids = register(data_dir, [synthetic_videos("multi_shot")])
    results = run_stages(data_dir, ids, [*WITHOUT_MODELS, "clip_scores"], settings=settings)
    assert results[ids[0], "clip_scores"].status == "done"
    table = TableStore(data_dir).read("clip_scores", ids[0])
    embeddings = np.stack(table.column("embedding").to_pylist()).astype(np.float32)
    encoder = load_clip_scorer(settings.clip).encoder
    options = [word for each in sets for word in ("--set", each)]
    num_found = 0
    for words in ("a red square", "night", "a crowd of people", "sea", "letters on a wall"):
        cosines = embeddings @ encoder.encode_texts([words])[0]
        by_frame = dict(zip(table.column("frame_index").to_pylist(), cosines.tolist(), strict=True))
        is_like = cosines > cosines.mean() + cosines.std() + 1e-3
        rows = found(words, "--limit", 50, *options, "--data-dir", data_dir)
        num_found += len(rows)
        assert bool(rows) or not is_like.any()
        assert frames_of(rows)[:1] in ([], [(ids[0], max(by_frame, key=by_frame.__getitem__))])
        for each in rows:
            (match,) = each["matches"]
            assert match["source"] == "picture"
            assert match["cosine"] == pytest.approx(by_frame[each["frame_index"]], abs=2e-3)
    assert num_found, "at least one of the words is like a picture"


def test_what_is_found_is_pinned_and_collected(data_dir: Path, synthetic_videos: Callable[[str], Path]) -> None:
    run_stages(data_dir, register(data_dir, [synthetic_videos("multi_shot")]))
    store = TableStore(data_dir)
    (video_id,) = store.video_ids("selections")
    where = ("--where", "luma_mean>0", "--limit", 2, "--data-dir", data_dir)
    frames = sorted(frame for _, frame in frames_of(found(*where)))
    result = thumb_assets("search", *where, "--collect", "best of", "--pin")
    assert result.exit_code == 0, result.output
    decided = store.read("decisions", video_id).to_pylist()
    assert sorted(each["frame_index"] for each in decided) == frames
    listed = json.loads(thumb_assets("collections", "--json", "--data-dir", data_dir).stdout)
    assert [each["frame_index"] for each in listed["best of"]] == frames
    assert "0 new" in thumb_assets("search", *where, "--collect", "best of").stdout
    changed = thumb_assets("collections", "best of", "--remove", f"{video_id}:{frames[0]}", "--data-dir", data_dir)
    assert changed.stdout.strip() == "1 removed"
    shown = thumb_assets("collections", "best of", "--data-dir", data_dir).stdout
    assert f" {frames[1]} " in shown
    assert "here" in shown
    run_stages(data_dir, [video_id])
    assert thumb_assets("collections", "best of", "--data-dir", data_dir).stdout == shown
    assert thumb_assets("collections", "nothing", "--data-dir", data_dir).exit_code == 1
    assert thumb_assets("collections", "--add", f"{video_id}:1", "--data-dir", data_dir).exit_code == 2
    assert thumb_assets("search", *where, "--collect", "a\x1bb").exit_code == 1


def test_a_frame_that_a_rule_rejects_says_so_and_a_percentile_of_what_it_is(data_dir: Path) -> None:
    write_run_video(TableStore(data_dir), "match-00000001", ["black", "bench", "gate", "face"])
    rows = found("--where", "sharpness>=0", "--data-dir", data_dir)
    rejected = {row["frame_index"]: row["rejected"] for row in rows if row["rejected"]}
    assert rejected[0] == "too dark"
    assert 2 not in rejected
    assert all("within its video" in row["why"] for row in rows)
    shown = thumb_assets("search", "--where", "sharpness>=0, luma_mean>=0", "--data-dir", data_dir)
    assert "rejected by a rule: too dark" in shown.stdout
    assert f"reject {len(rejected)} of the 4 frames found" in shown.stderr
