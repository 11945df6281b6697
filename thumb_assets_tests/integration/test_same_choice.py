"""The same video gives the same choice, however its frames are batched, whoever runs it and whatever runs beside it."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa
import pytest

from thumb_assets.pipeline.isolate import run_isolated
from thumb_assets.settings.load import Settings, load_settings
from thumb_assets.store.parquet import TableStore
from thumb_assets_tests.support.running import WITHOUT_MODELS, register, run_stages

STAGES = (*WITHOUT_MODELS, "clip_scores", "iqa_scores")
OVERRIDES = (
    "selection.top_k=auto",
    "selection.weights.iqa=0.15",
    'iqa.metrics=["piqe"]',
    "candidates.uniform_interval_seconds=0.7",
)
TABLES = ("candidate_frames", "appearance", "selections", "rejections")


def settings_of(*overrides: str) -> Settings:
    return load_settings(overrides=[*OVERRIDES, *overrides])


def tables_of(data_dir: Path, video_id: str) -> dict[str, pa.Table]:
    store = TableStore(data_dir)
    return {name: store.read(name, video_id).replace_schema_metadata(None) for name in TABLES}


def run_here(data_dir: Path, paths: Sequence[Path], *overrides: str) -> dict[str, dict[str, pa.Table]]:
    """By video, its tables; everything in this process."""
    video_ids = register(data_dir, paths)
    results = run_stages(data_dir, video_ids, STAGES, settings=settings_of(*overrides))
    assert {result.status for result in results.values()} == {"done"}, results
    return {video_id: tables_of(data_dir, video_id) for video_id in video_ids}


@pytest.fixture(scope="module")
def expected(
    synthetic_videos: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, dict[str, pa.Table]]:
    """The video of several shots alone, as it is by default."""
    ((video_id, tables),) = run_here(tmp_path_factory.mktemp("alone"), [synthetic_videos("multi_shot")]).items()
    assert tables["candidate_frames"].num_rows > 12, "more than the batches below"
    assert 2 <= tables["selections"].num_rows < tables["candidate_frames"].num_rows
    assert tables["selections"].column("clip_percentile").null_count == 0
    return video_id, tables


@pytest.mark.parametrize(
    "overrides",
    [
        ("clip.batch_size=1", "iqa.batch_size=1"),
        ("clip.batch_size=3", "iqa.batch_size=5"),
        ("clip.batch_size=4000", "iqa.batch_size=4", "video.decode_threads=1"),
    ],
    ids=" ".join,
)
def test_whatever_the_batches(
    overrides: tuple[str, ...],
    expected: tuple[str, dict[str, pa.Table]],
    synthetic_videos: Callable[[str], Path],
    data_dir: Path,
) -> None:
    video_id, tables = expected
    found = run_here(data_dir, [synthetic_videos("multi_shot")], *overrides)[video_id]
    for name in TABLES:
        assert found[name].equals(tables[name]), name


@pytest.mark.parametrize("place", [0, 1, 2])
def test_together_with_others_as_alone(
    place: int, expected: tuple[str, dict[str, pa.Table]], synthetic_videos: Callable[[str], Path], data_dir: Path
) -> None:
    video_id, tables = expected
    paths = [synthetic_videos(name) for name in ("cfr", "vfr")]
    paths.insert(place, synthetic_videos("multi_shot"))
    found = run_here(data_dir, paths, "clip.batch_size=5")[video_id]
    for name in TABLES:
        assert found[name].equals(tables[name]), name


def test_in_a_process_of_its_own_as_here(
    expected: tuple[str, dict[str, pa.Table]], synthetic_videos: Callable[[str], Path], data_dir: Path
) -> None:
    video_id, tables = expected
    assert register(data_dir, [synthetic_videos("multi_shot")]) == [video_id]
    results = list(run_isolated([video_id], STAGES, settings_of(), TableStore(data_dir)))
    assert {result.status for result in results} == {"done"}, results
    for name, table in tables_of(data_dir, video_id).items():
        assert table.equals(tables[name]), name


def test_one_stage_after_the_other_as_all_at_once(
    expected: tuple[str, dict[str, pa.Table]], synthetic_videos: Callable[[str], Path], data_dir: Path
) -> None:
    video_id, tables = expected
    register(data_dir, [synthetic_videos("multi_shot")])
    for stage in sorted(STAGES, key=STAGES.index):
        if stage not in {"selections", "stills", "crops", "published", "catalog"}:
            run_stages(data_dir, [video_id], [stage], settings=settings_of())
    run_stages(data_dir, [video_id], ["selections"], settings=settings_of())
    for name, table in tables_of(data_dir, video_id).items():
        assert table.equals(tables[name]), name
