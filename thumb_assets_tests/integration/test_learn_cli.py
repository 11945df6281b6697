"""`thumb-assets learn` as a person types it, over videos that really ran, with pins and bans and files of labels."""

import csv
import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from thumb_assets.cli import main
from thumb_assets.pipeline.result import StageResult
from thumb_assets.settings.load import load_settings
from thumb_assets.store.candidate_cache import CandidateCache
from thumb_assets.store.decisions import decide
from thumb_assets.store.learned_head import read_learned_bytes, read_learned_head
from thumb_assets.store.parquet import TableStore
from thumb_assets_tests.support.running import register, run_stages

STAGES = ("videos", "frames", "shots", "candidate_frames", "sharpness", "clip_scores", "selections")
# Many candidates of short videos, and close selections.
OVERRIDES = ("candidates.every_num_frames=4", "selection.min_gap_seconds=0.2", "selection.distinct_shots=false")
FORCED = ("selection.learned=force", "selection.weights.learned=10")
VIDEOS = ("multi_shot", "portrait", "vfr", "cfr")
MODEL = "thumb-mini"

Labels = Mapping[tuple[str, int], float]


def thumb_assets(*arguments: object) -> Result:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert "Traceback" not in result.output
    return result


def run(data_dir: Path, *overrides: str) -> dict[tuple[str, str], StageResult]:
    settings = load_settings(overrides=[*OVERRIDES, *overrides])
    video_ids = TableStore(data_dir).video_ids("outcomes")
    return run_stages(data_dir, video_ids, STAGES, settings=settings)


@pytest.fixture(scope="module")
def finished(synthetic_videos: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder of four short videos with embeddings and selections."""
    data_dir = tmp_path_factory.mktemp("finished") / "data"
    video_ids = register(data_dir, map(synthetic_videos, VIDEOS))
    results = run_stages(data_dir, video_ids, STAGES, settings=load_settings(overrides=OVERRIDES))
    assert {result.status for result in results.values()} == {"done"}
    return data_dir


@pytest.fixture
def store(finished: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> TableStore:
    """A copy of it, which commands take for theirs."""
    shutil.copytree(finished, data_dir, dirs_exist_ok=True)
    monkeypatch.setenv("THUMB_ASSETS_DATA_DIR", str(data_dir))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    return TableStore(data_dir)


def unlike_the_hand_made(store: TableStore) -> Labels:
    """1 for the half of each video's candidates that is least sharp, which the hand-made scores put last."""
    measured = CandidateCache(store).candidates(needs_selections=False).measured
    assert measured is not None
    labels = {}
    for video, video_id in enumerate(measured.video_ids):
        sharpness = measured["laplacian_variance"][measured.span(video)]
        frames = measured.frame_indices[measured.span(video)].tolist()
        is_wanted = (sharpness < np.median(sharpness)).tolist()
        labels |= {(video_id, frame): float(one) for frame, one in zip(frames, is_wanted, strict=True)}
    return labels


def write_csv(path: Path, rows: Iterable[Iterable[object]], *, columns: str = "video_id,frame_index,label") -> Path:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns.split(","))
        writer.writerows(rows)
    return path


def labels_file(path: Path, labels: Labels) -> Path:
    return write_csv(path, [(*frame, label) for frame, label in labels.items()])


def frames_of(store: TableStore) -> dict[str, list[int]]:
    return {
        video_id: store.read("selections", video_id).sort_by("rank").column("frame_index").to_pylist()
        for video_id in store.video_ids("selections")
    }


def remade(results: Mapping[tuple[str, str], StageResult]) -> set[str]:
    return {stage for (_, stage), result in results.items() if not result.is_unchanged}


def test_what_was_learned_counts_where_it_is_better_and_only_selections_are_made_anew(
    store: TableStore, tmp_path: Path
) -> None:
    before = frames_of(store)
    assert remade(run(store.data_dir)) == set()
    path = labels_file(tmp_path / "labels.csv", unlike_the_hand_made(store))
    result = thumb_assets("learn", "--labels", path)
    assert result.exit_code == 0, result.output
    assert "labels of 4 videos" in result.output
    for measure in ("precision@1", "precision@3", "srcc"):
        assert any(line.startswith(measure) and "±" in line for line in result.output.splitlines()), result.output
    assert "better than the hand-made scores: it counts (selection.learned=auto); kept in" in result.output
    stored = read_learned_head(store)
    assert stored is not None
    assert stored.is_better
    assert stored.head.embedding_model.startswith(MODEL)
    assert stored.facts["num_videos"] == 4
    results = run(store.data_dir)
    assert remade(results) == {"selections"}
    assert all("learned" in str(r.metrics["components"]) for (_, stage), r in results.items() if stage == "selections")
    assert frames_of(store) != before
    percentiles = store.read("selections", store.video_ids("selections")[0]).column("learned_percentile")
    assert percentiles.null_count == 0
    assert remade(run(store.data_dir)) == set()
    again = thumb_assets("learn", "--labels", path)
    assert again.exit_code == 0
    assert remade(run(store.data_dir)) == set(), "the same labels give the same file"
    assert remade(run(store.data_dir, "selection.learned=off")) == {"selections"}
    assert frames_of(store) == before
    assert thumb_assets("learn", "--forget").output.endswith("learned-scorer.safetensors removed\n")
    assert "does not exist" in thumb_assets("learn", "--forget").output


def test_what_is_not_better_is_kept_and_counts_only_by_force(store: TableStore, tmp_path: Path) -> None:
    before = frames_of(store)
    random = np.random.default_rng(4)
    chance = {frame: float(random.random() < 0.5) for frame in unlike_the_hand_made(store)}
    result = thumb_assets("learn", "--labels", labels_file(tmp_path / "labels.csv", chance))
    assert result.exit_code == 0, result.output
    assert "not better than the hand-made scores: it does not count (selection.learned=auto); kept in" in result.output
    assert remade(run(store.data_dir)) == set()
    what_if = thumb_assets("what-if", *(part for each in (*OVERRIDES[1:], *FORCED) for part in ("--set", each)))
    assert what_if.exit_code == 0, what_if.output
    assert "0 of 4 videos would change" not in what_if.output
    assert remade(run(store.data_dir, *FORCED)) == {"selections"}
    assert frames_of(store) != before
    same = thumb_assets("what-if", *(part for each in (*OVERRIDES[1:], *FORCED) for part in ("--set", each)))
    assert "0 of 4 videos would change" in same.output


def test_pins_and_bans_are_labels(store: TableStore) -> None:
    labels = unlike_the_hand_made(store)
    for (video_id, frame_index), label in labels.items():
        decide(store, video_id, {frame_index: "pin" if label else "ban"})
    result = thumb_assets("learn", "--dry-run")
    assert result.exit_code == 0, result.output
    assert f"{len(labels)} labels of 4 videos" in result.output
    assert result.output.endswith("not kept (--dry-run)\n")
    assert read_learned_bytes(store) is None
    assert "left out" not in result.output


def test_too_few_labels_are_said_after_what_was_left_out(store: TableStore, tmp_path: Path) -> None:
    (video_id, frame), *_ = unlike_the_hand_made(store)
    decide(store, video_id, {frame: "pin"})
    decide(store, video_id, {frame + 1: "ban"})
    rows = [("no-such-video", 3, 1), ("no-such-video", 4, 1), ("multi", 0, 0)]
    result = thumb_assets("learn", "--labels", write_csv(tmp_path / "labels.csv", rows))
    assert result.exit_code == 1
    lines = result.output.splitlines()
    assert f"left out (1 row, {video_id} frame {frame + 1}): no candidate frame of its video" in lines
    assert "left out (2 rows, no-such-video frame 3, ...): no video that was run here" in lines
    assert lines[-1].startswith("error: ")
    assert "at least 10 are needed" in lines[-1]


def test_clicks_are_labels_too(store: TableStore, tmp_path: Path) -> None:
    rows = [(*frame, 60 if label else 20, 1000) for frame, label in unlike_the_hand_made(store).items()]
    path = write_csv(tmp_path / "clicks.csv", rows, columns="video_id,frame_index,clicks,impressions")
    result = thumb_assets("learn", "--labels", path)
    assert result.exit_code == 0, result.output
    assert "better than the hand-made scores: it counts" in result.output


def test_force_without_a_scorer_and_a_damaged_one_are_said(store: TableStore, tmp_path: Path) -> None:
    before = frames_of(store)
    missing = thumb_assets("what-if", "--set", "selection.learned=force")
    assert missing.exit_code == 1
    assert "learned-scorer.safetensors: is not there" in missing.output
    failed = run(store.data_dir, "selection.learned=force")
    assert {stage for (_, stage), result in failed.items() if result.status == "failed"} == {"selections"}
    store.learned_head_path.parent.mkdir()
    store.learned_head_path.write_bytes(b"junk" * 99)
    assert {result.status for result in run(store.data_dir).values()} == {"done"}  # a note says that it has no say
    assert frames_of(store) == before
    path = labels_file(tmp_path / "labels.csv", unlike_the_hand_made(store))
    assert thumb_assets("learn", "--labels", path).exit_code == 0
    assert read_learned_head(store) is not None
    assert thumb_assets("learn", "--forget").exit_code == 0
    assert {result.status for result in run(store.data_dir).values()} == {"done"}
    assert frames_of(store) == before


def test_another_model_s_scorer_has_no_say_and_the_run_says_so(store: TableStore, tmp_path: Path) -> None:
    before = frames_of(store)
    labels = labels_file(tmp_path / "labels.csv", unlike_the_hand_made(store))
    assert thumb_assets("learn", "--labels", labels).exit_code == 0
    path = store.learned_head_path
    content = path.read_bytes()
    # The same length, so that the header stays valid.
    path.write_bytes(content.replace(MODEL.encode(), b"other-mini"[: len(MODEL)]))
    results = run(store.data_dir)
    notes = {str(result.metrics["note"]) for (_, stage), result in results.items() if stage == "selections"}
    assert all("the learned scorer has no say: it knows embeddings of other-mini" in note for note in notes)
    assert frames_of(store) == before


def test_wrong_usage_is_refused(store: TableStore, tmp_path: Path) -> None:
    assert thumb_assets("learn", "--forget", "--dry-run").exit_code == 2
    missing = thumb_assets("learn", "--labels", tmp_path / "none.csv")
    assert missing.exit_code == 1
    assert "none.csv: cannot be read as CSV: No such file" in missing.output
